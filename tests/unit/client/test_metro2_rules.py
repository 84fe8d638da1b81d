"""What the fields of an account say of one another, and of the month before."""

from __future__ import annotations

import io
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bureau_client.files.metro2 import (
    blank,
)
from bureau_client.files.metro2.layout import layouts, table_of
from tests.unit.client.metro2_files import base, file_of, read_all, rules

CASES = tomllib.loads(Path(__file__).with_name("metro2_cases.toml").read_text("utf-8"))


def changes(text: str) -> dict[str, Any]:
    """The changes that a case names, by the kinds of the fields."""
    found: dict[str, Any] = {}
    for name, _, value in (word.partition("=") for word in text.split()):
        kind = layouts()["BASE"][name].kind
        of: dict[str, Callable[[str], Any]] = {"money": int, "date": date.fromisoformat}
        found[name] = None if value == "-" else of.get(kind, str)(value)
    return found


def test_every_rule_has_its_cases() -> None:
    assert {entry["id"] for entry in table_of("rules")["rule"]} == {
        case["rule"] for cases in CASES.values() for case in cases
    }


@pytest.mark.parametrize("case", CASES["account"], ids=lambda case: case["rule"])
def test_an_account_that_contradicts_itself_is_found(case: dict[str, str]) -> None:
    for text, found in ((case["breaks"], True), (case["holds"], False)):
        assert (case["rule"] in rules(read_all(file_of([base(**changes(text))])))) is found


@pytest.mark.parametrize("case", CASES["month"], ids=lambda case: case["rule"])
def test_an_account_that_contradicts_the_month_before_is_found(case: dict[str, str]) -> None:
    before = base(**changes(case["before"]))
    bankrupt = blank("J1").with_values(
        surname="ROE", first_name="R", ecoa_code="2", consumer_information_indicator="A"
    )
    for text, found in ((case["breaks"], True), (case["holds"], False)):
        raw = file_of([base(**changes(text))])
        previous = io.BytesIO(file_of([before]))
        assert (case["rule"] in rules(read_all(raw, previous=previous))) is found
        if case["rule"].startswith("PHP"):
            # A bankruptcy of anybody on the account takes these rules away.
            previous = io.BytesIO(file_of([before, bankrupt]))
            assert case["rule"] not in rules(read_all(raw, previous=previous))
