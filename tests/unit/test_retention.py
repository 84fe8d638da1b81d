"""The day on which reports stop showing what is adverse."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bureau.credit_file.delinquencies import ReportedMonth, delinquencies_of
from bureau.credit_file.filed import FiledAction, FiledTradeline
from bureau.credit_file.furnished_month import FurnishedMonth
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
SOLD = codes_pb2.ACCOUNT_STATUS_TRANSFERRED
CLOSED = codes_pb2.ACCOUNT_STATUS_PAID_OR_CLOSED
REPOSSESSED = codes_pb2.ACCOUNT_STATUS_REPOSSESSION
REDEEMED = codes_pb2.ACCOUNT_STATUS_PAID_REPOSSESSION
US, CN = load_policy("US"), load_policy("CN")


def line(months: dict[int, int], *actions: FiledAction, **changes: int) -> FiledTradeline:
    """A tradeline by the statuses of its months (yyyymm)."""
    account, snapshot, reported = Account(1), TradelineSnapshot(), []
    for month, status in sorted(months.items()):
        snapshot = TradelineSnapshot(
            month=month,
            status=status,  # type: ignore[arg-type]
            balance_minor=100,
            amount_past_due_minor=7 if status == LATE else 0,
            **changes,  # type: ignore[arg-type]
        )
        account.apply_snapshot(TrailEntry(1, 0, 0, month), FurnishedMonth.of(snapshot))
        reported.append(ReportedMonth.of(snapshot))
    history = PaymentHistory.FromString(account.history)
    return FiledTradeline(
        "t",
        "acme",
        1,
        history,
        snapshot,
        RecordRef(),
        list,
        list(actions),
        delinquencies=delinquencies_of(reported),
    )


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


def test_the_months_of_a_delinquency_fade_together() -> None:
    run = {201901: LATE, 201902: LATE, 201903: LATE, 201904: CURRENT}
    tradeline = line({**run, 202401: CURRENT})
    last_day(tradeline, CN, date(2024, 4, 1))
    shown = on(date(2024, 4, 1), tradeline, CN)
    assert shown is not None
    assert shown.history.profile[-4:] == "0DDD"
    # In the United States they count from the first of them.
    tradeline = line({**run, 202512: CURRENT})
    last_day(tradeline, US, date(2026, 1, 1))
    shown = on(date(2026, 1, 1), tradeline, US)
    assert shown is not None
    assert shown.history.profile[-4:] == "0DDD"


def test_a_delinquency_after_a_cure_has_its_own_day() -> None:
    first = {201901: LATE, 201902: CURRENT}
    tradeline = line({**first, 202003: LATE, 202004: LATE, 202005: CURRENT, 202512: CURRENT})
    last_day(tradeline, US, date(2026, 1, 1))
    shown = on(date(2026, 1, 1), tradeline, US)
    assert shown is not None
    assert shown.history.profile[-17:] == "022" + "D" * 12 + "0D"
    shown = on(date(2027, 3, 1), tradeline, US)
    assert shown is not None
    assert "2" not in shown.history.profile


@pytest.mark.parametrize("end", [SOLD, PAID, CLOSED, CURRENT, LATE, LOST])
def test_an_obsolete_charge_off_does_not_return(end: int) -> None:
    """Neither by a sale, a payment or a cure, nor by what is reported later."""
    owed = {201901: LATE, 201907: LOST}
    for newest in (202607, 203001, 203501):
        tradeline = line({**owed, newest: end})
        assert on(date(newest // 100, newest % 100, 28), tradeline, US) is None


@pytest.mark.parametrize("end", [SOLD, PAID, CLOSED])
def test_neither_a_sale_nor_a_payment_prolongs_a_charge_off(end: int) -> None:
    tradeline = line({201901: LATE, 201907: LOST, 202101: end, 202301: end})
    gone = date(2026, 1, 1) + timedelta(days=180)
    last_day(tradeline, US, gone)
    assert on(gone, tradeline, US) is None


def test_an_account_that_was_current_again_in_time_stays() -> None:
    tradeline = line({201901: LATE, 201907: LOST, 202101: CURRENT, 202604: CURRENT})
    gone = date(2026, 1, 1) + timedelta(days=180)
    last_day(tradeline, US, gone)
    shown = on(gone, tradeline, US)
    assert shown is not None
    assert set(shown.history.profile) == {"0", "D"}


def test_a_late_payment_that_was_paid_leaves_the_account() -> None:
    """Unlike what keeps its name when it is paid."""
    shown = on(date(2026, 5, 1), line({201905: LATE, 201906: CLOSED}), US)
    assert shown is not None
    assert shown.history.profile == "ED"
    assert on(date(2026, 5, 1), line({201905: REPOSSESSED, 201906: REDEEMED}), US) is None
    assert on(date(2026, 5, 1), line({201905: LATE, 201906: SOLD}), US) is None


def test_a_later_date_does_not_move_the_beginning() -> None:
    moved = line({201901: LOST, 202501: LOST}, first_delinquency_date=20230610)
    assert on(date(2026, 6, 30), moved, US) is None


def test_a_debt_that_is_older_than_the_history_does_not_return() -> None:
    """A history has 120 months; the account's records go further back."""
    assert on(date(2031, 2, 1), line({201901: LOST, 203101: PAID}), US) is None


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
    # Closed in the books later: it was paid by March.
    later = line({201901: LOST, 201903: PAID, 202106: PAID}, close_date=20210615)
    assert on(date(2024, 3, 1), later, CN) is None


@pytest.mark.parametrize("newest", [LATE, LOST, REPOSSESSED, SOLD])
def test_in_china_what_has_not_ended_does_not_expire(newest: int) -> None:
    """Also where its furnisher reports no more, or has sold it."""
    action = filed("CHARGE_OFF", 2019, 2, 20)
    owed = line({201901: LATE, 201902: newest}, action, close_date=20190120)
    assert on(date(2036, 1, 1), owed, CN) is owed


def test_an_action_of_long_ago_is_not_reported_forever() -> None:
    old, new = filed("RESTRUCTURE", 2019, 5, 20), filed("LIMIT_CHANGE", 2025, 1, 1)
    tradeline = line({202604: CURRENT}, new, old)
    last_day(tradeline, US, date(2026, 5, 20))
    shown = on(date(2026, 5, 20), tradeline, US)
    assert shown is not None
    assert shown.actions == [new]


def test_an_action_in_a_delinquency_leaves_with_it() -> None:
    action = filed("CHARGE_OFF", 2019, 8, 20)
    tradeline = line({201901: LATE, 201907: LOST, 202101: CURRENT, 202512: CURRENT}, action)
    gone = date(2026, 1, 1) + timedelta(days=180)
    last_day(tradeline, US, gone)
    shown = on(gone, tradeline, US)
    assert shown is not None
    assert shown.actions == []


def test_a_freeze_in_force_is_reported_while_it_is() -> None:
    freeze, restore = filed("FREEZE", 2015, 5, 20), filed("RESTORE", 2018, 1, 1)
    standing = line({202604: CURRENT}, freeze)
    assert on(date(2026, 5, 1), standing, US) is standing
    ended = line({202604: CURRENT}, restore, freeze)
    shown = on(date(2026, 5, 1), ended, US)
    assert shown is not None
    assert shown.actions == []
