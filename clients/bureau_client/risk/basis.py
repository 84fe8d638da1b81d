"""Entries of a report that a reason rests on, by the selection that an input declares."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bureau_client.models.codes import PortfolioType
from bureau_client.models.decisions import DecisionBasis
from bureau_client.models.months import Month
from bureau_client.models.reports import Report
from bureau_client.models.tradelines import Tradeline
from bureau_client.risk.documents import Basis
from bureau_client.risk.inputs import is_frozen

# Entries of one reason: the contract's limit (DecisionReason.basis).
MAX_ENTRIES = 16
# Metro 2 profile characters of 30, 60 … 180 days past due, and of worse.
PAST_DUE = "123456"
WORSE = "HJGKL"
LOST = "GL"
# Kinds of account with a limit that can be drawn again.
LINES = frozenset({PortfolioType.LINE_OF_CREDIT, PortfolioType.REVOLVING})


def entries_of(report: Report, basis: Basis | None, tradeline_id: str) -> tuple[DecisionBasis, ...]:
    """Return the entries of a report that a reason rests on, the newest first.

    Args:
        basis: Selection; None for a reason that rests on none.
        tradeline_id: Existing line that the decision is about; empty for an application.
    """
    if basis is None:
        return ()
    # As in the figures that drive reasons, debts of others are none of the person's.
    entries = dict.fromkeys(
        entry
        for line in report.tradelines
        if line.is_owed or line.tradeline_id == tradeline_id
        for entry in SELECTIONS[basis.select](report, line, basis, tradeline_id)
    )
    newest_first = sorted(entries, key=lambda entry: -(entry.month.number if entry.month else 0))
    return tuple(newest_first[:MAX_ENTRIES])


def _delinquent_months(
    _report: Report, line: Tradeline, basis: Basis, _tradeline_id: str
) -> Iterator[DecisionBasis]:
    statuses = PAST_DUE[basis.days // 30 - 1 :] + WORSE
    return _months(line, statuses, basis.months)


def _lost(
    _report: Report, line: Tradeline, basis: Basis, _tradeline_id: str
) -> Iterator[DecisionBasis]:
    return _months(line, LOST, basis.months)


def _months(line: Tradeline, statuses: str, months: int) -> Iterator[DecisionBasis]:
    if line.history is not None:
        for month in line.history.months()[:months]:
            if month.status in statuses:
                yield DecisionBasis(line.tradeline_id, month.month)


def _open_balances(
    _report: Report, line: Tradeline, _basis: Basis, _tradeline_id: str
) -> Iterator[DecisionBasis]:
    if line.balance_minor > 0 and not (line.close_date or line.sold_month or line.stale):
        yield DecisionBasis(line.tradeline_id, line.month)


def _line_balances(
    report: Report, line: Tradeline, basis: Basis, tradeline_id: str
) -> Iterator[DecisionBasis]:
    if line.portfolio_type in LINES:
        yield from _open_balances(report, line, basis, tradeline_id)


def _recently_opened(
    report: Report, line: Tradeline, basis: Basis, _tradeline_id: str
) -> Iterator[DecisionBasis]:
    if line.open_date is None:
        return
    if Month.of(report.issue_time.date()) - Month.of(line.open_date) < basis.months:
        yield DecisionBasis(line.tradeline_id)


def _frozen(
    _report: Report, line: Tradeline, _basis: Basis, _tradeline_id: str
) -> Iterator[DecisionBasis]:
    if is_frozen(line):
        yield DecisionBasis(line.tradeline_id)


def _line(
    _report: Report, line: Tradeline, _basis: Basis, tradeline_id: str
) -> Iterator[DecisionBasis]:
    if line.tradeline_id == tradeline_id:
        yield DecisionBasis(line.tradeline_id, line.month)


SELECTIONS: dict[str, Callable[[Report, Tradeline, Basis, str], Iterator[DecisionBasis]]] = {
    "delinquent_months": _delinquent_months,
    "lost": _lost,
    "open_balances": _open_balances,
    "line_balances": _line_balances,
    "recently_opened": _recently_opened,
    "frozen": _frozen,
    "line": _line,
}
