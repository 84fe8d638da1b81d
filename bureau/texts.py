"""What the bureau itself says to people: flags, alerts and notices, in every language
that there is a file for in `bureau/data/texts`.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def texts(kind: str, name: str) -> dict[str, str]:
    """A text by language (BCP 47).

    Args:
        kind: `flag`, `alert` or `notice`.
        name: The code's short name: `DIVERGENCE`.

    Raises:
        KeyError: A language lacks it.
    """
    return {str(table["language"]): table[kind][name] for table in _tables()}


@cache
def _tables() -> list[dict[str, Any]]:
    folder = files("bureau") / "data" / "texts"
    found = sorted(folder.iterdir(), key=lambda at: at.name)
    return [tomllib.loads(at.read_text("utf-8")) for at in found if at.name.endswith(".toml")]
