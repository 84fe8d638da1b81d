"""Early warning: accounts that are current now and likely to become late soon.

The score of now is measured against the score at opening, on the same accounts and times.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial

import numpy as np
import numpy.typing as npt

from bureau_client.models.codes import AccountStatus
from bureau_client.models.months import Month
from bureau_client.models.reports import Report
from bureau_client.models.tradelines import Tradeline
from bureau_client.risk.assessment import score_reports
from bureau_client.risk.input_rows import Refusal
from bureau_client.risk.models import Model
from bureau_client.risk.outcomes import PastDue, by_subject, observe_line
from bureau_client.risk.validation import (
    Figure,
    Interval,
    UndefinedFigure,
    auc,
    bootstrap,
    bootstrap_rows,
    ks,
    lift,
)

IN_SIX_MONTHS = PastDue(days=60, months=6)
# Months after which an account without news is not known to be current.
MOST_MONTHS_OLD = 2
DECILE = 0.1
FIGURES: dict[str, Figure] = {
    "AUC": auc,
    "KS": ks,
    "Lift in the top decile": lambda bad, probability: lift(bad, probability, DECILE),
}


@dataclass(frozen=True, slots=True)
class CurrentAccount:
    """An account that is current at the time of a report.

    Attributes:
        opening_time: Time of the report at opening.
        at_opening: Probability of the bad outcome as of that report.
        now: Probability as of this report.
        bad: True if the account becomes late within the window; None if that is not known.
    """

    report_id: str
    subject_id: str
    tradeline_id: str
    report_time: datetime
    opening_time: datetime
    at_opening: float
    now: float
    bad: bool | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A figure of both scores on the same rows.

    Attributes:
        name: Name of the figure.
        at_opening: Figure of the score at opening.
        now: Figure of the score of now.
        difference: Figure of now less the one at opening, resampled together.
    """

    name: str
    at_opening: Interval
    now: Interval
    difference: Interval


@dataclass(frozen=True, slots=True)
class EarlyWarning:
    """Current accounts, and how well each score tells which of them become late.

    Attributes:
        event: Event that the warning is of.
        accounts: Every account at every report at which it is current, by time.
        comparisons: Figures over the accounts with a known outcome; empty if the outcomes are
            all alike.
        watched: The newest rows without a known outcome, the highest probability first.
        refusals: Reports that the model does not score.
    """

    event: PastDue
    accounts: tuple[CurrentAccount, ...]
    comparisons: tuple[Comparison, ...]
    watched: tuple[CurrentAccount, ...]
    refusals: tuple[Refusal, ...]

    @property
    def known(self) -> list[CurrentAccount]:
        """Rows with a known outcome."""
        return [account for account in self.accounts if account.bad is not None]


def early_warning(
    model: Model,
    reports: Iterable[Report],
    *,
    event: PastDue = IN_SIX_MONTHS,
    own: bool = False,
    seed: int = 0,
    draws: int = 1000,
) -> EarlyWarning:
    """Score current accounts as of now and as of their opening, and compare both scores.

    The report at opening is the person's last one up to the day after the opening of the account;
    without one, the first report that shows the account. Only later reports are rows.

    Args:
        reports: Verified reports of several times, in any order.
        event: Event that an account is warned of.
        own: True for accounts alone that the inquiring member furnishes itself.
        seed: Seed of the bootstrap intervals, which are by person.
        draws: Draws of the intervals.
    """
    refusals: list[Refusal] = []
    accounts: list[CurrentAccount] = []
    for observed in by_subject(reports).values():
        scored = score_reports(model, observed, refusals)
        probabilities = {report.request_id: probability for report, _, probability in scored}
        kept = [report for report, _, _ in scored]
        for report in kept:
            for line in report.tradelines:
                opening = _at_opening(kept, line)
                if (
                    not is_current(line, report)
                    or opening.issue_time >= report.issue_time
                    or (own and line.member_id != report.member_id)
                ):
                    continue
                accounts.append(
                    CurrentAccount(
                        report_id=report.request_id,
                        subject_id=report.subject_id,
                        tradeline_id=line.tradeline_id,
                        report_time=report.issue_time,
                        opening_time=opening.issue_time,
                        at_opening=probabilities[opening.request_id],
                        now=probabilities[report.request_id],
                        bad=observe_line(report, line.tradeline_id, observed, event).happened,
                    )
                )
    accounts.sort(key=lambda account: account.report_time)
    return EarlyWarning(
        event=event,
        accounts=tuple(accounts),
        comparisons=_compare([each for each in accounts if each.bad is not None], seed, draws),
        watched=_watched(accounts),
        refusals=tuple(refusals),
    )


def is_current(line: Tradeline, report: Report) -> bool:
    """Return True if an account is open, paid as agreed, and reported in the last two months."""
    return (
        line.status == AccountStatus.CURRENT
        and not line.days_past_due
        and line.close_date is None
        and line.sold_month is None
        and line.month is not None
        and Month.of(report.issue_time) - line.month <= MOST_MONTHS_OLD
    )


def _at_opening(reports: list[Report], line: Tradeline) -> Report:
    """Return the report at the opening of an account that one of the reports shows."""
    if line.open_date is not None:
        end = datetime.combine(line.open_date + timedelta(days=2), time(), UTC)
        before = [report for report in reports if report.issue_time < end]
        if before:
            return before[-1]
    return next(
        report
        for report in reports
        if any(each.tradeline_id == line.tradeline_id for each in report.tradelines)
    )


def _watched(accounts: Iterable[CurrentAccount]) -> tuple[CurrentAccount, ...]:
    newest = {account.tradeline_id: account for account in accounts}
    unknown = [account for account in newest.values() if account.bad is None]
    return tuple(sorted(unknown, key=lambda account: -account.now))


def _compare(accounts: list[CurrentAccount], seed: int, draws: int) -> tuple[Comparison, ...]:
    """Return every figure of both scores; none if the outcomes are all alike."""
    bad = np.array([account.bad for account in accounts], np.bool_)
    opening = np.array([account.at_opening for account in accounts])
    now = np.array([account.now for account in accounts])
    persons = [account.subject_id for account in accounts]

    try:
        return tuple(
            Comparison(
                name=name,
                at_opening=bootstrap(figure, bad, opening, seed=seed, draws=draws, groups=persons),
                now=bootstrap(figure, bad, now, seed=seed, draws=draws, groups=persons),
                difference=bootstrap_rows(
                    partial(_difference, figure, bad, opening, now), persons, seed=seed, draws=draws
                ),
            )
            for name, figure in FIGURES.items()
        )
    except UndefinedFigure:
        return ()


def _difference(
    figure: Figure,
    bad: npt.NDArray[np.bool_],
    opening: npt.NDArray[np.float64],
    now: npt.NDArray[np.float64],
    rows: npt.NDArray[np.int64],
) -> float:
    return figure(bad[rows], now[rows]) - figure(bad[rows], opening[rows])
