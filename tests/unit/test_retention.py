"""Which day it is on which something bad is reported for the last time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bureau.credit_file.filed import FiledAction, FiledTradeline
from bureau.credit_file.history import Account, TrailEntry
from bureau.credit_file.retention import retained
from bureau.policy import Policy, Retention, load_policy
from creditbureau.v1 import codes_pb2, record_pb2
from creditbureau.v1.record_pb2 import FacilityAction, RecordRef, TradelineSnapshot
from creditbureau.v1.report_pb2 import PaymentHistory

CURRENT = codes_pb2.ACCOUNT_STATUS_CURRENT
LATE = codes_pb2.ACCOUNT_STATUS_PAST_DUE_60
LOST = codes_pb2.ACCOUNT_STATUS_CHARGE_OFF
PAID = codes_pb2.ACCOUNT_STATUS_PAID_CHARGE_OFF
US, CN = load_policy("US"), load_policy("CN")


def line(months: dict[int, int], *actions: FiledAction, **changes: int) -> FiledTradeline:
    """A tradeline by the statuses of its months (yyyymm)."""
    account, snapshot = Account(1), TradelineSnapshot()
    for month, status in sorted(months.items()):
        snapshot = TradelineSnapshot(
            month=month,
            status=status,  # type: ignore[arg-type]
            balance_minor=100,
            amount_past_due_minor=7 if status == LATE else 0,
            **changes,  # type: ignore[arg-type]
        )
        account.apply_snapshot(TrailEntry(1, 0, 0, month), snapshot)
    history = PaymentHistory.FromString(account.history)
    return FiledTradeline("t", "acme", 1, history, snapshot, RecordRef(), list, list(actions))


def filed(kind: str, year: int, month: int, day: int) -> FiledAction:
    code = record_pb2.FacilityActionKind.Value(f"FACILITY_ACTION_KIND_{kind}")
    action = FacilityAction(kind=code)
    action.effective_time.FromDatetime(datetime(year, month, day, 23, 59, tzinfo=UTC))
    return FiledAction(action, RecordRef())


def on(day: date, tradeline: FiledTradeline, policy: Policy) -> FiledTradeline | None:
    """How reports of a day show it; from its first to its last second."""
    results = [
        list(retained([tradeline], policy, int(moment.timestamp() * 1_000_000)))
        for moment in (
            datetime(day.year, day.month, day.day, tzinfo=UTC),
            datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC),
        )
    ]
    assert results[0] == results[1]
    return results[0][0] if results[0] else None


def last_day(tradeline: FiledTradeline, policy: Policy, gone: date) -> None:
    """Whole the day before, and not on the day."""
    before = on(gone - timedelta(days=1), tradeline, policy)
    assert before is tradeline
    assert on(gone, tradeline, policy) is not tradeline


def with_rule(policy: Policy, item: str, **changes: object) -> Policy:
    rule: Retention = replace(policy.retention[item], **changes)  # type: ignore[arg-type]
    return replace(policy, retention={**policy.retention, item: rule})


def test_a_late_month_fades_and_the_account_stays() -> None:
    tradeline = line({201905: LATE, 201906: CURRENT, 202605: CURRENT})
    last_day(tradeline, US, date(2026, 5, 1))
    shown = on(date(2026, 5, 1), tradeline, US)
    assert shown is not None
    assert shown.history.profile == "0" + "D" * 82 + "0D"
    assert shown.history.amount_past_due_minor[84] == 0
    assert shown.history.balance_minor[84] == 100


def test_grace_days_count_for_late_months_too() -> None:
    tradeline = line({201905: LATE, 202605: CURRENT})
    last_day(tradeline, with_rule(US, "delinquency", grace_days=10), date(2026, 5, 11))


def test_where_the_end_counts_a_run_fades_as_a_whole() -> None:
    run = {201901: LATE, 201902: LATE, 201903: LATE, 201904: CURRENT}
    tradeline = line({**run, 202401: CURRENT})
    last_day(tradeline, CN, date(2024, 4, 1))
    shown = on(date(2024, 4, 1), tradeline, CN)
    assert shown is not None
    assert shown.history.profile[-4:] == "0DDD"
    # In the United States each month has its own day.
    shown = on(date(2026, 2, 1), line({**run, 202601: CURRENT}), US)
    assert shown is not None
    assert shown.history.profile[-4:] == "02DD"


def test_an_account_that_ends_badly_leaves_as_a_whole() -> None:
    tradeline = line({201904: CURRENT, 201905: LATE})
    last_day(tradeline, US, date(2026, 5, 1))
    assert on(date(2026, 5, 1), tradeline, US) is None


@pytest.mark.parametrize(
    ("first", "gone"),
    [(20190131, date(2026, 7, 30)), (20190930, date(2027, 3, 29)), (20200229, date(2027, 8, 27))],
)
def test_a_charge_off_counts_from_its_first_delinquency(first: int, gone: date) -> None:
    """84 months and 180 days (15 U.S.C. 1681c(a)(4), (c)(1))."""
    tradeline = line({202101: LOST}, first_delinquency_date=first)
    last_day(tradeline, US, gone)
    assert on(gone, tradeline, US) is None


def test_without_a_date_it_counts_from_the_first_bad_month() -> None:
    tradeline = line({201812: CURRENT, 201901: LATE, 201906: LOST, 202101: LOST})
    gone = date(2026, 1, 1) + timedelta(days=180)
    assert on(gone - timedelta(days=1), tradeline, US) is not None
    assert on(gone, tradeline, US) is None
    # Reported once, and never anything else.
    assert on(date(2026, 1, 1) + timedelta(days=180), line({201901: LOST}), US) is None


def test_in_china_a_charge_off_counts_from_when_it_was_paid() -> None:
    owed = line({201901: LOST, 201902: LOST}, close_date=20190115)
    # Closed in the books, owed to this day: it has not ended.
    assert on(date(2036, 1, 1), owed, CN) is not None
    closed = line({201901: LOST, 201903: PAID}, close_date=20190310)
    last = date(2024, 3, 10)
    assert on(last - timedelta(days=1), closed, CN) is not None
    assert on(last, closed, CN) is None
    # Its furnisher gives no date: the first month in which it is paid.
    undated = line({201901: LOST, 201903: PAID, 201906: PAID})
    assert on(date(2024, 2, 28), undated, CN) is not None
    assert on(date(2024, 3, 1), undated, CN) is None


def test_what_a_lender_did_long_ago_is_not_told_for_ever() -> None:
    old, new = filed("RESTRUCTURE", 2019, 5, 20), filed("LIMIT_CHANGE", 2025, 1, 1)
    tradeline = line({202604: CURRENT}, new, old)
    last_day(tradeline, US, date(2026, 5, 20))
    shown = on(date(2026, 5, 20), tradeline, US)
    assert shown is not None
    assert shown.actions == [new]


def test_a_freeze_that_stands_is_told_as_long_as_it_stands() -> None:
    freeze, restore = filed("FREEZE", 2015, 5, 20), filed("RESTORE", 2018, 1, 1)
    standing = line({202604: CURRENT}, freeze)
    assert on(date(2026, 5, 1), standing, US) is standing
    ended = line({202604: CURRENT}, restore, freeze)
    shown = on(date(2026, 5, 1), ended, US)
    assert shown is not None
    assert shown.actions == []
