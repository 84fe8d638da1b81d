"""Text of others made harmless for a terminal: control and format characters are escaped."""

from __future__ import annotations

import json
import re
from typing import Any
from unicodedata import category

# Control characters (Cc) move the cursor and colour a terminal, format characters (Cf) reorder
# or hide text, and lone surrogates (Cs) and line separators (Zl, Zp) break lines and encodings.
HARMFUL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_SUSPECT = re.compile(r"[^\x20-\x7e\n\t]")


def printable(text: str) -> str:
    r"""Return a text with harmful characters escaped as Python spells them, such as \x1b.

    Line feeds and tabs stay: they move only forward, and texts of people have them.
    """
    if text.isprintable():
        return text
    return _SUSPECT.sub(_escaped, text)


def json_text(value: Any, indent: int | None = None) -> str:
    r"""Return a value as JSON whose harmful characters are written as \u escapes.

    The value that a program reads is unchanged.
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return text if text.isprintable() else _SUSPECT.sub(_json_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if category(character) not in HARMFUL:
        return character
    return character.encode("unicode_escape").decode("ascii")


def _json_escaped(match: re.Match[str]) -> str:
    character = match[0]
    return character if category(character) not in HARMFUL else json.dumps(character)[1:-1]
