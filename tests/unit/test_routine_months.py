"""A month that is called routine is worth no alert, whatever the account was before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bureau.calendar import time_us_of
from bureau.credit_file.alerts import changes
from bureau.credit_file.delinquencies import ReportedMonth, delinquencies_of
from bureau.credit_file.facility_state import is_frozen, is_lent_on
from bureau.credit_file.filed import CreditFile, FiledTradeline, role_of
from bureau.credit_file.furnished_month import FurnishedMonth
from bureau.credit_file.history import ORIGINAL, Account, TrailEntry, packed
from bureau.credit_file.report import reportable
from bureau.credit_file.report_versions import current_rules
from bureau.credit_file.routine_months import AccountMonth, is_routine
from bureau.credit_file.subject_state import SubjectState
from bureau.policy import load_policy
from bureau_keys.liability import LIABILITIES
from bureau_keys.payment_profile import PROFILE, month_before
from creditbureau.v1 import codes_pb2
from creditbureau.v1.record_pb2 import Party, RecordRef, TradelineSnapshot
from creditbureau.v1.report_pb2 import PaymentHistory

NOW_US = time_us_of(datetime(2026, 11, 15, tzinfo=UTC))
PERSON = "ab" * 16
US = load_policy("US")
NEWEST = 202610
CURRENT = codes_pb2.ACCOUNT_STATUS_CURRENT
LATE = codes_pb2.ACCOUNT_STATUS_PAST_DUE_60
CARD = codes_pb2.PORTFOLIO_TYPE_REVOLVING
AUTHORISED_USER = codes_pb2.PARTY_ROLE_AUTHORISED_USER
LOAN = codes_pb2.PORTFOLIO_TYPE_INSTALMENT


class Months(NamedTuple):
    """Some months of an account in a row, all alike."""

    length: int = 1
    status: int = CURRENT
    balance_minor: int = 100
    credit_limit_minor: int = 1000
    special_comment: str = ""
    portfolio_type: int = CARD
    role: int = codes_pb2.PARTY_ROLE_INDIVIDUAL
    years_dated: int = 0
    close_date: int = 0


VALUES: dict[str, list[Any]] = {
    "status": [LATE, *sorted(PROFILE)],
    "balance_minor": [0, 900],
    "credit_limit_minor": [0, 1000],
    "special_comment": ["AP", ""],
    "portfolio_type": [CARD, LOAN],
    "role": sorted(LIABILITIES),
    "close_date": [0, 20200101],
}
FIELDS: Any = {name: st.sampled_from(values) for name, values in VALUES.items()}
STRETCHES = st.tuples(
    st.sampled_from([1, 2, 12, 60]), FIELDS["status"], st.sampled_from([0, 0, 8])
).map(lambda each: Months(each[0], each[1], years_dated=each[2]))
# Of the last two months the first is current, and the second differs from it in one field.
USUAL = st.fixed_dictionaries(
    FIELDS | {"status": st.just(CURRENT), "role": st.just(codes_pb2.PARTY_ROLE_INDIVIDUAL)}
).map(lambda fields: Months(**fields))
NEXT = st.sampled_from(sorted(VALUES)).flatmap(lambda name: st.tuples(st.just(name), FIELDS[name]))


# The fields of a snapshot.
SNAPSHOT_FIELDS = sorted(set(Months._fields) - {"length", "role", "years_dated"})


def snapshot_of(month: int, like: Months) -> TradelineSnapshot:
    dated = like.status != CURRENT and like.years_dated
    return TradelineSnapshot(
        month=month,
        parties=[Party(subject_id=PERSON, role=like.role)],  # type: ignore[arg-type]
        first_delinquency_date=(month - 100 * like.years_dated) * 100 + 1 if dated else 0,
        **{name: getattr(like, name) for name in SNAPSHOT_FIELDS},
    )


class State(NamedTuple):
    """An account after one of its months."""

    newest: AccountMonth
    line: FiledTradeline


def states(stretches: list[Months], newest: int) -> list[State]:
    """An account after each of its months."""
    wanted = [like for like in stretches for _ in range(like.length)]
    account, reported, results = Account(1), [], []
    for age, like in zip(reversed(range(len(wanted))), wanted, strict=True):
        snapshot = snapshot_of(month_before(newest, age), like)
        month = FurnishedMonth.of(snapshot, packed([PERSON]))
        account.add_subjects(month.people)
        account.apply_snapshot(TrailEntry(age, 0, ORIGINAL, snapshot.month), month)
        reported.append(ReportedMonth.of(snapshot))
        line = FiledTradeline(
            "t",
            "acme",
            role_of(PERSON, snapshot),
            PaymentHistory.FromString(account.history),
            snapshot,
            RecordRef(),
            list,
            [],
            delinquencies=delinquencies_of(reported),
        )
        results.append(State(AccountMonth(account.marks, account.history, snapshot), line))
    return results


@given(
    st.lists(STRETCHES, max_size=3),
    USUAL,
    NEXT,
    st.sampled_from([0, 1, 5]),
    st.sampled_from([None, 1]),
)
@settings(deadline=None, max_examples=400)
@example([Months(3, LATE)], Months(90), ("status", CURRENT), 0, None)
@example([Months(119), Months(3, LATE)], Months(3), ("status", CURRENT), 0, 1)
@example([], Months(), ("balance_minor", 900), 0, None)
@example([], Months(balance_minor=0, portfolio_type=LOAN), ("portfolio_type", CARD), 0, None)
@example([], Months(close_date=20200101), ("close_date", 0), 0, None)
@example([], Months(), ("status", CURRENT), 1, 1)
@example([Months(2, LATE)], Months(), ("role", AUTHORISED_USER), 0, None)
def test_what_is_routine_is_worth_no_alert(
    before: list[Months],
    usual: Months,
    change: tuple[str, Any],
    lag: int,
    stale_months: int | None,
) -> None:
    name, value = change
    stretches = [*before, usual, usual._replace(length=1, **{name: value})]
    rules = current_rules(replace(US, stale_months=stale_months))

    def shown(state: State) -> CreditFile:
        file = CreditFile(PERSON, 0, NOW_US, [state.line], [])
        return reportable(file, SubjectState(), rules)

    def lent_on(file: CreditFile) -> dict[str, Any]:
        return {
            line.tradeline_id: (is_frozen(line), line.snapshot.portfolio_type)
            for line in file.tradelines
            if is_lent_on(line)
        }

    *_, past, present = states(stretches, month_before(NEWEST, lag))
    if is_routine(past.newest, present.newest, rules.policy, NOW_US):
        old, new = shown(past), shown(present)
        assert list(changes(old, new)) == []
        assert lent_on(new).items() <= lent_on(old).items()


def test_an_ordinary_month_is_routine() -> None:
    """And a month that is late is not, nor the one that cures it."""
    months = states([Months(12), Months(1, LATE), Months(2)], NEWEST)
    policy = replace(US, stale_months=None)
    routine = [
        is_routine(past.newest, present.newest, policy, NOW_US)
        for past, present in pairwise(months)
    ]
    assert routine == [True] * 11 + [False, False, True]
