"""What the fields of an account say of one another, and of the month before."""

from __future__ import annotations

import io
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bureau.policy import load_policy
from bureau_client.files.metro2 import Reader, Segment, Severity, blank
from bureau_client.files.metro2.incoming import records_of
from bureau_client.files.metro2.layout import BASE, layouts, table_of
from bureau_keys import contradictions
from tests.unit.client.metro2_files import BEFORE, DAY, base, file_of, read_all, rules

CASES = tomllib.loads(Path(__file__).with_name("metro2_cases.toml").read_text("utf-8"))


def changed(text: str) -> list[Segment]:
    """An account with the changes that a case names, by the kinds of the fields."""
    values: dict[str, dict[str, Any]] = {"BASE": {}, "L1": {}}
    for path, _, value in (word.partition("=") for word in text.split()):
        segment, name = path.split(".") if "." in path else ("BASE", path)
        kind = layouts()[segment][name].kind
        of: dict[str, Callable[[str], Any]] = {"money": int, "date": date.fromisoformat}
        values[segment][name] = None if value == "-" else of.get(kind, str)(value)
    change = [blank("L1").with_values(**values["L1"])] if values["L1"] else []
    return [base(**values["BASE"]), *change]


def test_every_rule_has_its_cases() -> None:
    assert {entry["id"] for entry in table_of("rules")["rule"]} == {
        case["rule"] for cases in CASES.values() for case in cases
    }


@pytest.mark.parametrize("case", CASES["account"], ids=lambda case: case["rule"])
def test_an_account_that_contradicts_itself_is_found(case: dict[str, str]) -> None:
    for text, broken in ((case["breaks"], True), (case["holds"], False)):
        assert (case["rule"] in rules(read_all(file_of(changed(text))))) is broken


@pytest.mark.parametrize("case", CASES["month"], ids=lambda case: case["rule"])
def test_an_account_that_contradicts_the_month_before_is_found(case: dict[str, str]) -> None:
    before = changed(case["before"])
    bankrupt = blank("J1").with_values(
        surname="ROE", first_name="R", ecoa_code="2", consumer_information_indicator="A"
    )
    for text, broken in ((case["breaks"], True), (case["holds"], False)):
        raw = file_of(changed(text))
        previous = io.BytesIO(file_of(before, day=BEFORE))
        assert (case["rule"] in rules(read_all(raw, previous=previous))) is broken
        if case["rule"].startswith("PHP"):
            # A bankruptcy of anybody on the account takes these rules away.
            previous = io.BytesIO(file_of([*before, bankrupt], day=BEFORE))
            assert case["rule"] not in rules(read_all(raw, previous=previous))


@pytest.mark.parametrize("day", [DAY, date(2024, 3, 31), date(2023, 4, 30), date(2024, 6, 30)])
def test_only_the_month_before_is_compared_with(day: date) -> None:
    previous = io.BytesIO(file_of([base()], day=day))
    assert rules(read_all(file_of([base()]), previous=previous)) == {"M2-PREVIOUS": 1}


def test_a_broken_file_of_the_month_before_is_not_compared_with() -> None:
    previous = io.BytesIO(file_of([base()], day=BEFORE)[:-100])
    assert rules(read_all(file_of([base()]), previous=previous)) == {"M2-PREVIOUS": 1}


def test_a_renumbered_account_is_compared_under_its_new_number() -> None:
    before = changed("L1.change_indicator=1 L1.new_consumer_account_number=A-9")
    raw = file_of([base(consumer_account_number="A-9", payment_history_profile="1" * 24)])
    previous = io.BytesIO(file_of(before, day=BEFORE))
    assert rules(read_all(raw, previous=previous)) == {"PHP-Status-2": 1}


MAPPED = {
    entry["record_rule"]: entry for entry in table_of("rules")["rule"] if "record_rule" in entry
}


@pytest.mark.parametrize("record_rule", MAPPED)
def test_a_rule_that_means_the_same_for_records_judges_alike(record_rule: str) -> None:
    entry = MAPPED[record_rule]
    assert entry["severity"] == contradictions.rules()[record_rule].severity
    texts = [
        case
        for case in CASES["account"]
        if case["rule"] == entry["id"] and case.get("record_rule") == record_rule
    ]
    assert texts, "a case names the rule of records"
    for case in texts:
        for text, broken in ((case["breaks"], True), (case["holds"], False)):
            (account,) = (
                record
                for record in Reader(io.BytesIO(file_of(changed(text))))
                if record.kind == BASE
            )
            (snapshot, *_) = records_of(account, ["0" * 32], "USD")
            judged = contradictions.errors_of(snapshot) + contradictions.warnings_of(snapshot)
            assert (record_rule in {rule.id for rule in judged}) is broken


def test_what_is_obsolete_is_so_for_the_bureau_too() -> None:
    """The client cannot read the bureau's policy: its rules have the same months and days."""
    retention = load_policy("US").retention
    rules_of_age = [e for e in table_of("rules")["rule"] if e["id"] == "DOAI-DOFD-1"]
    operands = [when[2][1:] for e in rules_of_age for when in e["when"] if "older than" in when]
    delinquency, lost = retention["delinquency"], retention["collection_or_charge_off"]
    assert operands[0] == [delinquency.months]
    assert operands[1:] == [[lost.months, lost.grace_days]] * 2
    assert delinquency.grace_days == 0


@pytest.mark.parametrize(
    ("status", "age", "is_obsolete"),
    [("71", 83, False), ("71", 85, True), ("97", 88, False), ("97", 91, True), ("62", 88, False)],
)
def test_a_charge_off_is_reported_180_days_longer(status: str, age: int, is_obsolete: bool) -> None:
    months = DAY.year * 12 + DAY.month - 1 - age
    first = date(months // 12, months % 12 + 1, 1)
    account = base(
        account_status=status, date_opened=date(2000, 1, 1), date_of_first_delinquency=first
    )
    assert ("DOAI-DOFD-1" in rules(read_all(file_of([account])))) is is_obsolete


def test_flags_of_examiners_are_warnings_unless_asked_for() -> None:
    raw = file_of([base(account_status="71", date_of_first_delinquency=date(2024, 4, 20))])
    for strict, severity in ((False, Severity.WARNING), (True, Severity.ERROR)):
        findings = [f for _, listed in read_all(raw, strict=strict) for f in listed]
        assert {(f.rule, f.severity) for f in findings} == {("Status-APD-1", severity)}
