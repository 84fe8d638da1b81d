"""Each attribute against a slow and obvious computation, on files made at random."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bureau.credit_file.attributes import attributes_in
from bureau.credit_file.attributes import attributes_of as attributes_by
from bureau.credit_file.attributes.__main__ import DICTIONARY, PAGE, dictionary, page
from bureau.credit_file.facility_state import is_open
from bureau.credit_file.filed import CreditFile, FiledAction, FiledInquiry, FiledTradeline
from bureau.credit_file.furnished_month import FurnishedMonth
from bureau.credit_file.history import Account, TrailEntry
from bureau.credit_file.report_versions import current_version
from bureau.credit_file.summary import summary_of
from bureau_client import attribute_dictionary
from bureau_keys.liability import LIABILITIES, Liability
from creditbureau.v1 import codes_pb2, record_pb2
from creditbureau.v1.record_pb2 import (
    FacilityAction,
    FacilityActionKind,
    RecordRef,
    TradelineSnapshot,
)
from creditbureau.v1.report_pb2 import (
    STALE_REASON_NOT_REPORTED,
    Attribute,
    PaymentHistory,
)

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
NOW_US = int(NOW.timestamp() * 1_000_000)
DAY_US = 86_400 * 1_000_000
THIS = 2026 * 12 + 2
MOST = 10**15
SEVERITY = "BDE0123456JHGKL"
LATE = {30: "123456GHJKL", 60: "23456GHJKL", 90: "3456GHJKL"}
LINES = {1, 5}
ENDED = {
    codes_pb2.ACCOUNT_STATUS_PAID_OR_CLOSED,
    codes_pb2.ACCOUNT_STATUS_TRANSFERRED,
}
LOST = {codes_pb2.ACCOUNT_STATUS_COLLECTION, codes_pb2.ACCOUNT_STATUS_CHARGE_OFF}
KINDS = [
    record_pb2.FACILITY_ACTION_KIND_FREEZE,
    record_pb2.FACILITY_ACTION_KIND_RESTORE,
    record_pb2.FACILITY_ACTION_KIND_CLOSE,
    record_pb2.FACILITY_ACTION_KIND_TRANSFER,
    record_pb2.FACILITY_ACTION_KIND_CHARGE_OFF,
]
TIMES = st.integers(0, 2600).map(lambda days: NOW - timedelta(days=days))
STATUSES = [
    codes_pb2.ACCOUNT_STATUS_CURRENT,
    codes_pb2.ACCOUNT_STATUS_PAST_DUE_30,
    codes_pb2.ACCOUNT_STATUS_PAST_DUE_60,
    codes_pb2.ACCOUNT_STATUS_PAST_DUE_90,
    codes_pb2.ACCOUNT_STATUS_COLLECTION,
    codes_pb2.ACCOUNT_STATUS_CHARGE_OFF,
    *ENDED,
]


REGISTRY = current_version().attributes
# A busy machine draws files slowly; that says nothing about the attributes.


# Attributes that rise with the day of the inquiry while nothing new happens.
RISING = {
    "oldest_account_age",
    "newest_account_age",
    "average_account_age",
    "months_since_report",
    "months_since_oldest_report",
    "months_since_30_plus",
    "months_since_60_plus",
    "months_since_90_plus",
}
# All that count back from that day: ages and inquiries. The others are of the file alone.
OF_THE_DAY = {
    *RISING,
    *(f"opened_{months}m" for months in (3, 6, 12)),
    "closed_12m",
    *(f"inquiries_{months}m" for months in (1, 3, 6, 12)),
    "inquiring_members_6m",
    "days_since_inquiry",
}
# Prefixes of attributes that rise with a worse month.
RATING_LATE = ("worst_status_", "months_30", "months_60", "months_90", "tradelines_now_")


def attributes_of(file: CreditFile, reader: str = "") -> list[Attribute]:
    return attributes_by(file, REGISTRY, reader)


def figures_of(file: CreditFile, reader: str = "") -> dict[tuple[str, str], float | None]:
    """The values by name and currency; None for a missing one."""
    return {
        (attribute.name, attribute.currency): attribute.value
        if attribute.HasField("value")
        else None
        for attribute in attributes_of(file, reader)
    }


def number(count: int) -> int:
    return count // 12 * 100 + count % 12 + 1


def count(yyyymm: int) -> int:
    return yyyymm // 100 * 12 + yyyymm % 100 - 1


amounts = st.one_of(st.just(0), st.integers(1, 100), st.integers(0, MOST))


sparse = st.sets(st.integers(THIS - 90, THIS + 2), min_size=1, max_size=8)
runs = st.builds(
    lambda newest, length: set(range(newest - length, newest)),
    st.integers(THIS - 20, THIS + 3),
    st.integers(1, 8),
)


@st.composite
def tradelines(draw: st.DrawFn, name: str) -> FiledTradeline:
    account = Account(1)
    months = sorted(draw(st.one_of(sparse, runs)))
    fixed: dict[str, Any] = {
        "portfolio_type": draw(st.integers(1, 5)),
        "currency": draw(st.sampled_from(["USD", "CNY"])),
        "open_date": number(draw(st.integers(THIS - 120, THIS))) * 100 + 1,
        "secured": draw(st.booleans()),
        "parties": [record_pb2.Party(subject_id="00" * 16)] * draw(st.integers(1, 3)),
        "classification": draw(st.integers(0, 5)),
        "restructured": draw(st.booleans()),
    }
    if draw(st.booleans()):
        fixed["credit_limit_minor"] = draw(amounts)
    snapshot = TradelineSnapshot()
    for index, month in enumerate(months):
        snapshot = TradelineSnapshot(
            month=number(month),
            status=draw(st.sampled_from(STATUSES)),
            balance_minor=draw(st.one_of(amounts, st.integers(-MOST, 0))),
            amount_due_minor=draw(amounts),
            amount_paid_minor=draw(amounts),
            amount_past_due_minor=draw(amounts),
            **fixed,
        )
        if index == len(months) - 1:
            if draw(st.booleans()):
                snapshot.close_date = number(draw(st.integers(THIS - 24, THIS))) * 100 + 1
            snapshot.special_comment = draw(st.sampled_from(["", "AP"]))
        account.apply_snapshot(TrailEntry(1, index, 0, snapshot.month), FurnishedMonth.of(snapshot))
    # Many of them about the newest month, whose comment they compete with.
    begin = datetime(snapshot.month // 100, snapshot.month % 100, 1, tzinfo=UTC)
    about = st.integers(-5, 36).map(lambda days: min(begin + timedelta(days=days), NOW))
    actions = draw(st.lists(st.tuples(st.sampled_from(KINDS), st.one_of(TIMES, about)), max_size=4))
    return FiledTradeline(
        name,
        draw(st.sampled_from(["acme", "brook"])),
        draw(st.integers(1, 4)),
        PaymentHistory.FromString(account.history),
        snapshot,
        RecordRef(),
        list,
        [filed(*action) for action in sorted(actions, key=lambda action: action[1], reverse=True)],
    )


def filed(kind: int, when: datetime) -> FiledAction:
    action = FacilityAction(kind=kind)  # type: ignore[arg-type]
    action.effective_time.FromDatetime(when)
    return FiledAction(action, RecordRef())


inquiries = st.builds(
    FiledInquiry,
    st.just("x"),
    st.sampled_from(["acme", "brook", "cedar"]),
    st.sampled_from(["c1", "c2"]),
    st.just(3),
    st.just(1),
    st.just(1),
    st.one_of(
        st.integers(NOW_US - 700 * DAY_US, NOW_US + 5 * DAY_US),
        st.integers(-80, 5).map(lambda days: NOW_US + days * DAY_US),
    ),
    st.just(1),
)


@st.composite
def files(draw: st.DrawFn) -> CreditFile:
    lines = [draw(tradelines(f"t{n}")) for n in range(draw(st.integers(0, 4)))]
    if draw(st.booleans()):
        lines = [marked(line, draw(st.booleans())) for line in lines]
    return CreditFile("s", 1, NOW_US, lines, draw(st.lists(inquiries, max_size=6)))


def marked(line: FiledTradeline, unreported: bool) -> FiledTradeline:
    """A tradeline with the liability of its role; stale if it is open and no longer reported; a
    mortgage is secured by its kind.
    """
    stale = STALE_REASON_NOT_REPORTED if unreported and is_open(line) else 0
    mortgage = line.snapshot.portfolio_type == codes_pb2.PORTFOLIO_TYPE_MORTGAGE
    return line._replace(liability=LIABILITIES[line.role], stale=stale, secured_by_kind=mortgage)


class Month(NamedTuple):
    """One month of a tradeline's history.

    Attributes:
        age: Months from it to the newest month that the tradeline reported; of a stale tradeline
            to this month, which has no data.
    """

    age: int
    character: str
    balance: int
    paid: int


class Slow:
    """A file as dictionaries: for each tradeline its months by their number."""

    def __init__(self, file: CreditFile, currency: str | None = None, reader: str = "") -> None:
        every = [line for line in file.tradelines if currency in {None, line.snapshot.currency}]
        self.lines = [line for line in every if line.liability is Liability.OWES]
        self.others = [line for line in every if line.liability is not Liability.OWES]
        self.file, self.reader = file, reader

    def months(self, line: FiledTradeline) -> dict[int, Month]:
        history = line.history
        newest = count(history.newest_month)
        columns = zip(
            history.profile, history.balance_minor, history.amount_paid_minor, strict=True
        )
        first = max(THIS - newest, 1) if line.stale else 0
        return {newest - age: Month(first + age, *month) for age, month in enumerate(columns)}

    def reported(self, line: FiledTradeline) -> dict[int, Month]:
        """The months with data, by their age."""
        return {month.age: month for month in self.months(line).values() if month.character != "D"}

    def open(self, lines: list[FiledTradeline] | None = None) -> list[FiledTradeline]:
        return [
            line
            for line in (self.lines if lines is None else lines)
            if not line.stale
            and not line.snapshot.close_date
            and line.snapshot.status not in ENDED
            and not {"CLOSE", "TRANSFER"} & done_since(line)
        ]

    def drawable(self) -> list[FiledTradeline]:
        return [
            line
            for line in self.open()
            if line.snapshot.portfolio_type in LINES
            and line.snapshot.status not in LOST
            and "CHARGE_OFF" not in done_since(line)
        ]

    def total(self, amount: Callable[[FiledTradeline], int]) -> float:
        return float(sum(amount(line) for line in self.open()))

    def characters(self, months: int = 10_000) -> list[str]:
        return [
            month.character
            for line in self.lines
            for month in self.months(line).values()
            if month.age < months
        ]

    def newest(self, line: FiledTradeline) -> str:
        if line.stale:
            return "D"
        return self.months(line)[count(line.snapshot.month)].character

    def ever(self, letters: str) -> float:
        return float(
            sum(
                any(month.character in letters for month in self.months(line).values())
                for line in self.lines
            )
        )

    def ages(self) -> list[float]:
        return [float(THIS - count(line.snapshot.open_date // 100)) for line in self.lines]

    def guaranteed(self) -> list[FiledTradeline]:
        return [line for line in self.others if line.role == codes_pb2.PARTY_ROLE_GUARANTOR]

    def used(self) -> list[FiledTradeline]:
        return [line for line in self.others if line.role == codes_pb2.PARTY_ROLE_AUTHORISED_USER]

    def stale(self) -> list[FiledTradeline]:
        return [line for line in self.lines if line.stale]

    def unreported(self, lines: list[FiledTradeline]) -> list[float]:
        return [float(max(THIS - count(line.snapshot.month), 0)) for line in lines]

    def since(self, days: int) -> float | None:
        ages = [
            float(max(THIS - number, 0))
            for line in self.lines
            for number, month in self.months(line).items()
            if month.character in LATE[days]
        ]
        return min(ages, default=None)

    def change(self, months: int) -> float | None:
        changes = []
        for line in self.lines:
            known = self.reported(line)
            if {0, months} <= known.keys():
                changes.append(known[0].balance - known[months].balance)
        return float(sum(changes)) if changes else None

    def highest(self) -> float | None:
        balances: dict[int, int] = {}
        for line in self.lines:
            for number, month in self.months(line).items():
                if month.age < 12 and month.character != "D":
                    balances[number] = balances.get(number, 0) + max(month.balance, 0)
        return max(map(float, balances.values()), default=None)

    def credit_lines(self) -> list[FiledTradeline]:
        return [line for line in self.lines if line.snapshot.portfolio_type in LINES]

    def spend(self, months: int) -> float | None:
        spent = []
        for line in self.credit_lines():
            known = self.reported(line)
            if set(range(months + 1)) <= known.keys():
                paid = sum(known[age].paid for age in range(months))
                spent.append(known[0].balance - known[months].balance + paid)
        return float(sum(spent)) if spent else None

    def bills(self, months: int) -> list[tuple[int, int]]:
        """Balances to pay, each with the payment of the month after."""
        return [
            (known[age + 1].balance, known[age].paid)
            for known in map(self.reported, self.credit_lines())
            for age in range(months)
            if {age, age + 1} <= known.keys() and known[age + 1].balance > 0
        ]

    def payment_ratio(self, months: int) -> float | None:
        bills = self.bills(months)
        return sum(paid for _, paid in bills) / sum(due for due, _ in bills) if bills else None

    def use(self, *kinds: int) -> float | None:
        lines = [
            line
            for line in self.drawable()
            if line.snapshot.credit_limit_minor and line.snapshot.portfolio_type in kinds
        ]
        limit = sum(line.snapshot.credit_limit_minor for line in lines)
        return sum(owed(line) for line in lines) / limit if limit else None

    def use_change(self, months: int) -> float | None:
        limit = change = 0
        for line in self.drawable():
            known = self.reported(line)
            if line.snapshot.credit_limit_minor and {0, months} <= known.keys():
                limit += line.snapshot.credit_limit_minor
                change += max(known[0].balance, 0) - max(known[months].balance, 0)
        return change / limit if limit else None

    def by_currency(self, ratio: Callable[[Slow], float | None]) -> list[float]:
        currencies = {line.snapshot.currency for line in self.lines}
        values = [ratio(Slow(self.file, currency)) for currency in currencies]
        return [value for value in values if value is not None]

    def counted(self, days: int = 10_000) -> list[FiledInquiry]:
        """Those of others, less those that follow one that counts within 30 days."""
        counted: list[FiledInquiry] = []
        for inquiry in sorted(self.file.inquiries, key=lambda inquiry: inquiry.create_us):
            if inquiry.create_us <= self.file.now_us and inquiry.member_id != self.reader:
                same = [other for other in counted if other.consent_id == inquiry.consent_id]
                if all(inquiry.create_us > other.create_us + 30 * DAY_US for other in same):
                    counted.append(inquiry)
        start = self.file.now_us - days * DAY_US
        return [inquiry for inquiry in counted if inquiry.create_us >= start]


def owed(line: FiledTradeline) -> int:
    return max(line.snapshot.balance_minor, 0)


def secured(line: FiledTradeline) -> bool:
    return line.snapshot.secured or line.secured_by_kind


def limit(line: FiledTradeline) -> int:
    lends = line in Slow(CreditFile("s", 1, NOW_US, [line], [])).drawable()
    return line.snapshot.credit_limit_minor if lends else 0


def done(line: FiledTradeline) -> list[tuple[datetime, str]]:
    """What its lender did, oldest first."""
    return [
        (
            action.action.effective_time.ToDatetime(UTC),
            FacilityActionKind.Name(action.action.kind).removeprefix("FACILITY_ACTION_KIND_"),
        )
        for action in line.actions[::-1]
    ]


def done_since(line: FiledTradeline) -> set[str]:
    """What its lender did in later months than the newest one reported."""
    newest = count(line.snapshot.month)
    return {kind for when, kind in done(line) if when.year * 12 + when.month - 1 > newest}


def frozen(line: FiledTradeline) -> bool:
    """Frozen by the comment of the newest month, or by what was done in it or later."""
    month = count(line.snapshot.month)
    state = False
    actions = [(time, kind) for time, kind in done(line) if kind in {"FREEZE", "RESTORE"}]
    comment = (datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC), "COMMENT")
    for _, kind in sorted([comment, *actions], key=lambda event: event[0]):
        if kind == "COMMENT":
            state = state or line.snapshot.special_comment == "AP"
        else:
            state = kind == "FREEZE"
    return state


def kind(*kinds: int) -> Callable[[FiledTradeline], bool]:
    return lambda line: line.snapshot.portfolio_type in kinds


def worst(months: int) -> Callable[[Slow], float | None]:
    def slow(f: Slow) -> float | None:
        seen = [c for c in f.characters(months) if c not in "BD"]
        return max((float(SEVERITY.index(c)) for c in seen), default=None)

    return slow


def late(days: int, months: int) -> Callable[[Slow], float]:
    return lambda f: float(sum(c in LATE[days] for c in f.characters(months)))


def opened(months: int) -> Callable[[Slow], float]:
    return lambda f: float(sum(0 <= age < months for age in f.ages()))


def lines_where(holds: Callable[[FiledTradeline], bool]) -> Callable[[Slow], float]:
    return lambda f: float(sum(1 for line in f.lines if holds(line)))


def open_where(holds: Callable[[FiledTradeline], bool]) -> Callable[[Slow], float]:
    return lambda f: float(sum(1 for line in f.open() if holds(line)))


def drawable_where(holds: Callable[[FiledTradeline], bool]) -> Callable[[Slow], float]:
    return lambda f: float(sum(1 for line in f.drawable() if holds(line)))


def lines_now(letters: str) -> Callable[[Slow], float]:
    return lambda f: float(sum(f.newest(line) in letters for line in f.lines))


def change(months: int) -> Callable[[Slow], float | None]:
    return lambda f: f.change(months)


def use_change(months: int) -> Callable[[Slow], float | None]:
    return lambda f: max(f.by_currency(lambda part: part.use_change(months)), default=None)


def spend(months: int) -> Callable[[Slow], float | None]:
    return lambda f: f.spend(months)


def payment_ratio(months: int) -> Callable[[Slow], float | None]:
    return lambda f: min(f.by_currency(lambda part: part.payment_ratio(months)), default=None)


def bills_where(months: int, holds: Callable[[int, int], bool]) -> Callable[[Slow], float | None]:
    return lambda f: (
        float(sum(holds(due, paid) for due, paid in f.bills(months))) if f.bills(months) else None
    )


SLOW: dict[str, Callable[[Slow], float | None]] = {
    "total_balance": lambda f: f.total(owed),
    "unsecured_balance": lambda f: f.total(lambda line: 0 if secured(line) else owed(line)),
    "secured_balance": lambda f: f.total(lambda line: owed(line) if secured(line) else 0),
    "revolving_balance": lambda f: f.total(lambda line: owed(line) * kind(5)(line)),
    "line_of_credit_balance": lambda f: f.total(lambda line: owed(line) * kind(1)(line)),
    "instalment_balance": lambda f: f.total(lambda line: owed(line) * kind(2)(line)),
    "mortgage_balance": lambda f: f.total(lambda line: owed(line) * kind(3)(line)),
    "total_limit": lambda f: f.total(limit),
    "frozen_limit": lambda f: f.total(lambda line: limit(line) * frozen(line)),
    "past_due_amount": lambda f: f.total(lambda line: line.snapshot.amount_past_due_minor),
    "scheduled_payment": lambda f: f.total(lambda line: line.snapshot.amount_due_minor),
    "instalment_burden": lambda f: f.total(
        lambda line: line.snapshot.amount_due_minor * kind(2, 3)(line)
    ),
    "amount_paid": lambda f: f.total(lambda line: line.snapshot.amount_paid_minor),
    "available_credit": lambda f: f.total(
        lambda line: 0 if frozen(line) else max(limit(line) - owed(line), 0)
    ),
    "highest_balance_12m": Slow.highest,
    **{f"balance_change_{months}m": change(months) for months in (1, 3, 6, 12)},
    "revolving_utilisation": lambda f: max(f.by_currency(lambda p: p.use(5)), default=None),
    "line_of_credit_utilisation": lambda f: max(f.by_currency(lambda p: p.use(1)), default=None),
    "utilisation": lambda f: max(f.by_currency(lambda p: p.use(1, 5)), default=None),
    **{f"utilisation_change_{months}m": use_change(months) for months in (3, 5)},
    **{f"spend_{months}m": spend(months) for months in (1, 3, 5)},
    **{f"payment_ratio_{months}m": payment_ratio(months) for months in (1, 3, 5)},
    **{
        f"months_paid_in_full_{months}m": bills_where(months, lambda due, paid: paid >= due)
        for months in (5, 12)
    },
    **{
        f"months_without_payment_{months}m": bills_where(months, lambda _, paid: not paid)
        for months in (5, 12)
    },
    "tradelines": lambda f: float(len(f.lines)),
    "open_tradelines": lambda f: float(len(f.open())),
    "closed_tradelines": lambda f: float(len(f.lines) - len(f.open()) - len(f.stale())),
    "open_revolving": open_where(kind(5)),
    "open_lines_of_credit": open_where(kind(1)),
    "open_instalment": open_where(kind(2)),
    "open_mortgages": open_where(kind(3)),
    "open_unsecured": open_where(lambda line: not secured(line)),
    "joint_tradelines": lines_where(lambda line: len(line.snapshot.parties) >= 2),
    "guaranteed_tradelines": lambda f: float(len(f.guaranteed())),
    "guaranteed_balance": lambda f: float(sum(map(owed, f.open(f.guaranteed())))),
    "guaranteed_past_due_amount": lambda f: float(
        sum(line.snapshot.amount_past_due_minor for line in f.open(f.guaranteed()))
    ),
    "guaranteed_now_30_plus": lambda f: float(
        sum(f.newest(line) in LATE[30] for line in f.guaranteed())
    ),
    "not_owed_tradelines": lambda f: float(len(f.used())),
    "authorised_user_balance": lambda f: float(sum(map(owed, f.open(f.used())))),
    "stale_tradelines": lambda f: float(len(f.stale())),
    "stale_balance": lambda f: float(sum(map(owed, f.stale()))),
    "restructured_tradelines": lines_where(lambda line: line.snapshot.restructured),
    "frozen_lines": drawable_where(frozen),
    "lending_lines": drawable_where(lambda line: not frozen(line)),
    "lines_over_90_percent": drawable_where(lambda line: 10 * owed(line) > 9 * limit(line) > 0),
    "lines_over_limit": drawable_where(lambda line: owed(line) > limit(line) > 0),
    "furnishers": lambda f: float(len({line.member_id for line in f.lines})),
    "lenders_with_balance": lambda f: float(
        len({line.member_id for line in f.open() if owed(line)})
    ),
    "concurrent_unsecured_lenders": lambda f: float(
        len({line.member_id for line in f.open() if not secured(line)})
    ),
    "highest_line_utilisation": lambda f: max(
        (owed(line) / limit(line) for line in f.drawable() if limit(line)), default=None
    ),
    "oldest_account_age": lambda f: max(f.ages(), default=None),
    "newest_account_age": lambda f: min(f.ages(), default=None),
    "average_account_age": lambda f: sum(f.ages()) / len(f.ages()) if f.ages() else None,
    "longest_history": lambda f: max(
        (float(len(f.months(line))) for line in f.lines), default=None
    ),
    "months_since_report": lambda f: min(f.unreported(f.lines), default=None),
    "months_since_oldest_report": lambda f: max(f.unreported(f.open()), default=None),
    "opened_3m": opened(3),
    "opened_6m": opened(6),
    "opened_12m": opened(12),
    "closed_12m": lines_where(
        lambda line: (
            bool(line.snapshot.close_date)
            and 0 <= THIS - count(line.snapshot.close_date // 100) < 12
        )
    ),
    "worst_classification": lambda f: max(
        (
            float(line.snapshot.classification)
            for line in f.lines
            if line.snapshot.classification and not line.stale
        ),
        default=None,
    ),
    **{f"worst_status_{months}m": worst(months) for months in (3, 6, 12, 24, 84)},
    **{f"months_30_plus_{months}m": late(30, months) for months in (6, 12, 24, 84)},
    "months_60_plus_24m": late(60, 24),
    "months_90_plus_24m": late(90, 24),
    "tradelines_now_30_plus": lines_now(LATE[30]),
    "tradelines_now_90_plus": lines_now(LATE[90]),
    "tradelines_ever_30_plus": lambda f: f.ever(LATE[30]),
    "tradelines_ever_lost": lambda f: f.ever("GL"),
    "months_since_30_plus": lambda f: f.since(30),
    "months_since_60_plus": lambda f: f.since(60),
    "months_since_90_plus": lambda f: f.since(90),
    "share_current": lambda f: (
        sum(f.newest(line) not in [*LATE[30]] for line in f.open()) / len(f.open())
        if f.open()
        else None
    ),
    "inquiries_1m": lambda f: float(len(f.counted(30))),
    "inquiries_3m": lambda f: float(len(f.counted(91))),
    "inquiries_6m": lambda f: float(len(f.counted(183))),
    "inquiries_12m": lambda f: float(len(f.counted(365))),
    "inquiring_members_6m": lambda f: float(len({inquiry.member_id for inquiry in f.counted(183)})),
    "days_since_inquiry": lambda f: min(
        (float((NOW_US - inquiry.create_us) // DAY_US) for inquiry in f.counted()),
        default=None,
    ),
}


def test_every_attribute_has_its_slow_computation() -> None:
    assert list(SLOW) != []
    assert set(SLOW) == set(REGISTRY)
    assert len(REGISTRY) >= 60


@settings(max_examples=150)
@given(files(), st.sampled_from(["", "brook"]))
def test_every_attribute_is_what_the_obvious_computation_says(
    file: CreditFile, reader: str
) -> None:
    expected: dict[tuple[str, str], float | None] = {}
    for name, slow in SLOW.items():
        if REGISTRY[name].is_amount:
            for currency in {line.snapshot.currency for line in file.tradelines}:
                expected[name, currency] = slow(Slow(file, currency))
        else:
            expected[name, ""] = slow(Slow(file, reader=reader))
    assert figures_of(file, reader) == expected


@given(files(), st.sampled_from(["", "brook"]))
def test_the_summary_says_the_same(file: CreditFile, reader: str) -> None:
    figures = figures_of(file, reader)
    summary = summary_of(file, reader)
    worst = figures["worst_status_24m", ""]
    assert summary.worst_status_24m == ("" if worst is None else SEVERITY[int(worst)])
    assert summary.tradeline_count == len(file.tradelines)
    assert summary.guaranteed_tradeline_count == figures["guaranteed_tradelines", ""]
    assert summary.not_owed_tradeline_count == figures["not_owed_tradelines", ""]
    assert summary.stale_tradeline_count == figures["stale_tradelines", ""]
    assert summary.open_tradeline_count == figures["open_tradelines", ""]
    assert summary.furnisher_count == len({line.member_id for line in file.tradelines})
    assert summary.frozen_line_count == figures["frozen_lines", ""]
    assert summary.lending_line_count == figures["lending_lines", ""]
    assert summary.delinquent_tradeline_count == figures["tradelines_now_30_plus", ""]
    assert summary.inquiry_count_6m == figures["inquiries_6m", ""]
    assert {total.currency for total in summary.totals} == {
        line.snapshot.currency
        for slow in [Slow(file)]
        for line in (*slow.open(), *slow.stale(), *slow.open(slow.guaranteed()))
    }
    for total in summary.totals:
        currency = total.currency
        assert total.balance_minor == figures["total_balance", currency]
        assert total.unsecured_balance_minor == figures["unsecured_balance", currency]
        assert total.amount_due_minor == figures["scheduled_payment", currency]
        assert total.amount_past_due_minor == figures["past_due_amount", currency]
        assert total.guaranteed_balance_minor == figures["guaranteed_balance", currency]
        assert total.stale_balance_minor == figures["stale_balance", currency]
        assert total.credit_limit_minor == figures["total_limit", currency]
        assert total.utilisation_per_mille == per_mille(Slow(file, currency))


@settings(max_examples=40)
@given(files(), st.lists(inquiries, max_size=3))
def test_nothing_later_than_now_changes_anything(
    file: CreditFile, more: list[FiledInquiry]
) -> None:
    later = [inquiry._replace(create_us=NOW_US + 1) for inquiry in more]
    ahead = CreditFile("s", 1, NOW_US, file.tradelines, [*file.inquiries, *later])
    assert attributes_of(ahead) == attributes_of(file)


@settings(max_examples=40)
@given(files(), st.integers(1, 800))
def test_the_day_of_the_inquiry_changes_ages_and_inquiries_only(
    file: CreditFile, days: int
) -> None:
    # The months of a stale tradeline count back from the day, too.
    reported = [line._replace(stale=0) for line in file.tradelines]
    file = file._replace(tradelines=reported)
    later = file._replace(now_us=NOW_US + days * DAY_US)
    before, after = figures_of(file), figures_of(later)
    assert before.keys() == after.keys()
    assert {key[0] for key in before if before[key] != after[key]} <= OF_THE_DAY
    assert all(missing_first(before[name, ""]) <= missing_first(after[name, ""]) for name in RISING)
    summaries = [summary_of(file, ""), summary_of(later, "")]
    for summary in summaries:
        summary.inquiry_count_6m = 0
    assert summaries[0] == summaries[1]


@settings(max_examples=40)
@given(files(), st.lists(inquiries, min_size=1, max_size=4))
def test_an_inquiry_of_the_reader_changes_none_of_its_figures(
    file: CreditFile, more: list[FiledInquiry]
) -> None:
    own = [inquiry._replace(member_id="brook") for inquiry in more]
    again = file._replace(inquiries=[*file.inquiries, *own])
    assert attributes_of(again, "brook") == attributes_of(file, "brook")
    assert summary_of(again, "brook") == summary_of(file, "brook")


@given(st.lists(st.integers(0, 30), max_size=6), st.integers(40, 300))
def test_inquiries_under_one_consent_within_thirty_days_count_once(
    days: list[int], age: int
) -> None:
    first_us = NOW_US - age * DAY_US
    several = [
        FiledInquiry("x", "cedar", "c", 3, 1, 1, first_us + day * DAY_US, 1) for day in [0, *days]
    ]
    file = CreditFile("s", 1, NOW_US, [], several)
    assert figures_of(file)["inquiries_12m", ""] == 1
    later = several[0]._replace(create_us=first_us + 31 * DAY_US)
    another = several[0]._replace(consent_id="another")
    for more in (later, another):
        both = file._replace(inquiries=[*several, more])
        assert figures_of(both)["inquiries_12m", ""] == 2


@settings(max_examples=40)
@given(files(), tradelines("other"))
def test_another_currency_changes_no_amount_of_this_one(
    file: CreditFile, other: FiledTradeline
) -> None:
    snapshot = TradelineSnapshot()
    snapshot.CopyFrom(other.snapshot)
    snapshot.currency = "EUR"
    both = file._replace(tradelines=[*file.tradelines, other._replace(snapshot=snapshot)])
    alone, together = figures_of(file), figures_of(both)
    assert len(together) == len(attributes_of(both)), "name and currency are a key"
    for (name, currency), value in alone.items():
        if currency:
            assert together[name, currency] == value
    for name, definition in REGISTRY.items():
        currencies = {currency for key, currency in together if key == name}
        wanted = {line.snapshot.currency for line in both.tradelines}
        assert currencies == (wanted if definition.is_amount else {""})


@given(tradelines("card"), st.data())
def test_a_higher_payment_never_looks_like_a_lower_one(
    line: FiledTradeline, data: st.DataObject
) -> None:
    age = data.draw(st.integers(0, len(line.history.profile) - 1))
    more = data.draw(st.integers(1, MOST))
    history = PaymentHistory()
    history.CopyFrom(line.history)
    history.amount_paid_minor[age] += more
    before = figures_of(CreditFile("s", 1, NOW_US, [line], []))
    after = figures_of(CreditFile("s", 1, NOW_US, [line._replace(history=history)], []))
    for key, value in before.items():
        name = key[0]
        if name.startswith("spend_"):
            counts = age < int(name.removeprefix("spend_").removesuffix("m"))
            assert after[key] == (None if value is None else value + more * counts)
        elif name.startswith(("payment_ratio_", "months_paid_in_full_")):
            assert missing_first(after[key]) >= missing_first(value)
        elif name.startswith("months_without_payment_"):
            assert missing_first(after[key]) <= missing_first(value)
        else:
            assert after[key] == value


@given(tradelines("card"), st.data())
def test_a_worse_month_never_looks_better(line: FiledTradeline, data: st.DataObject) -> None:
    profile = line.history.profile
    reported = [age for age, character in enumerate(profile) if character != "D"]
    assume(reported)
    age = data.draw(st.sampled_from(reported))
    worse = data.draw(st.sampled_from(SEVERITY[SEVERITY.index(profile[age]) :]))
    history = PaymentHistory()
    history.CopyFrom(line.history)
    history.profile = profile[:age] + worse + profile[age + 1 :]
    before = figures_of(CreditFile("s", 1, NOW_US, [line], []))
    after = figures_of(CreditFile("s", 1, NOW_US, [line._replace(history=history)], []))
    for key, value in before.items():
        name = key[0]
        if name.endswith("_plus") and name.startswith("months_since_"):
            assert missing_first(after[key], -1) >= missing_first(value, -1)
        elif name.startswith(RATING_LATE):
            assert missing_first(after[key]) >= missing_first(value)


def missing_first(value: float | None, sign: int = 1) -> float:
    """A key that orders values, or with the sign -1 their negatives, after a missing one."""
    return float("-inf") if value is None else sign * value


def per_mille(part: Slow) -> int:
    """The utilisation of a summary, of the tradelines in one currency."""
    lines = [line for line in part.drawable() if line.snapshot.credit_limit_minor]
    if not lines:
        return -1
    limit = sum(line.snapshot.credit_limit_minor for line in lines)
    return min(int(Fraction(sum(map(owed, lines)), limit) * 1000), 2**31 - 1)


def test_every_definition_says_what_it_means() -> None:
    for definition in REGISTRY.values():
        assert definition.text
        assert definition.unit
        assert definition.window
        assert definition.missing


def test_the_page_is_made_from_the_registry() -> None:
    if not PAGE.exists():
        pytest.skip("the documents are not here")
    assert PAGE.read_text("utf-8") == page()


def test_the_sdk_ships_the_registry() -> None:
    assert DICTIONARY.read_text("utf-8") == dictionary()


@pytest.mark.parametrize("version", ["2026-11", current_version().name])
def test_the_sdks_dictionary_of_a_version_has_its_attributes(version: str) -> None:
    registered = attributes_in(version)
    shipped = attribute_dictionary(f"{version}/US-1")
    assert set(shipped) == set(registered)
    for name, definition in shipped.items():
        assert definition.missing == registered[name].missing
        assert definition.is_amount == registered[name].is_amount


def test_the_newest_attributes_are_the_default() -> None:
    assert [*attribute_dictionary()] == [*current_version().attributes]
