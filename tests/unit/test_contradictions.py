"""The table of contradictions: every rule, judged alike by the bureau and by the SDK."""

from __future__ import annotations

import dataclasses
import tomllib
from datetime import date
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureau.credit_file import record_rules
from bureau.credit_file.batch_records import BatchRecord
from bureau.errors import Refusal
from bureau_client import AccountStatus, CloseReason, Month, Party, PortfolioType, Snapshot
from bureau_client._codec.records import encode_record
from bureau_client.models.record_checks import check_record, find_warnings
from bureau_keys import contradictions
from bureau_keys.contradictions import Severity
from creditbureau.v1.record_pb2 import Record, TradelineSnapshot
from tests.documents import ROOT

TABLE = tomllib.loads((files("bureau_keys") / "contradictions.toml").read_text("utf-8"))
SUBJECT = "0" * 32
NOW_US = 1_790_000_000_000_000
S, P = AccountStatus, PortfolioType


def snapshot(**changes: Any) -> Snapshot:
    """A month of a card that is current, with changes."""
    fields: dict[str, Any] = {
        "account_ref": "A-1",
        "month": Month(2024, 5),
        "parties": (Party(SUBJECT),),
        "portfolio_type": P.REVOLVING,
        "account_type": "18",
        "currency": "USD",
        "open_date": date(2020, 1, 31),
        "status": S.CURRENT,
        "balance_minor": 100_00,
    }
    return Snapshot(**(fields | changes))


# For each rule, what breaks it, and the nearest that does not.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "paid-with-balance": (
        {"status": S.PAID_OR_CLOSED, "balance_minor": 1},
        {"status": S.PAID_OR_CLOSED, "balance_minor": -1},
    ),
    "paid-with-past-due": (
        {"status": S.TRANSFERRED, "balance_minor": 0, "amount_past_due_minor": 1},
        {"status": S.TRANSFERRED, "balance_minor": 0},
    ),
    "paid-with-days-past-due": (
        {"status": S.PAID_COLLECTION, "balance_minor": 0, "days_past_due": 1},
        {"status": S.COLLECTION, "days_past_due": 1},
    ),
    "current-with-late-days": ({"days_past_due": 30}, {"days_past_due": 29}),
    "late-without-days": (
        {"status": S.PAST_DUE_30},
        {"status": S.PAST_DUE_30, "days_past_due": 30},
    ),
    "days-outside-status": (
        {"status": S.PAST_DUE_30, "days_past_due": 60},
        {"status": S.PAST_DUE_30, "days_past_due": 59},
    ),
    "past-due-without-balance": (
        {"status": S.CHARGE_OFF, "balance_minor": 0, "amount_past_due_minor": 1},
        {"status": S.CHARGE_OFF, "balance_minor": 1, "amount_past_due_minor": 1},
    ),
    "first-delinquency-before-opening": (
        {"status": S.CHARGE_OFF, "first_delinquency_date": date(2020, 1, 30)},
        {"status": S.CHARGE_OFF, "first_delinquency_date": date(2020, 1, 31)},
    ),
    "past-due-over-balance": (
        {"days_past_due": 9, "amount_past_due_minor": 100_01},
        {"days_past_due": 9, "amount_past_due_minor": 100_00},
    ),
    "past-due-without-days": (
        {"amount_past_due_minor": 1},
        {"amount_past_due_minor": 1, "days_past_due": 1},
    ),
    "current-with-first-delinquency": (
        {"first_delinquency_date": date(2020, 1, 31)},
        {"status": S.CHARGE_OFF, "first_delinquency_date": date(2020, 1, 31)},
    ),
    "closed-with-balance": (
        {"portfolio_type": P.INSTALMENT, "close_date": date(2024, 5, 1)},
        {"portfolio_type": P.REVOLVING, "close_date": date(2024, 5, 1)},
    ),
    "mortgage-not-secured": (
        {"portfolio_type": P.MORTGAGE},
        {"portfolio_type": P.MORTGAGE, "secured": True},
    ),
}
# What is right although it looks like a contradiction.
RIGHT: list[dict[str, Any]] = [
    # A debt that was bought, or is collected: its delinquency is older than the account.
    {"account_type": "0C", "first_delinquency_date": date(2019, 1, 1), "status": S.COLLECTION},
    {"account_type": "48", "first_delinquency_date": date(2019, 1, 1), "status": S.COLLECTION},
    {
        "account_type": "01",
        "original_creditor": "Hillside",
        "first_delinquency_date": date(2019, 1, 1),
        "status": S.CHARGE_OFF,
    },
    # A charge-off closes an account whose balance is still owed.
    {
        "portfolio_type": P.INSTALMENT,
        "status": S.CHARGE_OFF,
        "close_date": date(2024, 5, 1),
        "close_reason": CloseReason.CHARGED_OFF,
    },
    # Paid too much: the lender owes the person.
    {"status": S.PAID_OR_CLOSED, "balance_minor": -5, "close_date": date(2024, 5, 1)},
]


