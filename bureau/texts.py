"""Texts of flags, alerts and notices, in every language of `bureau/data/texts`.

A further language needs a further file, and no code.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def texts(kind: str, name: str) -> dict[str, str]:
    """Look up a text in every language, by BCP 47 tag.

    Args:
        kind: `flag`, `alert` or `notice`.
        name: The code's short name: `DIVERGENCE`.

    Raises:
        KeyError: A language lacks the text.
    """
    return {str(table["language"]): table[kind][name] for table in _tables()}


@cache
def _tables() -> list[dict[str, Any]]:
    folder = files("bureau") / "data" / "texts"
    found = sorted(folder.iterdir(), key=lambda at: at.name)
    return [tomllib.loads(at.read_text("utf-8")) for at in found if at.name.endswith(".toml")]
