"""The features of a model: figures of the tradelines that a lender sees, at a month's end.

One code computes them from a lender's own lines and from all lines of a report, so that only the
visible lines differ. A feature without a value is NaN. No feature is of inquiries, of the
furnishers' names, or of anything that is not in the tradelines and their payment histories.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bureau_client.models.codes import PortfolioType
from bureau_client.models.months import Month
from bureau_client.models.tradelines import Tradeline

NOTHING = math.nan
# Payment history characters, from 30 days past due to lost, and their steps of lateness.
STEPS = {character: step for step, character in enumerate("123456", start=1)}
LOST = frozenset("GHJKL")
LOST_STEP = 7
REVOLVING = frozenset({PortfolioType.REVOLVING, PortfolioType.LINE_OF_CREDIT})


class LineMonth(NamedTuple):
    """A month of a line.

    Attributes:
        step: Step of lateness: 0 below 30 days past due, 1 to 6 for 30 to 180 days, 7 for lost.
    """

    step: int
    balance_minor: int
    amount_due_minor: int
    amount_paid_minor: int


@dataclass(frozen=True, slots=True)
class Line:
    """A tradeline as of a month.

    Attributes:
        age: Months since the opening.
        months: Months by their distance from the month of the features: 0 for that month. A
            month without data is absent.
        past_due_minor: Amount past due.
    """

    age: int
    revolving: bool
    closed: bool
    lender: str
    credit_limit_minor: int | None
    past_due_minor: int
    months: dict[int, LineMonth]

    @property
    def newest(self) -> LineMonth | None:
        """The newest month; None for a line without payment history."""
        return self.months[min(self.months)] if self.months else None

    @property
    def is_open(self) -> bool:
        """True if the line is neither closed nor lost."""
        newest = self.newest
        return not self.closed and newest is not None and newest.step < LOST_STEP

    def steps(self, months: int) -> list[int]:
        """Return the steps of lateness of the last months."""
        return [month.step for back, month in self.months.items() if back < months]


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature.

    Attributes:
        text: Meaning in words.
        missing: Meaning of NaN; empty if the feature is never missing.
        of: Returns the value of the visible lines.
    """

    name: str
    text: str
    missing: str
    of: Callable[[Sequence[Line]], float]


def read_line(line: Tradeline, now: Month) -> Line:
    """Read a tradeline of a report as of a month."""
    months: dict[int, LineMonth] = {}
    for month in () if line.history is None else line.history.months():
        if month.status in "BD" or month.month > now:
            continue
        step = LOST_STEP if month.status in LOST else STEPS.get(month.status, 0)
        months[now - month.month] = LineMonth(
            step, month.balance_minor, month.amount_due_minor, month.amount_paid_minor
        )
    return Line(
        age=0 if line.open_date is None else now - Month.of(line.open_date),
        revolving=line.portfolio_type in REVOLVING,
        closed=line.close_date is not None,
        lender=line.member_id,
        credit_limit_minor=line.credit_limit_minor,
        past_due_minor=line.amount_past_due_minor,
        months=months,
    )


def features_of(tradelines: Iterable[Tradeline], now: Month) -> list[float]:
    """Return the values of all features, in the order of `FEATURES`.

    Args:
        tradelines: The lines that the lender sees, in any order.
        now: Month at whose end the lender decides.
    """
    lines = [read_line(line, now) for line in tradelines]
    return [float(feature.of(lines)) for feature in FEATURES]


def _share(part: float, whole: float) -> float:
    return part / whole if whole else NOTHING


def _log(amount_minor: int) -> float:
    return math.log1p(max(amount_minor, 0))


def _worst(lines: Sequence[Line], months: int) -> float:
    steps = [step for line in lines for step in line.steps(months)]
    return max(steps) if steps else NOTHING


def _late_months(lines: Sequence[Line], months: int) -> float:
    return sum(step > 0 for line in lines for step in line.steps(months))


def _since_late(lines: Sequence[Line]) -> float:
    late = [back for line in lines for back, month in line.months.items() if month.step]
    return min(late) if late else NOTHING


def _limited(lines: Sequence[Line]) -> list[Line]:
    """Return the open lines with a limit."""
    return [line for line in lines if line.is_open and line.credit_limit_minor]


