"""Outcomes of reports, observed in later reports of the same subject.

An outcome looks at whole months after the month of the report, in reports that are later by
time and by log size.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import pyarrow as pa

from bureau_client.models.codes import AccountStatus, Section
from bureau_client.models.months import Month
from bureau_client.models.reports import Report
from bureau_client.models.tradelines import Tradeline
from bureau_client.risk.columns import (
    FIGURE,
    FLAG,
    ID,
    MOMENT,
    MONEY,
    MONTH,
    POSITION,
    UNKNOWN_MONTHS,
    Column,
)
from bureau_client.risk.declarations import KEY, MINOR

# Payment history characters from 30 days past due on, the later and the worse the further on.
SEVERITY = "123456JHGKL"
DAYS_A_STEP = 30
MOST_DAYS = 180
# Months that a payment history has at most.
MOST_MONTHS = 84
ENDED = frozenset(
    {
        AccountStatus.PAID_OR_CLOSED,
        AccountStatus.TRANSFERRED,
        AccountStatus.PAID_SURRENDER,
        AccountStatus.PAID_COLLECTION,
        AccountStatus.PAID_REPOSSESSION,
        AccountStatus.PAID_CHARGE_OFF,
        AccountStatus.PAID_FORECLOSURE_STARTED,
    }
)
# Sections without which a report shows no outcome.
SHOWN = frozenset({Section.TRADELINES, Section.PAYMENT_HISTORY})
_UNDECIDED = "not known yet"

OUTCOME: tuple[Column, ...] = (
    Column("outcome_from", MONTH, "First month that the outcome looks at"),
    Column("outcome_until", MONTH, "Last month that the outcome looks at"),
    Column("outcome_time", MOMENT, "Time of the report that shows the outcome", _UNDECIDED),
    Column("outcome_log_size", POSITION, "Size of the log as of that report", _UNDECIDED, "leaves"),
    Column("outcome", FLAG, "The event happened", _UNDECIDED),
)

# Columns that a table of outcomes may have for the expected loss.
LOSS: tuple[Column, ...] = (
    Column(
        "exposure_minor",
        MONEY,
        "Amount that the person owed, or would have owed, at default",
        "the limit that the policy grants counts",
        MINOR,
    ),
    Column("currency", ID, "ISO 4217 currency of it", "the currency of the policy"),
    Column(
        "loss_given_default",
        FIGURE,
        "Share of the exposure that is lost, from 0 to 1",
        "that of the whole backtest counts",
        "share",
    ),
)


@dataclass(frozen=True, slots=True)
class PastDue:
    """The event of an account that becomes `days` days past due, or worse, within some months.

    An account that was as late before the window is no event, unless it recovers first.

    Attributes:
        days: 30, 60, 90, 120, 150 or 180.
        months: Calendar months after the month of the report, from 1 to 84.

    Raises:
        ValueError: `days` or `months` has another value.
    """

    days: int = 60
    months: int = 12

    def __post_init__(self) -> None:
        if self.days not in range(DAYS_A_STEP, MOST_DAYS + 1, DAYS_A_STEP):
            raise ValueError(f"days={self.days} is not a step of lateness: use 30, 60 … 180")
        if not 1 <= self.months <= MOST_MONTHS:
            raise ValueError(f"months={self.months} is not a window: use 1 to {MOST_MONTHS}")

    @property
    def statuses(self) -> frozenset[str]:
        """Payment history characters of the event."""
        return frozenset(SEVERITY[self.days // DAYS_A_STEP - 1 :])

    def window(self, report: Report) -> tuple[Month, Month]:
        """Return the first and last month that the outcome of a report looks at."""
        month = Month.of(report.issue_time)
        return month + 1, month + self.months


class Outcome(NamedTuple):
    """The values of the columns OUTCOME."""

    first: Month
    last: Month
    time: datetime | None = None
    log_size: int | None = None
    happened: bool | None = None


def observe_outcomes(
    reports: Iterable[Report], later: Iterable[Report], event: PastDue
) -> pa.Table:
    """Derive the outcome of each report in later reports of its subject.

    The outcome is true if a later report shows the event in a month of the window, and false
    if a report shows all months of the window without it. The first report that decides
    counts; without one the outcome is null. A report that omits tradelines, or months of the
    window, can only show the event.

    Args:
        reports: The reports of the features.
        later: Reports to observe; for a panel the same ones. One that is not later than a
            report, by time and by log size, decides nothing about it.
        event: The event, for example `PastDue(days=60, months=12)`.

    Returns:
        A row for each report, in order: the columns of the report and those of OUTCOME.
    """
    kept = list(reports)
    observed = by_subject(later)
    rows = [_outcome(report, observed.get(report.subject_id, ()), event) for report in kept]
    arrays = [column.array(kept) for column in KEY]
    arrays += [
        column.kind.array(row[index] for row in rows) for index, column in enumerate(OUTCOME)
    ]
    return pa.table(arrays, schema=pa.schema([column.field for column in (*KEY, *OUTCOME)]))


def observe_line(
    report: Report, tradeline_id: str, observed: Sequence[Report], event: PastDue
) -> Outcome:
    """Derive the outcome of one tradeline of a report, as `observe_outcomes` does for all.

    Args:
        observed: Reports of the same subject by time, as `by_subject` returns them. One that
            does not show the tradeline decides nothing.
    """
    return _outcome(report, observed, event, tradeline_id)


def by_subject(reports: Iterable[Report]) -> dict[str, list[Report]]:
    """Return the reports of each subject, by time and log size."""
    ordered: dict[str, list[Report]] = defaultdict(list)
    for report in sorted(reports, key=lambda report: (report.issue_time, report.log_size)):
        ordered[report.subject_id].append(report)
    return ordered


def _outcome(
    report: Report, observed: Sequence[Report], event: PastDue, tradeline_id: str = ""
) -> Outcome:
    first, last = event.window(report)
    for later in observed:
        if later.issue_time <= report.issue_time or later.log_size <= report.log_size:
            continue
        happened = _happened(later, first, last, event.statuses, tradeline_id)
        if happened is not None:
            return Outcome(first, last, later.issue_time, later.log_size, happened)
    return Outcome(first, last)


def _happened(
    report: Report, first: Month, last: Month, statuses: frozenset[str], tradeline_id: str
) -> bool | None:
    """Decide whether the event happened in a window; None if the report does not show it all.

    Args:
        tradeline_id: Tradeline of the event; empty for any tradeline.
    """
    lines = [line for line in report.tradelines if tradeline_id in {"", line.tradeline_id}]
    if any(_becomes_late(line, first, last, statuses) for line in lines):
        return True
    if tradeline_id and not lines:
        return None
    if Month.of(report.issue_time) <= last or not SHOWN.issubset(report.sections):
        return None
    omitted = {omission.section for omission in report.omissions}
    cut = Section.PAYMENT_HISTORY in omitted
    complete = (bool(tradeline_id) or Section.TRADELINES not in omitted) and all(
        _is_reported(line, last, statuses) and not (cut and _begins_after(line, first - 1))
        for line in lines
    )
    return False if complete else None


def _becomes_late(line: Tradeline, first: Month, last: Month, statuses: frozenset[str]) -> bool:
    """Return True if a line passes into the event in a month of a window."""
    history = line.history
    if history is None:
        return False
    end = max(history.newest_month - last, 0)
    begin = max(history.newest_month - first + 1, 0)
    before = (status for status in history.profile[begin:] if status not in UNKNOWN_MONTHS)
    was_late = next(before, "") in statuses
    for status in reversed(history.profile[end:begin]):
        if status not in UNKNOWN_MONTHS:
            if status in statuses and not was_late:
                return True
            was_late = status in statuses
    return False


def _is_reported(line: Tradeline, last: Month, statuses: frozenset[str]) -> bool:
    """Return True if no further month of a line can show the event by the end of a window."""
    if line.history is None:
        return False
    return (
        line.history.newest_month >= last
        or line.close_date is not None
        or line.sold_month is not None
        or line.status in ENDED
        # Lost accounts are often reported no more; they are late already.
        or line.history.profile[:1] in statuses
    )


def _begins_after(line: Tradeline, first: Month) -> bool:
    """Return True if the months that are shown begin after a month, and after the opening."""
    history = line.history
    if history is None:
        return False
    oldest = history.newest_month - len(history.profile) + 1
    return oldest > first and (line.open_date is None or Month.of(line.open_date) < oldest)
