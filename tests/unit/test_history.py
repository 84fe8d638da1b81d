"""The history of an account: however records come, each month shows what holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bureau.credit_file.furnished_month import MAX_MONTHS, FurnishedMonth
from bureau.credit_file.history import (
    Account,
    TrailEntry,
    effective_snapshots,
    first_months,
    put_month,
    steps_of,
)
from bureau_keys.payment_profile import character_of, months_between
from creditbureau.v1.codes_pb2 import ACCOUNT_STATUS_CURRENT, ACCOUNT_STATUS_PAST_DUE_60
from creditbureau.v1.record_pb2 import TradelineSnapshot
from creditbureau.v1.report_pb2 import PaymentHistory


def _month(number: int) -> int:
    return number // 12 * 100 + number % 12 + 1


MONTHS = st.integers(2010 * 12, 2026 * 12).map(_month)
SNAPSHOTS = st.builds(
    TradelineSnapshot,
    month=MONTHS,
    status=st.sampled_from([ACCOUNT_STATUS_CURRENT, ACCOUNT_STATUS_PAST_DUE_60]),
    balance_minor=st.integers(-(10**15), 10**15),
    amount_due_minor=st.integers(0, 10**15),
    amount_paid_minor=st.integers(0, 10**15),
    amount_past_due_minor=st.integers(0, 10**15),
)
DELIVERIES = st.lists(st.tuples(SNAPSHOTS, st.booleans()), min_size=1, max_size=40)


def _delivered(deliveries: list[tuple[TradelineSnapshot, bool]]) -> Account:
    account = Account(1)
    for index, (snapshot, correction) in enumerate(deliveries):
        account.apply_snapshot(
            TrailEntry(1000 + index, index, int(correction), snapshot.month),
            FurnishedMonth.of(snapshot),
        )
    return account


@given(DELIVERIES)
def test_each_month_shows_what_holds(deliveries: list[tuple[TradelineSnapshot, bool]]) -> None:
    """Slowly: of each month the last correction, or else the last original."""
    account = _delivered(deliveries)
    expected: dict[int, TradelineSnapshot] = {}
    for wanted in (False, True):
        for snapshot, correction in deliveries:
            if correction is wanted:
                expected[snapshot.month] = snapshot
    newest = max(expected)
    history = PaymentHistory.FromString(account.history)
    assert history.newest_month == newest
    span = min(max(months_between(month, newest) for month in expected) + 1, MAX_MONTHS)
    shown = {months_between(month, newest): snapshot for month, snapshot in expected.items()}
    assert len(history.profile) == span
    for age in range(span):
        month_snapshot = shown.get(age, TradelineSnapshot())
        assert history.profile[age] == (character_of(month_snapshot) if age in shown else "D")
        assert history.balance_minor[age] == month_snapshot.balance_minor
        assert history.amount_due_minor[age] == month_snapshot.amount_due_minor
        assert history.amount_paid_minor[age] == month_snapshot.amount_paid_minor
        assert history.amount_past_due_minor[age] == month_snapshot.amount_past_due_minor
    at_newest = deliveries[account.newest[1]][0]
    assert at_newest == expected[newest]


@given(DELIVERIES, st.integers(1, 40))
def test_a_past_history_can_be_made_again(
    deliveries: list[tuple[TradelineSnapshot, bool]], count: int
) -> None:
    """Of the records that hold alone, without those that they replaced."""
    whole = _delivered(deliveries)
    past = _delivered(deliveries[:count])
    again = Account(1)
    held = effective_snapshots(steps_of(whole.trail)[:count]).values()
    again.rebuild((step, deliveries[step.record_index][0]) for step in held)
    assert again.history == past.history
    assert again.newest == past.newest


@given(DELIVERIES, st.integers(1, MAX_MONTHS))
def test_the_first_months_are_the_newest(
    deliveries: list[tuple[TradelineSnapshot, bool]], count: int
) -> None:
    history = PaymentHistory.FromString(_delivered(deliveries).history)
    part = first_months(history, count)
    assert part.newest_month == history.newest_month
    assert part.profile == history.profile[:count]
    assert list(part.balance_minor) == list(history.balance_minor)[:count]
    assert list(part.amount_past_due_minor) == list(history.amount_past_due_minor)[:count]


@given(st.lists(SNAPSHOTS, min_size=1, max_size=8), st.integers(0, MAX_MONTHS), st.data())
def test_the_next_month_is_put_as_any_other(
    snapshots: list[TradelineSnapshot], count: int, data: st.DataObject
) -> None:
    """Byte for byte, from the first month to a full history."""
    account, expected = Account(1), PaymentHistory()
    month = 2010 * 12
    for index in range(count + len(snapshots)):
        snapshot = snapshots[index % len(snapshots)]
        snapshot.month = _month(month)
        account.apply_snapshot(TrailEntry(1, index, 0, snapshot.month), FurnishedMonth.of(snapshot))
        put_month(expected, snapshot)
        assert account.history == expected.SerializeToString(deterministic=True)
        assert account.newest == (1, index)
        month += data.draw(st.sampled_from([1, 2, 130])) if index > count else 1
