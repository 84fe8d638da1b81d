"""The next month of a serialised history: byte for byte what parsing and serialising it gives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bureau.credit_file.furnished_month import MAX_MONTHS, FurnishedMonth, varint
from bureau.credit_file.history import put_month
from bureau_keys.payment_profile import AMOUNTS, month_before
from creditbureau.v1.codes_pb2 import ACCOUNT_STATUS_CURRENT, ACCOUNT_STATUS_PAST_DUE_60
from creditbureau.v1.record_pb2 import TradelineSnapshot
from creditbureau.v1.report_pb2 import PaymentHistory

NEWEST = 202612
INTEGERS = st.integers(-(1 << 63), (1 << 63) - 1)
SNAPSHOTS = st.builds(
    TradelineSnapshot,
    month=st.just(NEWEST),
    status=st.sampled_from([ACCOUNT_STATUS_CURRENT, ACCOUNT_STATUS_PAST_DUE_60]),
    **dict.fromkeys(AMOUNTS, INTEGERS),
)


def _history(like: TradelineSnapshot, months: int, newest: int) -> PaymentHistory:
    """Return a history of as many months, each like a snapshot."""
    history = PaymentHistory()
    for age in reversed(range(months)):
        snapshot = TradelineSnapshot()
        snapshot.CopyFrom(like)
        snapshot.month = month_before(newest, age)
        put_month(history, snapshot)
    return history


def _serialised(history: PaymentHistory) -> bytes:
    return history.SerializeToString(deterministic=True)


@given(SNAPSHOTS, SNAPSHOTS, st.integers(0, MAX_MONTHS - 1))
def test_the_next_month_is_put_as_by_messages(
    past: TradelineSnapshot, snapshot: TradelineSnapshot, months: int
) -> None:
    history = _history(past, months, month_before(NEWEST, 1))
    before = _serialised(history)
    put_month(history, snapshot)
    assert FurnishedMonth.of(snapshot).put_next(before) == _serialised(history)


@given(SNAPSHOTS, st.sampled_from([-13, -1, 0, 2, 12]))
def test_another_month_is_not_put(snapshot: TradelineSnapshot, age: int) -> None:
    history = _serialised(_history(snapshot, 3, month_before(NEWEST, age)))
    assert FurnishedMonth.of(snapshot).put_next(history) == b""


@given(SNAPSHOTS)
def test_no_month_is_put_into_a_full_history(snapshot: TradelineSnapshot) -> None:
    history = _serialised(_history(snapshot, MAX_MONTHS, month_before(NEWEST, 1)))
    assert FurnishedMonth.of(snapshot).put_next(history) == b""


@given(INTEGERS)
def test_a_varint_is_that_of_protobuf(number: int) -> None:
    tag_and_length = 2
    message = _serialised(PaymentHistory(balance_minor=[number]))
    assert varint(number) == message[tag_and_length:]
