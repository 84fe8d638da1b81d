"""Attributes that count tradelines, lenders, lines and openings."""

from __future__ import annotations

from collections.abc import Callable

from bureau.credit_file.attributes.definition import (
    NEVER_MISSING,
    V2026_12,
    Definition,
    definition,
)
from bureau.credit_file.attributes.view import TradelineView, View
from creditbureau.v1 import codes_pb2

COUNT, LENDERS, MONTHS = "tradelines", "lenders", "months"
NO_FILE = "there is no tradeline"


def _count(name: str, text: str, counts: Callable[[TradelineView], bool]) -> Definition:
    def compute(view: View) -> float:
        return float(sum(map(counts, view.lines)))

    return Definition(name, text, COUNT, "now", NEVER_MISSING, compute)


def _open(kind: int) -> Callable[[TradelineView], bool]:
    return lambda line: line.is_open and line.snapshot.portfolio_type == kind


def _opened(months: int) -> Definition:
    def compute(view: View) -> float:
        return float(sum(0 <= view.age_of(line.snapshot.open_date) < months for line in view.lines))

    return Definition(
        f"opened_{months}m",
        "Tradelines opened",
        COUNT,
        f"{months} calendar months, this one included",
        NEVER_MISSING,
        compute,
    )


@definition("Tradelines closed", COUNT, "12 calendar months, this one included")
def closed_12m(view: View) -> float:
    days = [line.snapshot.close_date for line in view.lines if line.snapshot.close_date]
    return float(sum(0 <= view.age_of(day) < 12 for day in days))


@definition("Tradelines that the person guarantees", COUNT, since=V2026_12)
def guaranteed_tradelines(view: View) -> float:
    return float(len(view.guaranteed))


@definition("Furnishers of any tradeline", LENDERS)
def furnishers(view: View) -> float:
    return float(len({line.member_id for line in view.lines}))


@definition("Lenders to whom something is owed", LENDERS, "open tradelines now")
def lenders_with_balance(view: View) -> float:
    return float(len({line.member_id for line in view.open if line.drawn}))


@definition("Lenders with an open tradeline without collateral", LENDERS, "open tradelines now")
def concurrent_unsecured_lenders(view: View) -> float:
    return float(len({line.member_id for line in view.open if not line.is_secured}))


@definition(
    "Highest balance over limit of one line",
    "share of its limit",
    "open lines with a limit now",
    "no line has a limit",
)
def highest_line_utilisation(view: View) -> float | None:
    return max(
        (facility.drawn / facility.limit for facility in view.open if facility.limit > 0),
        default=None,
    )


@definition("Months since the oldest tradeline was opened", MONTHS, "whole file", NO_FILE)
def oldest_account_age(view: View) -> float | None:
    return _age(view, max)


@definition("Months since the newest tradeline was opened", MONTHS, "whole file", NO_FILE)
def newest_account_age(view: View) -> float | None:
    return _age(view, min)


@definition("Months since tradelines were opened, on average", MONTHS, "whole file", NO_FILE)
def average_account_age(view: View) -> float | None:
    return _age(view, lambda ages: sum(ages) / len(ages))


@definition("Months of the longest payment history", MONTHS, "whole file", NO_FILE)
def longest_history(view: View) -> float | None:
    return max((float(len(line.profile) - line.unreported) for line in view.lines), default=None)


@definition(
    "Months since the newest month that any tradeline was reported for",
    MONTHS,
    "newest month of each",
    NO_FILE,
    V2026_12,
)
def months_since_report(view: View) -> float | None:
    return min(map(_months_since_report, view.lines), default=None)


@definition(
    "Months since the newest month of the open tradeline that was reported longest ago",
    MONTHS,
    "newest month of each",
    "there is no open tradeline",
    V2026_12,
)
def months_since_oldest_report(view: View) -> float | None:
    return max(map(_months_since_report, view.open), default=None)


@definition(
    "Worst five-tier classification: 1 normal to 5 loss",
    "classification",
    "now",
    "no tradeline is classified",
)
def worst_classification(view: View) -> float | None:
    lines = (line for line in view.lines if not line.is_stale)
    worst = max((line.snapshot.classification for line in lines), default=0)
    return float(worst) if worst else None


def _months_since_report(line: TradelineView) -> float:
    return float(max(line.lag + line.unreported, 0))


def _age(view: View, choose: Callable[[list[float]], float]) -> float | None:
    ages = [float(view.age_of(line.snapshot.open_date)) for line in view.lines]
    return choose(ages) if ages else None


ACCOUNTS = [
    _count("tradelines", "Tradelines, open or not", lambda _: True),
    _count("open_tradelines", "Open tradelines", lambda line: line.is_open),
    _count(
        "closed_tradelines", "Closed tradelines", lambda line: not (line.is_open or line.is_stale)
    ),
    _count("open_revolving", "Open revolving accounts", _open(codes_pb2.PORTFOLIO_TYPE_REVOLVING)),
    _count(
        "open_lines_of_credit",
        "Open lines of credit",
        _open(codes_pb2.PORTFOLIO_TYPE_LINE_OF_CREDIT),
    ),
    _count("open_instalment", "Open instalment loans", _open(codes_pb2.PORTFOLIO_TYPE_INSTALMENT)),
    _count("open_mortgages", "Open mortgages", _open(codes_pb2.PORTFOLIO_TYPE_MORTGAGE)),
    _count(
        "open_unsecured",
        "Open tradelines without collateral",
        lambda line: line.is_open and not line.is_secured,
    ),
    _count(
        "joint_tradelines",
        "Tradelines with several persons",
        lambda line: len(line.snapshot.parties) > 1,
    ),
    guaranteed_tradelines,
    _count(
        "restructured_tradelines",
        "Tradelines that were restructured",
        lambda line: line.snapshot.restructured,
    ),
    _count(
        "frozen_lines",
        "Open lines that are frozen",
        lambda line: line.is_drawable and line.is_frozen,
    ),
    _count(
        "lending_lines",
        "Open lines that can be drawn on",
        lambda line: line.is_drawable and not line.is_frozen,
    ),
    _count(
        "lines_over_90_percent",
        "Open lines drawn for more than nine tenths",
        lambda line: line.limit > 0 and line.drawn * 10 > line.limit * 9,
    ),
    _count(
        "lines_over_limit",
        "Open lines drawn beyond their limit",
        lambda line: line.limit > 0 and line.drawn > line.limit,
    ),
    furnishers,
    lenders_with_balance,
    concurrent_unsecured_lenders,
    highest_line_utilisation,
    oldest_account_age,
    newest_account_age,
    average_account_age,
    longest_history,
    months_since_report,
    months_since_oldest_report,
    _opened(3),
    _opened(6),
    _opened(12),
    closed_12m,
    worst_classification,
]
