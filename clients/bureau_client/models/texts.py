"""Texts of codes and refusals for people, in every language of `bureau_client/data/texts`.

A further language needs a further file, named by its BCP 47 tag, and no code. Beside its
texts, each file has the terms of its language: one for each notion, so that translations
agree (docs/texts.md).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

DEFAULT = "en"

T = TypeVar("T")


def lookup(table: str, name: str, language: str) -> tuple[str, str]:
    """Look up the text of a code or a refusal, and its fix.

    Args:
        table: The enum, `AccountStatus`, or `Reason` for what an error names.
        name: Its member: `CURRENT`.
        language: BCP 47: `zh-CN` falls back on `zh`, an unknown language on English.

    Returns:
        Text and fix; empty where no language has them.
    """
    for tables in nearest(languages(), language):
        words = tables.get(table, {}).get(name)
        if isinstance(words, str):
            return words, ""
        if words:
            return words["text"], words["fix"]
    return "", ""


@cache
def languages() -> dict[str, dict[str, Any]]:
    """Read the tables of every language, by its tag."""
    folder = files("bureau_client") / "data" / "texts"
    return {
        file.name.removesuffix(".toml"): tomllib.loads(file.read_text("utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".toml")
    }


def nearest(by_language: Mapping[str, T], language: str) -> list[T]:
    """Choose values by language, the nearest first and English last (RFC 4647, lookup).

    Args:
        by_language: Values by language tag, for example the texts of a notice.
        language: BCP 47, for example `zh-CN`; with an underscore too.
    """
    parts = language.lower().replace("_", "-").split("-")
    tags = ["-".join(parts[:count]) for count in range(len(parts), 0, -1)]
    known = {tag.lower(): value for tag, value in by_language.items()}
    return [known[tag] for tag in dict.fromkeys((*tags, DEFAULT)) if tag in known]
