"""The months that delinquencies follow from: those that are not read change nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bureau.credit_file.delinquencies import (
    ReportedMonth,
    delinquencies_of,
    may_be_delinquent,
)
from bureau.credit_file.furnished_month import MAX_MONTHS, FurnishedMonth
from bureau.credit_file.history import (
    CORRECTION,
    DELETION,
    ORIGINAL,
    Account,
    TrailEntry,
    deleted_snapshots,
    effective_snapshots,
    steps_of,
)
from bureau.credit_file.reported_months import ReportedMonths, read_delinquencies
from bureau_keys.payment_profile import PROFILE, month_before
from creditbureau.v1.record_pb2 import Record, TradelineSnapshot
from creditbureau.v1.report_pb2 import PaymentHistory

NEWEST = 202512
# Current, current without a balance, late, settled, transferred, closed: several of each.
STATUSES = sorted(PROFILE)


class StoredRecords:
    """The records of one account, in place of a database."""

    def __init__(self) -> None:
        self.records: dict[tuple[int, int], Record] = {}
        self.queries = 0

    def all_in(self, _: Any, wanted: list[tuple[int, int]]) -> list[Any]:
        """Return the rows of records."""
        self.queries += 1
        return [
            SimpleNamespace(
                submission_key=key,
                record_index=index,
                body=self.records[key, index].SerializeToString(),
                submission_id="",
            )
            for key, index in dict.fromkeys(wanted)
        ]


def _account(steps: list[tuple[int, int, int, int, int]], stored: StoredRecords) -> Account:
    account = Account(1)
    for number, (kind, age, status, balance, dated) in enumerate(steps):
        month = month_before(NEWEST, age)
        step = TrailEntry(1000 + number, number, kind, month)
        if kind == DELETION:
            if month not in effective_snapshots(steps_of(account.trail)):
                continue
            account.append(step)
            left = effective_snapshots(steps_of(account.trail))
            account.rebuild((one, stored.records[one[:2]].snapshot) for one in left.values())
            continue
        snapshot = TradelineSnapshot(
            month=month,
            status=status,  # type: ignore[arg-type]
            balance_minor=balance,
            first_delinquency_date=month_before(month, dated) * 100 + 9 if dated else 0,
        )
        stored.records[step[:2]] = Record(snapshot=snapshot)
        account.apply_snapshot(step, FurnishedMonth.of(snapshot))
    return account


@given(
    st.lists(
        st.tuples(
            st.sampled_from([ORIGINAL, ORIGINAL, ORIGINAL, CORRECTION, DELETION]),
            st.one_of(st.integers(0, 14), st.integers(MAX_MONTHS - 4, MAX_MONTHS + 4)),
            st.sampled_from(STATUSES),
            st.sampled_from([0, 100]),
            st.integers(0, 4),
        ),
        max_size=24,
    )
)
@settings(deadline=None, max_examples=400)
def test_months_that_are_not_read_change_no_delinquency(
    steps: list[tuple[int, int, int, int, int]],
) -> None:
    stored = StoredRecords()
    account = _account(steps, stored)
    trail = steps_of(account.trail)
    effective, deleted = effective_snapshots(trail), deleted_snapshots(trail)
    every = [
        *(ReportedMonth.of(stored.records[step[:2]].snapshot) for step in effective.values()),
        *(
            ReportedMonth.of(stored.records[step[:2]].snapshot, is_deleted=True)
            for step in deleted.values()
        ),
    ]
    history = PaymentHistory.FromString(account.history)
    status = stored.records[account.newest].snapshot.status if effective else 0
    if may_be_delinquent(history, status, lambda: effective):
        months = ReportedMonths(stored, history, account.trail)  # type: ignore[arg-type]
        assert read_delinquencies([months]) == [delinquencies_of(every)]


def test_records_of_several_accounts_are_read_by_one_query() -> None:
    late, current = STATUSES[1], STATUSES[0]
    stored, accounts = StoredRecords(), []
    for number in range(3):
        account = Account(number)
        for age, status in ((3, current), (2, late), (1, current), (0, current)):
            month = month_before(NEWEST, age)
            step = TrailEntry(1000 + number, age, ORIGINAL, month)
            snapshot = TradelineSnapshot(month=month, status=status, balance_minor=1)  # type: ignore[arg-type]
            stored.records[step[:2]] = Record(snapshot=snapshot)
            account.apply_snapshot(step, FurnishedMonth.of(snapshot))
        history = PaymentHistory.FromString(account.history)
        accounts.append(ReportedMonths(stored, history, account.trail))  # type: ignore[arg-type]
    assert [len(each) for each in read_delinquencies(accounts)] == [1, 1, 1]
    assert stored.queries == 1
