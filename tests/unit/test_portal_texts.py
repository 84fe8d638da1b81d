"""The texts of the portal: whole in every language, and for everything that a person signs."""

from __future__ import annotations

from collections.abc import Iterator
from string import Formatter
from typing import Any, get_args

import pytest

from bureau_client.models.texts import DEFAULT, languages
from bureau_keys.entry_kinds import EntryKind
from bureau_portal.statements import SIGNED, described
from bureau_portal.words import Words, preferred, texts

OTHERS = sorted({*texts()} - {DEFAULT})


def flat(table: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a language by its key."""
    if isinstance(table, str):
        yield prefix, table
        return
    pairs = table.items() if isinstance(table, dict) else enumerate(table)
    for key, value in pairs:
        yield from flat(value, f"{prefix}.{key}".lstrip("."))


def fields(text: str) -> set[str]:
    """The names of the values that a text takes."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_the_portal_has_the_languages_of_the_sdk() -> None:
    assert texts().keys() == languages().keys()


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_there_and_takes_the_same_values(language: str) -> None:
    english, other = dict(flat(texts()[DEFAULT])), dict(flat(texts()[language]))
    assert other.keys() == english.keys()
    for key, text in english.items():
        if key in {"dates.month", "dates.day"}:
            continue  # a month is written by its name or its number
        assert fields(other[key]) == fields(text), key


@pytest.mark.parametrize("language", sorted(texts()))
def test_every_field_of_every_statement_has_words(language: str) -> None:
    """Without them the browser refuses to sign."""
    statements = described(Words(language))["statements"]
    assert len(statements) == len(SIGNED)
    for statement in statements.values():
        assert statement["title"]
        assert all(field["label"] for field in statement["fields"].values())
    assert [one["reads"] for one in statements.values()].count(True) == 1


def test_every_kind_of_event_has_words() -> None:
    never = {"admission", "credential", "evaluation", "member-change", "member-state"}
    never |= {"standard", "submission"}  # of no single person
    assert texts()[DEFAULT]["kinds"].keys() == {*get_args(EntryKind)} - never


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.1", "en"),
        ("fr;q=0.9, zh;q=0.5", "zh"),
        ("zh;q=0", "en"),
        ("", "en"),
        ("*;q=x, ,;;", "en"),
    ],
)
def test_the_language_is_the_browsers(header: str, language: str) -> None:
    assert preferred(header) == language
