"""Attributes as version 2026-11 of reports had them: retired, kept for the replay of its
reports.

Its windows counted back from the month of the inquiry, so the turn of a month changed a file
that did not change; an amount had its currency as unit, and a ratio of amounts too; the
reader's own inquiries and repeated ones counted; so did others' debts and stale accounts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from bureau.calendar import DAY_US
from bureau.credit_file.attributes.definition import (
    FIRST_VERSION,
    MONEY,
    NEVER_MISSING,
    V2026_12,
    Compute,
    Definition,
)
from bureau.credit_file.attributes.view import TradelineView, View
from bureau.credit_file.filed import CreditFile, FiledInquiry
from bureau.credit_file.history import DELINQUENT, SEVERITY, SILENT
from creditbureau.v1.codes_pb2 import (
    PARTY_ROLE_GUARANTOR,
    PORTFOLIO_TYPE_LINE_OF_CREDIT,
    PORTFOLIO_TYPE_REVOLVING,
)
from creditbureau.v1.report_pb2 import Attribute

SHARE = "share of the currency's limits"
LATE = {30: DELINQUENT, 60: DELINQUENT - {"1"}, 90: DELINQUENT - {"1", "2"}}
NO_MONTH = "no month was reported"


def attributes_of(
    file: CreditFile, definitions: Mapping[str, Definition], reader: str
) -> list[Attribute]:
    """Compute every attribute of a credit file, in the registry's order."""
    view = _view_of(file, reader)
    parts = view.by_currency()
    attributes = []
    for definition in definitions.values():
        if definition.unit in {MONEY, SHARE}:
            attributes += [
                Attribute(name=definition.name, value=definition.compute(part), unit=currency)
                for currency, part in parts.items()
            ]
        else:
            value = definition.compute(view)
            attributes.append(Attribute(name=definition.name, value=value, unit=definition.unit))
    return attributes


def _view_of(file: CreditFile, reader: str) -> View:
    """Build the view whose histories begin with no later month than now."""
    view = View.of(file, reader)
    return replace(view, lines=list(map(_begun, view.lines)))


def _begun(line: TradelineView) -> TradelineView:
    ahead = max(-line.lag, 0)
    return replace(
        line,
        profile=line.profile[ahead:],
        balances=line.balances[ahead:],
        payments=line.payments[ahead:],
        lag=max(line.lag, 0),
    )


def _retired(
    name: str, text: str, unit: str, window: str, missing: str, compute: Compute
) -> Definition:
    return Definition(
        name, text, unit, window, missing, compute, since=FIRST_VERSION, until=V2026_12
    )


def _last(line: TradelineView, months: int) -> str:
    """Return the characters of the last months, the present one included."""
    return line.profile[: max(months - line.lag, 0)]


def _has(line: TradelineView, age: int) -> bool:
    """Return True if a line was reported for the month that many months ago."""
    return age >= line.lag and line.is_reported(age - line.lag)


def _months(months: int) -> str:
    return f"{months} calendar months, this one included"


def _highest_balance() -> Definition:
    def compute(view: View) -> float | None:
        months = [
            [line.balances[age - line.lag] for line in view.lines if _has(line, age)]
            for age in range(12)
        ]
        return max((float(sum(month)) for month in months if month), default=None)

    text = "Highest sum of balances in one month"
    return _retired("highest_balance_12m", text, MONEY, "12 months", NO_MONTH, compute)


def _change(months: int) -> Definition:
    def compute(view: View) -> float | None:
        changes = [
            line.balances[0] - line.balances[months]
            for line in view.lines
            if _has(line, 0) and _has(line, months)
        ]
        return float(sum(changes)) if changes else None

    return _retired(
        f"balance_change_{months}m",
        f"Balances now less those {months} months ago, of tradelines reported for both",
        MONEY,
        f"this month and {months} months ago",
        "no tradeline was reported for both months",
        compute,
    )


def _utilisation(name: str, text: str, kinds: Iterable[int]) -> Definition:
    wanted = frozenset(kinds)

    def compute(view: View) -> float | None:
        lines = [
            line for line in view.open if line.limit > 0 and line.snapshot.portfolio_type in wanted
        ]
        limit = sum(line.limit for line in lines)
        return sum(line.drawn for line in lines) / limit if limit else None

    window = "open lines with a limit now"
    return _retired(name, text, SHARE, window, "no such line has a limit", compute)


def _worst(months: int) -> Definition:
    def compute(view: View) -> float | None:
        seen = set("".join(_last(line, months) for line in view.lines)) - SILENT
        return max((float(SEVERITY.find(character)) for character in seen), default=None)

    text = f"Worst payment history character, as its place in {SEVERITY}"
    name = f"worst_status_{months}m"
    return _retired(name, text, "severity", _months(months), NO_MONTH, compute)


def _count(days: int, months: int) -> Definition:
    def compute(view: View) -> float:
        return float(
            sum(character in LATE[days] for line in view.lines for character in _last(line, months))
        )

    return _retired(
        f"months_{days}_plus_{months}m",
        f"Account months {days} or more days past due, or worse",
        "account months",
        _months(months),
        NEVER_MISSING,
        compute,
    )


def _guaranteed() -> Definition:
    def compute(view: View) -> float:
        return float(sum(line.role == PARTY_ROLE_GUARANTOR for line in view.lines))

    text = "Tradelines that the person guarantees"
    return _retired("guaranteed_tradelines", text, "tradelines", "now", NEVER_MISSING, compute)


def _of_inquiries(
    name: str, text: str, unit: str, days: int, count: Callable[[list[FiledInquiry]], int]
) -> Definition:
    def compute(view: View) -> float:
        since_us = view.since_us(days)
        return float(count([i for i in view.inquiries if i.create_us >= since_us]))

    return _retired(name, text, unit, f"{days} days", NEVER_MISSING, compute)


def _inquiries(months: int, days: int) -> Definition:
    text = "Inquiries that other members see"
    return _of_inquiries(f"inquiries_{months}m", text, "inquiries", days, len)


def _days_since_inquiry() -> Definition:
    def compute(view: View) -> float | None:
        newest = max((inquiry.create_us for inquiry in view.inquiries), default=None)
        return None if newest is None else float((view.now_us - newest) // DAY_US)

    text = "Days since the last inquiry"
    return _retired("days_since_inquiry", text, "days", "two years", "there was none", compute)


RETIRED = [
    _guaranteed(),
    _highest_balance(),
    *map(_change, (3, 6, 12)),
    _utilisation(
        "revolving_utilisation",
        "Balances of revolving accounts over their limits",
        [PORTFOLIO_TYPE_REVOLVING],
    ),
    _utilisation(
        "line_of_credit_utilisation",
        "Balances of lines of credit over their limits",
        [PORTFOLIO_TYPE_LINE_OF_CREDIT],
    ),
    _utilisation(
        "utilisation",
        "Balances of all lines over their limits",
        [PORTFOLIO_TYPE_REVOLVING, PORTFOLIO_TYPE_LINE_OF_CREDIT],
    ),
    *map(_worst, (3, 6, 12, 24, 84)),
    *(_count(30, months) for months in (6, 12, 24, 84)),
    _count(60, 24),
    _count(90, 24),
    _inquiries(1, 30),
    _inquiries(3, 91),
    _inquiries(6, 183),
    _inquiries(12, 365),
    _of_inquiries(
        "inquiring_members_6m",
        "Members that asked, as other members see",
        "members",
        183,
        lambda inquiries: len({inquiry.member_id for inquiry in inquiries}),
    ),
    _days_since_inquiry(),
]
