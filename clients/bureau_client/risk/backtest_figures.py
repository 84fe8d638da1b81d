"""Figures of a backtest: rates, swap sets, expected losses and months, with bootstrap intervals.

All are over the reports on which both policies decided. A bad rate is over those with a known
outcome, an interval over resamples of persons with all of their reports.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from bureau_client.models.codes import DecisionOutcome
from bureau_client.models.months import Month
from bureau_client.risk.backtest import Backtest, Decided, DecisionPair, PolicyName
from bureau_client.risk.validation import Interval, UndefinedFigure, bootstrap_rows

Flags = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Draws:
    """Resampling of the intervals.

    Attributes:
        seed: Seed of the draws: the same seed and decisions give the same intervals.
        count: Number of resamples.
        level: Share of the resampled figures within an interval.
    """

    seed: int = 0
    count: int = 1000
    level: float = 0.95


DEFAULT_DRAWS = Draws()


@dataclass(frozen=True, slots=True)
class Group:
    """Reports with the same decisions.

    Attributes:
        count: Number of reports.
        known: Number of reports with a known outcome.
        bad: Number of bad outcomes.
        bad_rate: Share of bad among the known outcomes; None without one.
    """

    count: int
    known: int
    bad: int
    bad_rate: Interval | None


@dataclass(frozen=True, slots=True)
class SwapSet:
    """Reports that one policy grants and the other refuses.

    Attributes:
        expected_loss_minor: Expected loss under the policy that grants, by currency.
    """

    group: Group
    expected_loss_minor: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Cell:
    """Reports with one outcome of the champion and one of the challenger."""

    champion: DecisionOutcome
    challenger: DecisionOutcome
    group: Group


@dataclass(frozen=True, slots=True)
class PolicyFigures:
    """Figures of one policy.

    Attributes:
        outcomes: Number of decisions by outcome.
        approval_rate: Share of the reports that it grants; None without a report.
        granted: Reports that it grants, with their bad rate.
        expected_loss_minor: Expected loss by currency, in minor units.
        unpriced: Bad reports that it grants without a known exposure or loss given default; they
            are in no expected loss.
        reasons: Number of adverse decisions by the code of their first reason.
    """

    policy: PolicyName
    outcomes: Mapping[DecisionOutcome, int]
    approval_rate: Interval | None
    granted: Group
    expected_loss_minor: Mapping[str, Interval]
    unpriced: int
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """Figures of the challenger less those of the champion, resampled together.

    Attributes:
        approval_rate: Difference of the shares granted; None without a report.
        bad_rate: Difference of the bad rates; None if one has no known outcome.
        expected_loss_minor: Difference of the expected losses, by currency.
    """

    approval_rate: Interval | None
    bad_rate: Interval | None
    expected_loss_minor: Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class MonthFigures:
    """Figures of the reports of one month.

    Attributes:
        month: Month of the reports, UTC.
        count: Number of reports.
        champion_approvals: Share that the champion grants.
        challenger_approvals: Share that the challenger grants.
        champion: Reports that the champion grants.
        challenger: Reports that the challenger grants.
    """

    month: Month
    count: int
    champion_approvals: Interval | None
    challenger_approvals: Interval | None
    champion: Group
    challenger: Group


@dataclass(frozen=True, slots=True)
class BacktestFigures:
    """All figures of a backtest.

    Attributes:
        reports: Number of reports.
        decided: Reports on which both policies decided.
        persons: Number of persons among these.
        known: Reports with a known outcome among these.
        start: Time of the first report; None without one.
        end: Time of the last report; None without one.
        swap_in: Reports that the challenger grants and the champion refuses.
        swap_out: Reports that the champion grants and the challenger refuses.
        cells: Reports by the outcomes of both, most frequent first.
        months: Figures by month, oldest first.
        refused: Number of refused decisions by policy and problem, most frequent first.
    """

    reports: int
    decided: int
    persons: int
    known: int
    start: datetime | None
    end: datetime | None
    champion: PolicyFigures
    challenger: PolicyFigures
    difference: Difference
    swap_in: SwapSet
    swap_out: SwapSet
    cells: tuple[Cell, ...]
    months: tuple[MonthFigures, ...]
    refused: Mapping[str, int]
    draws: Draws


def backtest_figures(tested: Backtest, draws: Draws = DEFAULT_DRAWS) -> BacktestFigures:
    """Count the decisions of a backtest.

    Args:
        draws: Resampling of the intervals; by default 1,000 draws, intervals of 95 %, seed 0.
    """
    pairs = tested.pairs
    all_pairs = _Pairs(pairs, draws)
    ones, others = [pair.champion for pair in pairs], [pair.challenger for pair in pairs]
    one, other = _Side(pairs, ones), _Side(pairs, others)
    times = [pair.report_time for pair in pairs]
    swap_in = other.grants & one.refuses
    swap_out = one.grants & other.refuses
    return BacktestFigures(
        reports=tested.reports,
        decided=len(pairs),
        persons=len({pair.subject_id for pair in pairs}),
        known=int(all_pairs.known.sum()),
        start=min(times, default=None),
        end=max(times, default=None),
        champion=_policy_figures(tested.champion, all_pairs, one, ones),
        challenger=_policy_figures(tested.challenger, all_pairs, other, others),
        difference=_difference(all_pairs, one, other),
        swap_in=SwapSet(all_pairs.group(swap_in), _losses(other, swap_in)),
        swap_out=SwapSet(all_pairs.group(swap_out), _losses(one, swap_out)),
        cells=_cells(all_pairs),
        months=tuple(_months(pairs, draws)),
        refused=_sorted_counts(
            f"{refusal.policy}: {refusal.problem}" for refusal in tested.refusals
        ),
        draws=draws,
    )


class _Pairs:
    """The outcomes of reports as arrays, and the persons to resample."""

    def __init__(self, pairs: Sequence[DecisionPair], draws: Draws) -> None:
        self.pairs = pairs
        self.persons = [pair.subject_id for pair in pairs]
        self.known: Flags = np.array([pair.bad is not None for pair in pairs], np.bool_)
        self.bad: Flags = np.array([pair.bad is True for pair in pairs], np.bool_)
        self._draws = draws

    def interval(self, figure: Callable[[Rows], float]) -> Interval | None:
        """Return a figure with its interval by person; None if the reports do not define it."""
        draws = self._draws
        try:
            return bootstrap_rows(
                figure, self.persons, seed=draws.seed, draws=draws.count, level=draws.level
            )
        except UndefinedFigure:
            return None

    def share(self, flags: Flags) -> Interval | None:
        """Return the share of the reports with a flag."""
        return self.interval(lambda rows: _share(flags[rows], np.ones(len(rows), np.bool_)))

    def group(self, flags: Flags) -> Group:
        """Return the reports with a flag, and their bad rate."""
        return Group(
            count=int(flags.sum()),
            known=int((flags & self.known).sum()),
            bad=int((flags & self.bad).sum()),
            bad_rate=self.interval(lambda rows: self.bad_rate(flags, rows)),
        )

    def bad_rate(self, flags: Flags, rows: Rows) -> float:
        """Return the share of bad among the rows with a flag and a known outcome."""
        return _share(self.bad[rows], flags[rows] & self.known[rows])


class _Side:
    """The decisions of one policy as arrays.

    Attributes:
        losses: Expected loss of each report by currency, in minor units.
        unpriced: Bad reports that are granted without a known exposure or share that is lost.
    """

    def __init__(self, pairs: Sequence[DecisionPair], decisions: Sequence[Decided]) -> None:
        self.grants: Flags = np.array([each.grants for each in decisions], np.bool_)
        self.refuses: Flags = np.array([each.refuses for each in decisions], np.bool_)
        self.losses: dict[str, npt.NDArray[np.float64]] = {}
        self.unpriced = 0
        for number, (pair, decided) in enumerate(zip(pairs, decisions, strict=True)):
            exposure, share = decided.exposure_minor, pair.loss_given_default
            if pair.bad and decided.grants and (exposure is None or share is None):
                self.unpriced += 1
            if pair.bad is not None and share is not None:
                losses = self.losses.setdefault(pair.currency, np.zeros(len(pairs)))
                losses[number] = pair.bad * (exposure or 0) * share


def _policy_figures(
    policy: PolicyName, pairs: _Pairs, side: _Side, decisions: Sequence[Decided]
) -> PolicyFigures:
    return PolicyFigures(
        policy=policy,
        outcomes=_sorted_counts(each.outcome for each in decisions),
        approval_rate=pairs.share(side.grants),
        granted=pairs.group(side.grants),
        expected_loss_minor=_intervals(pairs, side.losses),
        unpriced=side.unpriced,
        reasons=_sorted_counts(each.reasons[0] for each in decisions if each.reasons),
    )


def _difference(pairs: _Pairs, one: _Side, other: _Side) -> Difference:
    return Difference(
        approval_rate=pairs.interval(
            lambda rows: (
                _share(other.grants[rows], np.ones(len(rows), np.bool_))
                - _share(one.grants[rows], np.ones(len(rows), np.bool_))
            )
        ),
        bad_rate=pairs.interval(
            lambda rows: pairs.bad_rate(other.grants, rows) - pairs.bad_rate(one.grants, rows)
        ),
        expected_loss_minor=_intervals(
            pairs, {name: other.losses[name] - losses for name, losses in one.losses.items()}
        ),
    )


def _intervals(pairs: _Pairs, losses: Mapping[str, npt.NDArray[np.float64]]) -> dict[str, Interval]:
    """Return the sums of losses with their intervals, by currency."""
    sums = {
        currency: pairs.interval(partial(_sum, amounts))
        for currency, amounts in sorted(losses.items())
    }
    return {currency: interval for currency, interval in sums.items() if interval is not None}


def _losses(side: _Side, flags: Flags) -> dict[str, int]:
    return {
        currency: round(float(amounts[flags].sum()))
        for currency, amounts in sorted(side.losses.items())
    }


def _cells(pairs: _Pairs) -> tuple[Cell, ...]:
    outcomes = [(pair.champion.outcome, pair.challenger.outcome) for pair in pairs.pairs]
    return tuple(
        Cell(*both, pairs.group(np.array([each == both for each in outcomes], np.bool_)))
        for both in _sorted_counts(outcomes)
    )


def _months(pairs: Sequence[DecisionPair], draws: Draws) -> Iterable[MonthFigures]:
    months = [Month.of(pair.report_time) for pair in pairs]
    for month in sorted(set(months)):
        members = [pair for pair, each in zip(pairs, months, strict=True) if each == month]
        of_month = _Pairs(members, draws)
        one = np.array([pair.champion.grants for pair in members], np.bool_)
        other = np.array([pair.challenger.grants for pair in members], np.bool_)
        yield MonthFigures(
            month=month,
            count=len(members),
            champion_approvals=of_month.share(one),
            challenger_approvals=of_month.share(other),
            champion=of_month.group(one),
            challenger=of_month.group(other),
        )


def _share(flags: Flags, among: Flags) -> float:
    """Return the share of rows with a flag among some rows.

    Raises:
        UndefinedFigure: There are none.
    """
    total = among.sum()
    if not total:
        raise UndefinedFigure("a share of no reports is not defined")
    return float((flags & among).sum() / total)


def _sum(amounts: npt.NDArray[np.float64], rows: Rows) -> float:
    return float(amounts[rows].sum())


def _sorted_counts(keys: Iterable[K]) -> dict[K, int]:
    return dict(Counter(keys).most_common())
