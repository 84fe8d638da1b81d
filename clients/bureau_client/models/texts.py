"""Codes and refusals in words for people, in every language that there is a file for in
`clients/bureau_client/data/texts`. A further language needs a further file, and no code.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

DEFAULT = "en"


def lookup(table: str, name: str, language: str) -> tuple[str, str]:
    """What a code or a refusal means, and what to do about it.

    Args:
        table: The enum, `AccountStatus`, or `Reason` for what an error names.
        name: Its member: `CURRENT`.
        language: BCP 47: `zh-CN` falls back on `zh`, what is unknown on English.

    Returns:
        Two texts; what no language has words for is empty.
    """
    for tables in _ladder(language):
        words = tables.get(table, {}).get(name)
        if isinstance(words, str):
            return words, ""
        if words:
            return words["text"], words["fix"]
    return "", ""


@cache
def languages() -> dict[str, dict[str, Any]]:
    """The tables of every language."""
    folder = files("bureau_client") / "data" / "texts"
    found = [
        tomllib.loads(at.read_text("utf-8")) for at in folder.iterdir() if at.name.endswith(".toml")
    ]
    return {str(tables["language"]).lower(): tables for tables in found}


def _ladder(language: str) -> list[dict[str, Any]]:
    """The tables to look into, the nearest first (RFC 4647, lookup)."""
    parts = language.lower().replace("_", "-").split("-")
    steps = ["-".join(parts[:count]) for count in range(len(parts), 0, -1)]
    known = languages()
    return [known[step] for step in (*steps, DEFAULT) if step in known]
