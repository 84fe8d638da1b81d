"""Texts of the command lines in other languages: catalogues by the English text.

A package of a program has two files for each further language, named by its tag: `zh.toml` with the
texts of the help, tables and reports, and `messages.zh.toml` with the messages (`messages`). Each
has an English text of the program, and the text in the language. What no catalogue has stays
English.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.resources import files

from bureau_keys.command_line.languages import LANGUAGES, current_language, use_language
from bureau_keys.money import label_of

# The packages whose programs run in this process. The catalogue of this one has what all share.
_packages = ["bureau_keys.command_line"]


def use_texts_of(package: str) -> None:
    """Take the catalogues of a package, too."""
    if package not in _packages:
        _packages.append(package)


def packages() -> Sequence[str]:
    """Return the packages whose programs run in this process."""
    return tuple(_packages)


def tr(text: str, language: str = "") -> str:
    """Translate a text of a command line; the text itself where no catalogue has it.

    Args:
        text: English text, with its `{}` fields unfilled.
        language: Language; empty for that of the person at the terminal.
    """
    wanted = language or current_language()
    if wanted == LANGUAGES[0]:
        return text
    for package in _packages:
        if (translated := catalogue(package, wanted).get(text)) is not None:
            return translated
    return text


def help_for_people(text: str) -> str:
    """Translate a text of a help, by paragraphs; words that a paragraph lists stay as they are."""
    return "\n\n".join(map(_paragraph, text.split("\n\n")))


def _paragraph(text: str) -> str:
    plain = " ".join(text.split())
    if (translated := tr(plain)) != plain or current_language() == LANGUAGES[0]:
        return translated if translated != plain else text
    for package in _packages:
        for pattern, translated in _listing(package, current_language()):
            if match := pattern.fullmatch(plain):
                return translated.format(*match.groups())
    return text


@cache
def _listing(package: str, language: str) -> Sequence[tuple[re.Pattern[str], str]]:
    """Return the texts of a catalogue in which words of codes are left open: `Action: {0}.`."""
    return [
        (re.compile(re.escape(text).replace(r"\{0\}", r"([a-z0-9, -]+)")), translated)
        for text, translated in catalogue(package, language).items()
        if text.count("{") == 1 and " {0}" in text
    ]


def label_for_people(name: str) -> str:
    """Return the name of a field for people, in their language."""
    return tr(label_of(name))


@cache
def catalogue(package: str, language: str) -> Mapping[str, str]:
    """Read the texts of a package in a language; none where it has no file."""
    return _table(package, f"{language}.toml", "texts")


@cache
def messages_of(package: str, language: str) -> Mapping[str, str]:
    """Read the messages of a package in a language; none where it has no file."""
    return _table(package, f"messages.{language}.toml", "messages")


def _table(package: str, name: str, table: str) -> Mapping[str, str]:
    file = files(package).joinpath(name)
    if not file.is_file():
        return {}
    texts: dict[str, str] = tomllib.loads(file.read_text("utf-8"))[table]
    return texts


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Print in a language within the block."""
    before = current_language()
    use_language(language)
    try:
        yield
    finally:
        use_language(before)