def judged_by_sdk(record: Snapshot) -> tuple[set[str], set[str]]:
    """The rules that a record breaks, with their severity, by the SDK."""
    errors = {violation.rule for violation in check_record(record, 0)}
    return errors, {violation.rule for violation in find_warnings(record, 0)}


def judged_by_bureau(record: Snapshot) -> tuple[set[str], set[str]]:
    """The rules that a record breaks, with their severity, by the bureau."""
    raw = encode_record(record, bytes(32))
    lines = [BatchRecord.of(0, Record.FromString(raw), raw, correction=False)]
    errors: set[str] = set()
    try:
        record_rules.check_records(lines, NOW_US)
    except Refusal as refusal:
        errors = {violation.rule for violation in refusal.violations}
    return errors, {warning.rule for warning in record_rules.find_warnings(lines)}


def test_the_table_is_about_fields_of_the_contract_and_every_rule_has_a_case() -> None:
    contract = set(TradelineSnapshot.DESCRIPTOR.fields_by_name)
    ours = {field.name for field in dataclasses.fields(Snapshot)}
    ids = [entry["id"] for entry in TABLE["rule"]]
    assert len(set(ids)) == len(ids)
    assert set(ids) == set(contradictions.rules()) == set(CASES)
    for entry in TABLE["rule"]:
        fields = {entry["field"], *(condition[0] for condition in entry["when"])}
        assert fields <= contract & ours, entry["id"]
        assert entry["source"], entry["id"]


@pytest.mark.parametrize("rule", CASES)
def test_every_rule_finds_its_contradiction_and_not_the_nearest_truth(rule: str) -> None:
    broken, right = (snapshot(**changes) for changes in CASES[rule])
    severity = contradictions.rules()[rule].severity
    for judge in (judged_by_sdk, judged_by_bureau):
        assert rule in judge(broken)[severity is Severity.WARNING]
        assert rule not in set().union(*judge(right))


@pytest.mark.parametrize("changes", RIGHT)
def test_what_only_looks_like_a_contradiction_is_taken_without_a_word(
    changes: dict[str, Any],
) -> None:
    assert judged_by_sdk(snapshot(**changes)) == (set(), set())
    assert judged_by_bureau(snapshot(**changes)) == (set(), set())


AMOUNTS = st.sampled_from([-5, 0, 1, 2, 10**15])
DATES = st.sampled_from([date(2019, 1, 1), date(2020, 1, 31), date(2024, 5, 1)])


@given(
    st.fixed_dictionaries(
        {
            "status": st.sampled_from([code for code in AccountStatus if code]),
            "portfolio_type": st.sampled_from([code for code in PortfolioType if code]),
            "account_type": st.sampled_from(["01", "0C", "18", "26", "48", "77"]),
            "balance_minor": AMOUNTS,
            "amount_past_due_minor": AMOUNTS.filter(lambda amount: amount >= 0),
            "days_past_due": st.sampled_from([0, 1, 29, 30, 59, 60, 95, 179, 180, 9999]),
            "open_date": st.just(date(2020, 1, 31)),
            "first_delinquency_date": st.none() | DATES,
            "close_date": st.none() | st.just(date(2024, 5, 1)),
            "close_reason": st.sampled_from(CloseReason),
            "special_comment": st.sampled_from(["", "AH", "M"]),
            "original_creditor": st.sampled_from(["", "Hillside"]),
            "secured": st.booleans(),
        }
    )
)
def test_the_bureau_and_the_sdk_judge_alike(changes: dict[str, Any]) -> None:
    record = snapshot(**changes)
    by_sdk, by_bureau = judged_by_sdk(record), judged_by_bureau(record)
    assert by_sdk == by_bureau
    assert set().union(*by_sdk) <= set(CASES)


def test_a_refusal_names_field_fault_and_fix_in_both_languages() -> None:
    for rule in contradictions.rules().values():
        assert set(rule.texts) == {"en", "zh"}
        for text in rule.texts.values():
            assert text.fault
            assert text.fix
            assert not {text.fault[-1], text.fix[-1]} & set(".;。；"), rule.id
        assert rule.texts["zh"].fault.isascii() is False


def test_the_document_lists_the_table() -> None:
    rows = [
        f"| `{rule.id}` | {rule.severity} | `{rule.field}` {rule.texts['en'].fault} "
        f"| {rule.texts['en'].fix} | {rule.source} |"
        for rule in contradictions.rules().values()
    ]
    document = (ROOT / "docs" / "record-rules.md").read_text("utf-8").splitlines()
    listed = [line for line in document if line.startswith("| `")]
    assert listed == rows
