"""A batch works out what follows from its records alone."""

from __future__ import annotations

from bureau.credit_file.batch import Batch
from bureau.credit_file.batch_records import BatchRecord
from creditbureau.v1.codes_pb2 import (
    ACCOUNT_STATUS_CURRENT,
    ACCOUNT_STATUS_PAST_DUE_60,
    PORTFOLIO_TYPE_INSTALMENT,
    PORTFOLIO_TYPE_REVOLVING,
)
from creditbureau.v1.record_pb2 import (
    FACILITY_ACTION_KIND_RENUMBER,
    Deletion,
    FacilityAction,
    Party,
    Record,
    TradelineSnapshot,
)

ADA, BEN = "bb" * 16, "aa" * 16


def snapshot(ref: str, person: str, **fields: int) -> Record:
    parties = [Party(subject_id=person)]
    return Record(
        account_ref=ref,
        snapshot=TradelineSnapshot(month=202602, parties=parties, currency="USD", **fields),  # type: ignore[arg-type]
    )


LOAN = snapshot("loan", ADA, portfolio_type=PORTFOLIO_TYPE_INSTALMENT)
CARD = snapshot("card", BEN, portfolio_type=PORTFOLIO_TYPE_REVOLVING)
LATE = snapshot("late", ADA, status=ACCOUNT_STATUS_PAST_DUE_60, first_delinquency_date=20251201)
CURED = snapshot("cured", ADA, status=ACCOUNT_STATUS_CURRENT, first_delinquency_date=20251201)
RENUMBERED = Record(
    account_ref="card",
    action=FacilityAction(kind=FACILITY_ACTION_KIND_RENUMBER, new_account_ref="new card"),
)
GONE = Record(account_ref="gone", deletion=Deletion(month=202601))


def batch_of(*records: Record) -> Batch:
    return Batch.of(
        [BatchRecord.of(index, record, b"", False) for index, record in enumerate(records)]
    )


def test_records_are_told_apart_by_what_they_may_change() -> None:
    batch = batch_of(LOAN, CARD, LATE, CURED, RENUMBERED, GONE)
    assert [line.record for line in batch.actions] == [RENUMBERED]
    assert [line.record for line in batch.of_lines] == [CARD]
    assert [line.record for line in batch.dated] == [LATE]
    assert [month.snapshot for month in batch.months.values()] == [
        record.snapshot for record in (LOAN, CARD, LATE, CURED)
    ]


def test_references_and_people_are_sorted_and_each_is_there_once() -> None:
    batch = batch_of(LOAN, CARD, LATE, RENUMBERED, GONE)
    assert batch.refs == ["card", "gone", "late", "loan", "new card"]
    assert batch.people == [BEN, ADA]


def test_the_present_references_are_those_of_every_part() -> None:
    batch = batch_of(CARD, LATE, RENUMBERED).under({"card": "card 2", "late": "late 2"})
    assert [line.account_ref for line in batch.lines] == ["card 2", "late 2", "card 2"]
    assert [line.account_ref for line in batch.of_lines] == ["card 2"]
    assert [line.account_ref for line in batch.dated] == ["late 2"]
    assert [line.account_ref for line in batch.actions] == ["card 2"]