def _utilisation(lines: Sequence[Line], back: int = 0) -> float:
    """Return balances over limits of the lines that have a month so far back."""
    limited = [line for line in _limited(lines) if back in line.months]
    balance = sum(max(line.months[back].balance_minor, 0) for line in limited)
    return _share(balance, sum(line.credit_limit_minor or 0 for line in limited))


def _highest_utilisation(lines: Sequence[Line]) -> float:
    shares = [_utilisation([line]) for line in _limited(lines)]
    return max((share for share in shares if not math.isnan(share)), default=NOTHING)


def _mean_utilisation(lines: Sequence[Line], months: int) -> float:
    shares = [_utilisation(lines, back) for back in range(months)]
    known = [share for share in shares if not math.isnan(share)]
    return _share(sum(known), len(known))


def _paid_share(lines: Sequence[Line], months: int) -> float:
    """Return the payments of the last months over the balances before them, of revolving lines."""
    pairs = [
        (line.months[back].amount_paid_minor, max(line.months[back + 1].balance_minor, 0))
        for line in lines
        if line.revolving
        for back in range(months)
        if back in line.months and back + 1 in line.months
    ]
    return _share(sum(paid for paid, _ in pairs), sum(balance for _, balance in pairs))


def _open_balance(lines: Sequence[Line]) -> int:
    newest = [line.newest for line in lines if line.is_open]
    return sum(max(month.balance_minor, 0) for month in newest if month is not None)


def _due(lines: Sequence[Line]) -> int:
    newest = [line.newest for line in lines if line.is_open]
    return sum(month.amount_due_minor for month in newest if month is not None)


_NO_LINE = "no line is visible"
_NO_LIMIT = "no open line has a limit and a balance of the month"

FEATURES: tuple[Feature, ...] = (
    Feature("lines", "Lines", "", len),
    Feature("open_lines", "Lines that are open", "", lambda lines: sum(x.is_open for x in lines)),
    Feature(
        "open_revolving_lines",
        "Revolving accounts and lines of credit that are open",
        "",
        lambda lines: sum(x.is_open and x.revolving for x in lines),
    ),
    Feature("lenders", "Lenders with a line", "", lambda lines: len({x.lender for x in lines})),
    Feature(
        "oldest_age",
        "Months since the first opening",
        _NO_LINE,
        lambda lines: max((x.age for x in lines), default=NOTHING),
    ),
    Feature(
        "newest_age",
        "Months since the last opening",
        _NO_LINE,
        lambda lines: min((x.age for x in lines), default=NOTHING),
    ),
    Feature("worst_now", "Worst step of lateness now", _NO_LINE, lambda x: _worst(x, 1)),
    Feature("worst_6m", "Worst step of lateness in 6 months", _NO_LINE, lambda x: _worst(x, 6)),
    Feature("worst_24m", "Worst step of lateness in 24 months", _NO_LINE, lambda x: _worst(x, 24)),
    Feature(
        "late_months_6m", "Months late of all lines in 6 months", "", lambda x: _late_months(x, 6)
    ),
    Feature(
        "late_months_24m",
        "Months late of all lines in 24 months",
        "",
        lambda x: _late_months(x, 24),
    ),
    Feature("months_since_late", "Months since a line was late", "no line was late", _since_late),
    Feature(
        "past_due",
        "Logarithm of the amounts past due",
        "",
        lambda lines: _log(sum(x.past_due_minor for x in lines)),
    ),
    Feature("utilisation", "Balances over limits of open lines now", _NO_LIMIT, _utilisation),
    Feature("highest_utilisation", "Highest of them", _NO_LIMIT, _highest_utilisation),
    Feature(
        "utilisation_6m",
        "Mean utilisation of 6 months",
        _NO_LIMIT,
        lambda x: _mean_utilisation(x, 6),
    ),
    Feature(
        "utilisation_change_6m",
        "Utilisation less that of 6 months ago",
        "no open line with a limit has both months",
        lambda x: _utilisation(x) - _utilisation(x, 6),
    ),
    Feature(
        "paid_share_6m",
        "Payments of 6 months over the balances before them, of revolving lines",
        "no revolving line had a balance",
        lambda x: _paid_share(x, 6),
    ),
    Feature(
        "balance", "Logarithm of the balances of open lines", "", lambda x: _log(_open_balance(x))
    ),
    Feature("due", "Logarithm of the payments due of open lines", "", lambda x: _log(_due(x))),
)
