"""Texts of flags, alerts and notices, in every language that `bureau/data` has a file for.

A file is named by its language's BCP 47 tag. Texts of alerts and notices are in
`bureau/data/texts`. Texts of flags are bytes of signed reports: each version of them stays
in its own folder of `bureau/data/flag_texts`.
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
        kind: `alert` or `notice`.
        name: The code's short name: `DIVERGENCE`.

    Raises:
        KeyError: A language lacks the text.
    """
    return {language: table[kind][name] for language, table in _tables("texts").items()}


@cache
def flag_texts(version: str, name: str) -> dict[str, str]:
    """Look up a flag's text in every language of a version of the flags' texts.

    Raises:
        KeyError: A language lacks the text.
    """
    tables = _tables(f"flag_texts/{version}")
    return {language: table["flag"][name] for language, table in tables.items()}


@cache
def _tables(folder: str) -> dict[str, dict[str, Any]]:
    listed = files("bureau").joinpath("data", *folder.split("/")).iterdir()
    return {
        file.name.removesuffix(".toml"): tomllib.loads(file.read_text("utf-8"))
        for file in sorted(listed, key=lambda file: file.name)
        if file.name.endswith(".toml")
    }
