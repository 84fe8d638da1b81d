"""Attributes of amounts: balances, limits, payments and their changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from bureau.credit_file.attributes.definition import (
    MONEY,
    NEVER_MISSING,
    V2026_12,
    Definition,
    definition,
    months_text,
    of_currencies,
)
from bureau.credit_file.attributes.view import TradelineView, View, owed
from creditbureau.v1 import codes_pb2

INSTALMENTS = frozenset({codes_pb2.PORTFOLIO_TYPE_INSTALMENT, codes_pb2.PORTFOLIO_TYPE_MORTGAGE})
SHARE = "share of limits"
NO_LIMIT = "no such line has a limit"
HIGHEST = "of the currency in which it is highest"


def _sum(name: str, text: str, amount: Callable[[TradelineView], int]) -> Definition:
    def compute(view: View) -> float:
        return float(sum(amount(line) for line in view.open))

    return Definition(name, text, MONEY, "open tradelines now", NEVER_MISSING, compute)


def _of(kind: int) -> Callable[[TradelineView], int]:
    return lambda line: line.drawn if line.snapshot.portfolio_type == kind else 0


def _change(months: int) -> Definition:
    def compute(view: View) -> float | None:
        changes = [
            line.balances[0] - line.balances[months]
            for line in view.lines
            if line.is_reported(0) and line.is_reported(months)
        ]
        return float(sum(changes)) if changes else None

    return Definition(
        f"balance_change_{months}m",
        f"Balances less those {months_text(months)} before, of tradelines reported for both;"
        " credit balances as reported",
        MONEY,
        f"newest month of each and {months_text(months)} before",
        "no tradeline was reported for both months",
        compute,
        V2026_12,
    )


def _utilisation(name: str, text: str, kinds: Iterable[int]) -> Definition:
    wanted = frozenset(kinds)

    def compute(view: View) -> float | None:
        lines = [
            line for line in view.open if line.limit > 0 and line.snapshot.portfolio_type in wanted
        ]
        limit = sum(line.limit for line in lines)
        return sum(line.drawn for line in lines) / limit if limit else None

    return Definition(
        name,
        text,
        SHARE,
        "open lines with a limit now",
        NO_LIMIT,
        of_currencies(max, compute),
        V2026_12,
    )


def _utilisation_change(months: int) -> Definition:
    def compute(view: View) -> float | None:
        lines = [
            line
            for line in view.open
            if line.limit > 0 and line.is_reported(0) and line.is_reported(months)
        ]
        limit = sum(line.limit for line in lines)
        change = sum(owed(line.balances[0]) - owed(line.balances[months]) for line in lines)
        return change / limit if limit else None

    return Definition(
        f"utilisation_change_{months}m",
        f"Balances less those {months_text(months)} before, over the limits of now, of lines"
        f" reported for both; {HIGHEST}",
        SHARE,
        f"newest month of each and {months_text(months)} before",
        "no open line with a limit was reported for both months",
        of_currencies(max, compute),
        V2026_12,
    )


@definition(
    "Highest sum of balances in one calendar month",
    MONEY,
    "12 months to the newest month of each",
    "no month was reported",
    V2026_12,
)
def highest_balance_12m(view: View) -> float | None:
    balances: defaultdict[int, int] = defaultdict(int)
    for line in view.lines:
        for age in filter(line.is_reported, range(12)):
            balances[line.lag + age] += owed(line.balances[age])
    return float(max(balances.values())) if balances else None


@definition("Limits not drawn, of lines that are not frozen", MONEY, "open lines now")
def available_credit(view: View) -> float:
    return float(sum(max(line.limit - line.drawn, 0) for line in view.open if not line.is_frozen))


REVOLVING = codes_pb2.PORTFOLIO_TYPE_REVOLVING
LINE_OF_CREDIT = codes_pb2.PORTFOLIO_TYPE_LINE_OF_CREDIT

EXPOSURE = [
    _sum("total_balance", "Balances", lambda line: line.drawn),
    _sum(
        "unsecured_balance",
        "Balances without collateral",
        lambda line: 0 if line.is_secured else line.drawn,
    ),
    _sum(
        "secured_balance",
        "Balances with collateral",
        lambda line: line.drawn if line.is_secured else 0,
    ),
    _sum("revolving_balance", "Balances of revolving accounts", _of(REVOLVING)),
    _sum("line_of_credit_balance", "Balances of lines of credit", _of(LINE_OF_CREDIT)),
    _sum(
        "instalment_balance",
        "Balances of instalment loans",
        _of(codes_pb2.PORTFOLIO_TYPE_INSTALMENT),
    ),
    _sum("mortgage_balance", "Balances of mortgages", _of(codes_pb2.PORTFOLIO_TYPE_MORTGAGE)),
    _sum("total_limit", "Limits of lines", lambda line: line.limit),
    _sum(
        "frozen_limit", "Limits of frozen lines", lambda line: line.limit if line.is_frozen else 0
    ),
    _sum("past_due_amount", "Amounts past due", lambda line: line.snapshot.amount_past_due_minor),
    _sum(
        "scheduled_payment",
        "Scheduled payments of the month",
        lambda line: line.snapshot.amount_due_minor,
    ),
    _sum(
        "instalment_burden",
        "Scheduled payments of instalment loans and mortgages",
        lambda line: (
            line.snapshot.amount_due_minor if line.snapshot.portfolio_type in INSTALMENTS else 0
        ),
    ),
    _sum("amount_paid", "Payments of the month", lambda line: line.snapshot.amount_paid_minor),
    available_credit,
    highest_balance_12m,
    _change(1),
    _change(3),
    _change(6),
    _change(12),
    _utilisation(
        "revolving_utilisation",
        f"Balances of revolving accounts over their limits; {HIGHEST}",
        [REVOLVING],
    ),
    _utilisation(
        "line_of_credit_utilisation",
        f"Balances of lines of credit over their limits; {HIGHEST}",
        [LINE_OF_CREDIT],
    ),
    _utilisation(
        "utilisation",
        f"Balances of all lines over their limits; {HIGHEST}",
        [REVOLVING, LINE_OF_CREDIT],
    ),
    _utilisation_change(3),
    _utilisation_change(5),
]
