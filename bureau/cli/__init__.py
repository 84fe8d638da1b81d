"""The operator's command line, `bureau`."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and exits with its code."""
    try:
        from bureau.cli.app import main as run  # noqa: PLC0415  (it needs what may be missing)
    except ModuleNotFoundError as missing:
        sys.exit(
            f"error: the server's parts are not installed: {missing.name} is missing\n"
            "Run `pip install 'creditbureau[server]'`."
        )
    run(arguments)


__all__ = ["main"]
