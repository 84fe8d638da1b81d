"""Each attribute against a slow and obvious computation, on files made at random."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bureau.credit_file.attributes import attributes_of as attributes_by
from bureau.credit_file.attributes.__main__ import PAGE, page
from bureau.credit_file.filed import CreditFile, FiledAction, FiledInquiry, FiledTradeline
from bureau.credit_file.history import Account, TrailEntry
from bureau.credit_file.report import summary_of
from bureau.credit_file.report_versions import current_version
from creditbureau.v1 import codes_pb2, record_pb2
from creditbureau.v1.record_pb2 import (
    FacilityAction,
    FacilityActionKind,
    RecordRef,
    TradelineSnapshot,
)
from creditbureau.v1.report_pb2 import Attribute, PaymentHistory

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


def attributes_of(file: CreditFile) -> list[Attribute]:
    return attributes_by(file, REGISTRY)


def number(count: int) -> int:
    return count // 12 * 100 + count % 12 + 1


def count(yyyymm: int) -> int:
    return yyyymm // 100 * 12 + yyyymm % 100 - 1


amounts = st.one_of(st.just(0), st.integers(1, 100), st.integers(0, MOST))


@st.composite
def tradelines(draw: st.DrawFn, name: str) -> FiledTradeline:
    account = Account(1)
    months = sorted(draw(st.sets(st.integers(THIS - 90, THIS + 2), min_size=1, max_size=8)))
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
        account.apply_snapshot(TrailEntry(1, index, 0, snapshot.month), snapshot)
    actions = draw(st.lists(st.tuples(st.sampled_from(KINDS), TIMES), max_size=4))
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
    st.just(3),
    st.just(1),
    st.just(1),
    st.integers(NOW_US - 700 * DAY_US, NOW_US + 5 * DAY_US),
    st.just(1),
)


@st.composite
def files(draw: st.DrawFn) -> CreditFile:
    lines = [draw(tradelines(f"t{n}")) for n in range(draw(st.integers(0, 4)))]
    return CreditFile("s", 1, NOW_US, lines, draw(st.lists(inquiries, max_size=6)))


class Slow:
    """A file as dictionaries: for each tradeline its months up to now, by their number."""

    def __init__(self, file: CreditFile, currency: str | None = None) -> None:
        self.lines = [
            line for line in file.tradelines if currency in {None, line.snapshot.currency}
        ]
        self.asked = [inquiry for inquiry in file.inquiries if inquiry.create_us <= NOW_US]

    def months(self, line: FiledTradeline) -> dict[int, tuple[str, int]]:
        characters = {}
        for age, character in enumerate(line.history.profile):
            month = count(line.history.newest_month) - age
            if month <= THIS:
                characters[month] = (character, line.history.balance_minor[age])
        return characters

    def open(self) -> list[FiledTradeline]:
        return [
            line
            for line in self.lines
            if not line.snapshot.close_date
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
            character
            for line in self.lines
            for month, (character, _) in self.months(line).items()
            if month > THIS - months
        ]

    def newest(self, line: FiledTradeline) -> str:
        months = self.months(line)
        return months[max(months)][0] if months else ""

    def ever(self, letters: str) -> float:
        return float(
            sum(any(c in letters for c, _ in self.months(line).values()) for line in self.lines)
        )

    def ages(self) -> list[float]:
        return [float(THIS - count(line.snapshot.open_date // 100)) for line in self.lines]

    def since(self, days: int) -> float | None:
        ages = [
            float(THIS - month)
            for line in self.lines
            for month, (character, _) in self.months(line).items()
            if character in LATE[days]
        ]
        return min(ages, default=None)

    def change(self, months: int) -> float | None:
        changes = []
        for line in self.lines:
            known = {month: b for month, (c, b) in self.months(line).items() if c != "D"}
            if THIS in known and THIS - months in known:
                changes.append(known[THIS] - known[THIS - months])
        return float(sum(changes)) if changes else None

    def highest(self) -> float | None:
        balances = []
        for month in range(THIS - 11, THIS + 1):
            known = [
                months[month][1]
                for months in map(self.months, self.lines)
                if month in months and months[month][0] != "D"
            ]
            if known:
                balances.append(float(sum(known)))
        return max(balances, default=None)

    def use(self, *kinds: int) -> float | None:
        lines = [
            line
            for line in self.drawable()
            if line.snapshot.credit_limit_minor and line.snapshot.portfolio_type in kinds
        ]
        limit = sum(line.snapshot.credit_limit_minor for line in lines)
        return sum(owed(line) for line in lines) / limit if limit else None

    def within(self, days: int) -> list[FiledInquiry]:
        start = NOW - timedelta(days=days)
        return [
            inquiry for inquiry in self.asked if inquiry.create_us >= start.timestamp() * 1_000_000
        ]


def owed(line: FiledTradeline) -> int:
    return max(line.snapshot.balance_minor, 0)


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
    """Frozen by the comment of the newest month, or by what was done, whatever is later."""
    month_end = count(line.snapshot.month) + 1
    state = False
    actions = [(time, kind) for time, kind in done(line) if kind in {"FREEZE", "RESTORE"}]
    comment = (datetime(month_end // 12, month_end % 12 + 1, 1, tzinfo=UTC), "COMMENT")
    for _, kind in sorted([*actions, comment], key=lambda event: event[0]):
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


SLOW: dict[str, Callable[[Slow], float | None]] = {
    "total_balance": lambda f: f.total(owed),
    "unsecured_balance": lambda f: f.total(lambda line: 0 if line.snapshot.secured else owed(line)),
    "secured_balance": lambda f: f.total(lambda line: owed(line) if line.snapshot.secured else 0),
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
    "balance_change_3m": lambda f: f.change(3),
    "balance_change_6m": lambda f: f.change(6),
    "balance_change_12m": lambda f: f.change(12),
    "revolving_utilisation": lambda f: f.use(5),
    "line_of_credit_utilisation": lambda f: f.use(1),
    "utilisation": lambda f: f.use(1, 5),
    "tradelines": lambda f: float(len(f.lines)),
    "open_tradelines": lambda f: float(len(f.open())),
    "closed_tradelines": lambda f: float(len(f.lines) - len(f.open())),
    "open_revolving": open_where(kind(5)),
    "open_lines_of_credit": open_where(kind(1)),
    "open_instalment": open_where(kind(2)),
    "open_mortgages": open_where(kind(3)),
    "open_unsecured": open_where(lambda line: not line.snapshot.secured),
    "joint_tradelines": lines_where(lambda line: len(line.snapshot.parties) >= 2),
    "guaranteed_tradelines": lines_where(lambda line: line.role == codes_pb2.PARTY_ROLE_GUARANTOR),
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
        len({line.member_id for line in f.open() if not line.snapshot.secured})
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
        (float(line.snapshot.classification) for line in f.lines if line.snapshot.classification),
        default=None,
    ),
    **{f"worst_status_{months}m": worst(months) for months in (3, 6, 12, 24, 84)},
    **{f"months_30_plus_{months}m": late(30, months) for months in (6, 12, 24, 84)},
    "months_60_plus_24m": late(60, 24),
    "months_90_plus_24m": late(90, 24),
    "tradelines_now_30_plus": lambda f: float(
        sum(f.newest(line) in LATE[30] for line in f.lines if f.newest(line))
    ),
    "tradelines_now_90_plus": lambda f: float(
        sum(f.newest(line) in LATE[90] for line in f.lines if f.newest(line))
    ),
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
    "inquiries_1m": lambda f: float(len(f.within(30))),
    "inquiries_3m": lambda f: float(len(f.within(91))),
    "inquiries_6m": lambda f: float(len(f.within(183))),
    "inquiries_12m": lambda f: float(len(f.within(365))),
    "inquiring_members_6m": lambda f: float(len({inquiry.member_id for inquiry in f.within(183)})),
    "days_since_inquiry": lambda f: min(
        (float((NOW_US - inquiry.create_us) // DAY_US) for inquiry in f.asked), default=None
    ),
}


def test_every_attribute_has_its_slow_computation() -> None:
    assert list(SLOW) != []
    assert set(SLOW) == set(REGISTRY)
    assert len(REGISTRY) >= 60


@settings(max_examples=150)
@given(files())
def test_every_attribute_is_what_the_obvious_computation_says(file: CreditFile) -> None:
    values = {
        (
            attribute.name,
            attribute.unit if REGISTRY[attribute.name].per_currency else "",
        ): attribute.value if attribute.HasField("value") else None
        for attribute in attributes_of(file)
    }
    expected: dict[tuple[str, str], float | None] = {}
    for name, slow in SLOW.items():
        if REGISTRY[name].per_currency:
            for currency in {tradeline.snapshot.currency for tradeline in file.tradelines}:
                expected[name, currency] = slow(Slow(file, currency))
        else:
            expected[name, ""] = slow(Slow(file))
    assert values == expected


@given(files())
def test_the_summary_says_the_same(file: CreditFile) -> None:
    values = {
        attribute.name: attribute.value
        for attribute in attributes_of(file)
        if attribute.HasField("value")
    }
    summary = summary_of(file.tradelines, file.inquiries, file.now_us)
    letter = summary.worst_status_24m
    assert values.get("worst_status_24m", -1) == SEVERITY.find(letter or "?")
    assert summary.tradeline_count == values["tradelines"]
    assert summary.open_tradeline_count == values["open_tradelines"]
    assert summary.furnisher_count == values["furnishers"]
    assert summary.frozen_line_count == values["frozen_lines"]
    assert summary.lending_line_count == values["lending_lines"]
    money = {(attribute.name, attribute.unit): attribute.value for attribute in attributes_of(file)}
    for total in summary.totals:
        assert total.amount_due_minor == money["scheduled_payment", total.currency]
        assert total.amount_past_due_minor == money["past_due_amount", total.currency]
        assert total.credit_limit_minor == money["total_limit", total.currency]


@given(files(), st.lists(inquiries, max_size=3))
def test_nothing_later_than_now_changes_anything(
    file: CreditFile, more: list[FiledInquiry]
) -> None:
    later = [inquiry._replace(create_us=NOW_US + 1) for inquiry in more]
    ahead = CreditFile("s", 1, NOW_US, file.tradelines, [*file.inquiries, *later])
    assert attributes_of(ahead) == attributes_of(file)


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
