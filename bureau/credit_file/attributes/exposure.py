"""Attributes of amounts: balances, limits, payments and their changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bureau.credit_file.attributes.definition import MONEY, Definition, definition
from bureau.credit_file.attributes.view import TradelineView, View
from bureau_keys.payment_profile import NO_DATA
from creditbureau.v1 import codes_pb2

INSTALMENTS = frozenset({codes_pb2.PORTFOLIO_TYPE_INSTALMENT, codes_pb2.PORTFOLIO_TYPE_MORTGAGE})
SHARE = "share of the currency's limits"
NO_LIMIT = "no such line has a limit"


def _sum(name: str, text: str, amount: Callable[[TradelineView], int]) -> Definition:
    def compute(view: View) -> float:
        return float(sum(amount(line) for line in view.open))

    return Definition(name, text, MONEY, "open tradelines now", "never missing", compute)


def _of(kind: int) -> Callable[[TradelineView], int]:
    return lambda line: line.drawn if line.snapshot.portfolio_type == kind else 0


def _change(months: int) -> Definition:
    def compute(view: View) -> float | None:
        changes = [
            line.balances[0] - line.balances[months]
            for line in view.lines
            if _has(line, 0) and _has(line, months)
        ]
        return float(sum(changes)) if changes else None

    return Definition(
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

    return Definition(name, text, SHARE, "open lines with a limit now", NO_LIMIT, compute)


@definition("Highest sum of balances in one month", MONEY, "12 months", "no month was reported")
def highest_balance_12m(view: View) -> float | None:
    months = [
        [line.balances[age - line.lag] for line in view.lines if _has(line, age)]
        for age in range(12)
    ]
    return max((float(sum(month)) for month in months if month), default=None)


@definition("Limits not drawn, of lines that are not frozen", MONEY, "open lines now")
def available_credit(view: View) -> float:
    return float(sum(max(line.limit - line.drawn, 0) for line in view.open if not line.is_frozen))


def _has(line: TradelineView, age: int) -> bool:
    """Return True if a line was reported for the month that many months ago."""
    index = age - line.lag
    return 0 <= index < len(line.profile) and line.profile[index] != NO_DATA


REVOLVING = codes_pb2.PORTFOLIO_TYPE_REVOLVING
LINE_OF_CREDIT = codes_pb2.PORTFOLIO_TYPE_LINE_OF_CREDIT

EXPOSURE = [
    _sum("total_balance", "Balances", lambda line: line.drawn),
    _sum(
        "unsecured_balance",
        "Balances without collateral",
        lambda line: 0 if line.snapshot.secured else line.drawn,
    ),
    _sum(
        "secured_balance",
        "Balances with collateral",
        lambda line: line.drawn if line.snapshot.secured else 0,
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
    _change(3),
    _change(6),
    _change(12),
    _utilisation(
        "revolving_utilisation", "Balances of revolving accounts over their limits", [REVOLVING]
    ),
    _utilisation(
        "line_of_credit_utilisation",
        "Balances of lines of credit over their limits",
        [LINE_OF_CREDIT],
    ),
    _utilisation(
        "utilisation", "Balances of all lines over their limits", [REVOLVING, LINE_OF_CREDIT]
    ),
]
