"""The rules of a batch: judged at once, and record by record where one is wrong; the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureau.credit_file import record_rules
from bureau.credit_file.batch_records import BatchRecord
from bureau.credit_file.record_rules import check_records, find_warnings
from bureau.errors import Refusal
from bureau_keys import contradictions
from bureau_keys.contradictions import Severity
from creditbureau.v1 import codes_pb2, record_pb2
from creditbureau.v1.record_pb2 import (
    Deletion,
    FacilityAction,
    Record,
    TradelineSnapshot,
)

# 2026-09-21.
NOW_US = 1_790_000_000_000_000
DATES = st.sampled_from(
    [0, 19991231, 20200131, 20240430, 20240531, 20260230, 20260921, 20260922, 20270101]
)
# What a snapshot has otherwise than a valid one: each value is right or wrong beside others.
CHANGES: dict[str, st.SearchStrategy[Any]] = {
    "month": st.sampled_from([0, 202400, 202404, 202405, 202413, 202609, 202610]),
    "open_date": DATES,
    "close_date": DATES,
    "first_delinquency_date": DATES,
    "last_payment_date": DATES,
    "currency": st.sampled_from(["USD", "CNY", "XQZ", "usd"]),
    "status": st.integers(0, 22),
    "portfolio_type": st.integers(0, 6),
    "balance_minor": st.sampled_from([-5, 0, 1, 10_000]),
    "amount_past_due_minor": st.sampled_from([-1, 0, 1, 10_001]),
    "days_past_due": st.sampled_from([0, 1, 29, 30, 59, 60, 400]),
    "original_creditor": st.sampled_from(["", "Hillside", "a\u202eb", "x" * 65]),
    "account_type": st.sampled_from(["18", "0C", "x"]),
    "secured": st.booleans(),
    "special_comment": st.sampled_from(["", "AH", "M", "m"]),
}
ACTION = FacilityAction(
    kind=record_pb2.FACILITY_ACTION_KIND_FREEZE,
    initiator=record_pb2.INITIATOR_LENDER,
    reasons=[record_pb2.ACTION_REASON_DELINQUENCY_HERE],
)
SNAPSHOT = TradelineSnapshot(
    month=202405,
    portfolio_type=codes_pb2.PORTFOLIO_TYPE_REVOLVING,
    account_type="18",
    currency="USD",
    open_date=20200131,
    status=codes_pb2.ACCOUNT_STATUS_CURRENT,
    balance_minor=10_000,
)
PEOPLE = st.lists(st.sampled_from(["0" * 32, "1" * 32, "x"]), min_size=1, max_size=2)


@st.composite
def _records(draw: st.DrawFn) -> Record:
    record = Record(salt=bytes(32), account_ref=draw(st.sampled_from(["A-1", "A-2", "A-3"])))
    kind = draw(st.sampled_from(["snapshot"] * 6 + ["action", "deletion", ""]))
    if kind == "action":
        record.action.CopyFrom(ACTION)
        record.action.effective_time.seconds = draw(st.sampled_from([0, NOW_US // 1_000_000 * 2]))
    elif kind == "deletion":
        month, reason = draw(st.sampled_from([0, 202405, 202413])), draw(st.integers(0, 1))
        record.deletion.CopyFrom(Deletion(month=month, reason=reason))  # type: ignore[arg-type]
    elif kind:
        record.snapshot.CopyFrom(SNAPSHOT)
        for person in draw(PEOPLE):
            record.snapshot.parties.add(subject_id=person, role=codes_pb2.PARTY_ROLE_INDIVIDUAL)
        for name in draw(st.lists(st.sampled_from(sorted(CHANGES)), max_size=3, unique=True)):
            setattr(record.snapshot, name, draw(CHANGES[name]))
    return record


def _lines(records: list[Record]) -> list[BatchRecord]:
    return [BatchRecord.of(index, record, b"", False) for index, record in enumerate(records)]


def _judged(records: list[Record]) -> tuple[str, str, list[tuple[str, str, str]]]:
    """The reason, the message and the violations of a batch; empty for one in order."""
    try:
        check_records(_lines(records), NOW_US)
    except Refusal as refusal:
        violations = [(each.field, each.rule, each.message) for each in refusal.violations]
        return refusal.reason, refusal.message, violations
    return "", "", []


@given(st.lists(_records(), min_size=1, max_size=6), st.sampled_from([1, 2, record_rules.BLOCK]))
def test_a_batch_is_judged_as_its_records_are(records: list[Record], block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_rules, "BLOCK", block)
        patch.setattr(record_rules, "FEW", 0)
        by_blocks = _judged(records)
        patch.setattr(record_rules, "FEW", len(records))
        one_by_one = _judged(records)
    assert by_blocks == one_by_one


@given(st.lists(_records(), max_size=6))
def test_warnings_come_in_the_order_of_the_records(records: list[Record]) -> None:
    expected: dict[str, list[int]] = {}
    for index, record in enumerate(records):
        for rule in contradictions.warnings_of(record.snapshot):
            if record.snapshot.month:
                expected.setdefault(rule.id, []).append(index)
    listed = [
        (warning.rule, list(warning.record_indexes)) for warning in find_warnings(_lines(records))
    ]
    assert listed == list(expected.items())


@given(st.lists(_records(), max_size=6))
def test_contradictions_of_many_are_those_of_each(records: list[Record]) -> None:
    snapshots = [record.snapshot for record in records]
    broken = {
        (rule.id, index)
        for severity in Severity
        for rule, indexes in contradictions.broken_in(snapshots, severity)
        for index in indexes
    }
    assert broken == {
        (rule.id, index)
        for index, snapshot in enumerate(snapshots)
        for rule in (*contradictions.errors_of(snapshot), *contradictions.warnings_of(snapshot))
    }
