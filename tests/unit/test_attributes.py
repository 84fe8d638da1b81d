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
    for place, month in enumerate(months):
        snapshot = TradelineSnapshot(
            month=number(month),
            status=draw(st.sampled_from(STATUSES)),
            balance_minor=draw(st.one_of(amounts, st.integers(-MOST, 0))),
            amount_due_minor=draw(amounts),
            amount_paid_minor=draw(amounts),
            amount_past_due_minor=draw(amounts),
            **fixed,
        )
        if place == len(months) - 1:
            if draw(st.booleans()):
                snapshot.close_date = number(draw(st.integers(THIS - 24, THIS))) * 100 + 1
            snapshot.special_comment = draw(st.sampled_from(["", "AP"]))
        account.apply_snapshot(TrailEntry(1, place, 0, snapshot.month), snapshot)
    actions = draw(st.lists(st.tuples(st.sampled_from(KINDS), TIMES), max_size=4))
    return FiledTradeline(
        name,
        draw(st.sampled_from(["acme", "brook"])),
        draw(st.integers(1, 4)),
        PaymentHistory.FromString(account.history),
        snapshot,
        RecordRef(),
        list,
        [filed(*at) for at in sorted(actions, key=lambda at: at[1], reverse=True)],
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
        self.lines = [at for at in file.tradelines if currency in {None, at.snapshot.currency}]
        self.asked = [at for at in file.inquiries if at.create_us <= NOW_US]

    def months(self, line: FiledTradeline) -> dict[int, tuple[str, int]]:
        found = {}
        for age, character in enumerate(line.history.profile):
            at = count(line.history.newest_month) - age
            if at <= THIS:
                found[at] = (character, line.history.balance_minor[age])
        return found

    def open(self) -> list[FiledTradeline]:
        return [
            at
            for at in self.lines
            if not at.snapshot.close_date
            and at.snapshot.status not in ENDED
            and not {"CLOSE", "TRANSFER"} & done_since(at)
        ]

    def drawable(self) -> list[FiledTradeline]:
        return [
            at
            for at in self.open()
            if at.snapshot.portfolio_type in LINES
            and at.snapshot.status not in LOST
            and "CHARGE_OFF" not in done_since(at)
        ]

    def total(self, amount: Callable[[FiledTradeline], int]) -> float:
        return float(sum(amount(at) for at in self.open()))

    def characters(self, months: int = 10_000) -> list[str]:
        return [
            character
            for line in self.lines
            for at, (character, _) in self.months(line).items()
            if at > THIS - months
        ]

    def newest(self, line: FiledTradeline) -> str:
        months = self.months(line)
        return months[max(months)][0] if months else ""

    def ever(self, letters: str) -> float:
        return float(
            sum(any(c in letters for c, _ in self.months(line).values()) for line in self.lines)
        )

    def ages(self) -> list[float]:
        return [float(THIS - count(at.snapshot.open_date // 100)) for at in self.lines]

    def since(self, days: int) -> float | None:
        found = [
            float(THIS - at)
            for line in self.lines
            for at, (character, _) in self.months(line).items()
            if character in LATE[days]
        ]
        return min(found, default=None)

    def change(self, months: int) -> float | None:
        found = []
        for line in self.lines:
            known = {at: b for at, (c, b) in self.months(line).items() if c != "D"}
            if THIS in known and THIS - months in known:
                found.append(known[THIS] - known[THIS - months])
        return float(sum(found)) if found else None

    def highest(self) -> float | None:
        found = []
        for at in range(THIS - 11, THIS + 1):
            known = [
                months[at][1]
                for months in map(self.months, self.lines)
                if at in months and months[at][0] != "D"
            ]
            if known:
                found.append(float(sum(known)))
        return max(found, default=None)

    def use(self, *kinds: int) -> float | None:
        lines = [
            at
            for at in self.drawable()
            if at.snapshot.credit_limit_minor and at.snapshot.portfolio_type in kinds
        ]
        limit = sum(at.snapshot.credit_limit_minor for at in lines)
        return sum(owed(at) for at in lines) / limit if limit else None

    def within(self, days: int) -> list[FiledInquiry]:
        start = NOW - timedelta(days=days)
        return [at for at in self.asked if at.create_us >= start.timestamp() * 1_000_000]


def owed(line: FiledTradeline) -> int:
    return max(line.snapshot.balance_minor, 0)


def limit(line: FiledTradeline) -> int:
    lends = line in Slow(CreditFile("s", 1, NOW_US, [line], [])).drawable()
    return line.snapshot.credit_limit_minor if lends else 0


def done(line: FiledTradeline) -> list[tuple[datetime, str]]:
    """What its lender did, oldest first."""
    return [
        (
            at.action.effective_time.ToDatetime(UTC),
            FacilityActionKind.Name(at.action.kind).removeprefix("FACILITY_ACTION_KIND_"),
        )
        for at in line.actions[::-1]
    ]


def done_since(line: FiledTradeline) -> set[str]:
    """What its lender did in later months than the newest one reported."""
    newest = count(line.snapshot.month)
    return {kind for when, kind in done(line) if when.year * 12 + when.month - 1 > newest}


def frozen(line: FiledTradeline) -> bool:
    """Frozen by the comment of the newest month, or by what was done, whatever is later."""
    month_end = count(line.snapshot.month) + 1
    state = False
    told = [(at, kind) for at, kind in done(line) if kind in {"FREEZE", "RESTORE"}]
    comment = (datetime(month_end // 12, month_end % 12 + 1, 1, tzinfo=UTC), "COMMENT")
    for _, kind in sorted([*told, comment], key=lambda at: at[0]):
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
    "unsecured_balance": lambda f: f.total(lambda at: 0 if at.snapshot.secured else owed(at)),
    "secured_balance": lambda f: f.total(lambda at: owed(at) if at.snapshot.secured else 0),
    "revolving_balance": lambda f: f.total(lambda at: owed(at) * kind(5)(at)),
    "line_of_credit_balance": lambda f: f.total(lambda at: owed(at) * kind(1)(at)),
    "instalment_balance": lambda f: f.total(lambda at: owed(at) * kind(2)(at)),
    "mortgage_balance": lambda f: f.total(lambda at: owed(at) * kind(3)(at)),
    "total_limit": lambda f: f.total(limit),
    "frozen_limit": lambda f: f.total(lambda at: limit(at) * frozen(at)),
    "past_due_amount": lambda f: f.total(lambda at: at.snapshot.amount_past_due_minor),
    "scheduled_payment": lambda f: f.total(lambda at: at.snapshot.amount_due_minor),
    "instalment_burden": lambda f: f.total(
        lambda at: at.snapshot.amount_due_minor * kind(2, 3)(at)
    ),
    "amount_paid": lambda f: f.total(lambda at: at.snapshot.amount_paid_minor),
    "available_credit": lambda f: f.total(
        lambda at: 0 if frozen(at) else max(limit(at) - owed(at), 0)
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
    "open_unsecured": open_where(lambda at: not at.snapshot.secured),
    "joint_tradelines": lines_where(lambda at: len(at.snapshot.parties) >= 2),
    "guaranteed_tradelines": lines_where(lambda at: at.role == codes_pb2.PARTY_ROLE_GUARANTOR),
    "restructured_tradelines": lines_where(lambda at: at.snapshot.restructured),
    "frozen_lines": drawable_where(frozen),
    "lending_lines": drawable_where(lambda at: not frozen(at)),
    "lines_over_90_percent": drawable_where(lambda at: 10 * owed(at) > 9 * limit(at) > 0),
    "lines_over_limit": drawable_where(lambda at: owed(at) > limit(at) > 0),
    "furnishers": lambda f: float(len({at.member_id for at in f.lines})),
    "lenders_with_balance": lambda f: float(len({at.member_id for at in f.open() if owed(at)})),
    "concurrent_unsecured_lenders": lambda f: float(
        len({at.member_id for at in f.open() if not at.snapshot.secured})
    ),
    "highest_line_utilisation": lambda f: max(
        (owed(at) / limit(at) for at in f.drawable() if limit(at)), default=None
    ),
    "oldest_account_age": lambda f: max(f.ages(), default=None),
    "newest_account_age": lambda f: min(f.ages(), default=None),
    "average_account_age": lambda f: sum(f.ages()) / len(f.ages()) if f.ages() else None,
    "longest_history": lambda f: max((float(len(f.months(at))) for at in f.lines), default=None),
    "opened_3m": opened(3),
    "opened_6m": opened(6),
    "opened_12m": opened(12),
    "closed_12m": lines_where(
        lambda at: (
            bool(at.snapshot.close_date) and 0 <= THIS - count(at.snapshot.close_date // 100) < 12
        )
    ),
    "worst_classification": lambda f: max(
        (float(at.snapshot.classification) for at in f.lines if at.snapshot.classification),
        default=None,
    ),
    **{f"worst_status_{months}m": worst(months) for months in (3, 6, 12, 24, 84)},
    **{f"months_30_plus_{months}m": late(30, months) for months in (6, 12, 24, 84)},
    "months_60_plus_24m": late(60, 24),
    "months_90_plus_24m": late(90, 24),
    "tradelines_now_30_plus": lambda f: float(
        sum(f.newest(at) in LATE[30] for at in f.lines if f.newest(at))
    ),
    "tradelines_now_90_plus": lambda f: float(
        sum(f.newest(at) in LATE[90] for at in f.lines if f.newest(at))
    ),
    "tradelines_ever_30_plus": lambda f: f.ever(LATE[30]),
    "tradelines_ever_lost": lambda f: f.ever("GL"),
    "months_since_30_plus": lambda f: f.since(30),
    "months_since_60_plus": lambda f: f.since(60),
    "months_since_90_plus": lambda f: f.since(90),
    "share_current": lambda f: (
        sum(f.newest(at) not in [*LATE[30]] for at in f.open()) / len(f.open())
        if f.open()
        else None
    ),
    "inquiries_1m": lambda f: float(len(f.within(30))),
    "inquiries_3m": lambda f: float(len(f.within(91))),
    "inquiries_6m": lambda f: float(len(f.within(183))),
    "inquiries_12m": lambda f: float(len(f.within(365))),
    "inquiring_members_6m": lambda f: float(len({at.member_id for at in f.within(183)})),
    "days_since_inquiry": lambda f: min(
        (float((NOW_US - at.create_us) // DAY_US) for at in f.asked), default=None
    ),
}


def test_every_attribute_has_its_slow_twin() -> None:
    assert list(SLOW) != []
    assert set(SLOW) == set(REGISTRY)
    assert len(REGISTRY) >= 60


@settings(max_examples=150)
@given(files())
def test_every_attribute_is_what_the_obvious_computation_says(file: CreditFile) -> None:
    found = {
        (at.name, at.unit if REGISTRY[at.name].per_currency else ""): at.value
        if at.HasField("value")
        else None
        for at in attributes_of(file)
    }
    expected: dict[tuple[str, str], float | None] = {}
    for name, slow in SLOW.items():
        if REGISTRY[name].per_currency:
            for currency in {at.snapshot.currency for at in file.tradelines}:
                expected[name, currency] = slow(Slow(file, currency))
        else:
            expected[name, ""] = slow(Slow(file))
    assert found == expected


@given(files())
def test_the_summary_says_the_same(file: CreditFile) -> None:
    found = {at.name: at.value for at in attributes_of(file) if at.HasField("value")}
    summary = summary_of(file.tradelines, file.inquiries, file.now_us)
    letter = summary.worst_status_24m
    assert found.get("worst_status_24m", -1) == SEVERITY.find(letter or "?")
    assert summary.tradeline_count == found["tradelines"]
    assert summary.open_tradeline_count == found["open_tradelines"]
    assert summary.furnisher_count == found["furnishers"]
    assert summary.frozen_line_count == found["frozen_lines"]
    assert summary.lending_line_count == found["lending_lines"]
    money = {(at.name, at.unit): at.value for at in attributes_of(file)}
    for total in summary.totals:
        assert total.amount_due_minor == money["scheduled_payment", total.currency]
        assert total.amount_past_due_minor == money["past_due_amount", total.currency]
        assert total.credit_limit_minor == money["total_limit", total.currency]


@given(files(), st.lists(inquiries, max_size=3))
def test_nothing_later_than_now_changes_anything(
    file: CreditFile, more: list[FiledInquiry]
) -> None:
    later = [at._replace(create_us=NOW_US + 1) for at in more]
    ahead = CreditFile("s", 1, NOW_US, file.tradelines, [*file.inquiries, *later])
    assert attributes_of(ahead) == attributes_of(file)


def test_every_definition_says_what_it_means() -> None:
    for at in REGISTRY.values():
        assert at.text
        assert at.unit
        assert at.window
        assert at.missing


def test_the_page_is_made_from_the_registry() -> None:
    if not PAGE.exists():
        pytest.skip("the documents are not here")
    assert PAGE.read_text("utf-8") == page()
