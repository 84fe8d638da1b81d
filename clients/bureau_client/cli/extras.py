"""Extras of the SDK that a command needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

# Top-level packages that the extras bring.
PACKAGES = frozenset(
    {
        "jinja2",
        "matplotlib",
        "numpy",
        "pyarrow",
        "pydantic",
        "reportlab",
        "rfc8785",
        "sklearn",
        "starlette",
        "uvicorn",
        "zen",
    }
)


@contextmanager
def extra(name: str, commands: str) -> Iterator[None]:
    """Say how to install an extra if one of its packages is missing.

    Args:
        name: Name of the extra.
        commands: Name of the commands that need it, a plural.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in PACKAGES:
            raise
        raise ValueError(f"{commands} need an extra: pip install 'creditbureau[{name}]'") from error
