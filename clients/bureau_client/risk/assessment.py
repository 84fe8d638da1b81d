"""Scores and decisions over time: how they move, and the attributes that move them.

`early_warning` measures the score of now against the score at opening.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bureau_client.models.codes import DecisionOutcome
from bureau_client.models.months import Month
from bureau_client.models.reports import Report
from bureau_client.risk.active_policy import ActivePolicy
from bureau_client.risk.input_rows import InputRows, Refusal, decide_or_refuse
from bureau_client.risk.inputs import InputError, attribute_of
from bureau_client.risk.models import Figures, Model
from bureau_client.risk.outcomes import by_subject

# Attributes that an assessment names, of those that move the score most.
MOVEMENTS = 3


@dataclass(frozen=True, slots=True)
class Movement:
    """An attribute whose change moved the probability.

    Attributes:
        key: Key of the attribute, as in `Report.figures`.
        before: Value in the report before; None for a missing value.
        after: Value in this report.
        effect: Probability of now less the one with the value of before in its place; above 0
            for a change for the worse. Effects of several attributes need not sum up.
    """

    key: str
    before: float | None
    after: float | None
    effect: float


@dataclass(frozen=True, slots=True)
class Assessment:
    """Score and decision on a person at the time of one report.

    Attributes:
        probability: Probability of the bad outcome.
        change: Change since the report before; None for the first.
        movements: Attributes that moved the probability most, the strongest first.
        decisions: Outcome by tradeline id, "" for an application; empty without a policy.
    """

    report_id: str
    subject_id: str
    report_time: datetime
    probability: float
    change: float | None
    movements: tuple[Movement, ...]
    decisions: Mapping[str, DecisionOutcome]


@dataclass(frozen=True, slots=True)
class MonthOfAssessments:
    """The assessments of one month.

    Attributes:
        month: Month of the reports, UTC.
        count: Number of reports.
        mean: Mean probability of the bad outcome.
        outcomes: Number of decisions by outcome.
    """

    month: Month
    count: int
    mean: float
    outcomes: Mapping[DecisionOutcome, int]


@dataclass(frozen=True, slots=True)
class Assessments:
    """The assessments of a portfolio.

    Attributes:
        assessments: Assessments, person by person, each by time.
        refusals: Scores and decisions that were refused: the report lacks an attribute, or the
            policy an input. They stop no other.
    """

    assessments: tuple[Assessment, ...]
    refusals: tuple[Refusal, ...]

    @property
    def months(self) -> list[MonthOfAssessments]:
        """The assessments by month, oldest first."""
        by_month: dict[Month, list[Assessment]] = {}
        for each in self.assessments:
            by_month.setdefault(Month.of(each.report_time), []).append(each)
        return [
            MonthOfAssessments(
                month=month,
                count=len(members),
                mean=sum(each.probability for each in members) / len(members),
                outcomes=Counter(
                    outcome for each in members for outcome in each.decisions.values()
                ),
            )
            for month, members in sorted(by_month.items())
        ]


def assess(
    model: Model,
    reports: Iterable[Report],
    *,
    policy: ActivePolicy | None = None,
    inputs: Any = None,
) -> Assessments:
    """Score the reports of persons over time, and decide on each.

    Args:
        reports: Verified reports, in any order.
        policy: Policy that decides on each report; None for scores alone.
        inputs: The lender's other inputs, a table as in `backtest.backtest`.
    """
    rows = InputRows(inputs)
    refusals: list[Refusal] = []
    assessments: list[Assessment] = []
    for observed in by_subject(reports).values():
        scored = score_reports(model, observed, refusals)
        for number, (report, figures, probability) in enumerate(scored):
            before = scored[number - 1] if number else None
            moved = () if before is None else movements(model, before[1], figures, probability)
            assessments.append(
                Assessment(
                    report_id=report.request_id,
                    subject_id=report.subject_id,
                    report_time=report.issue_time,
                    probability=probability,
                    change=None if before is None else probability - before[2],
                    movements=moved,
                    decisions={} if policy is None else _decide(policy, report, rows, refusals),
                )
            )
    return Assessments(tuple(assessments), tuple(refusals))


def _decide(
    policy: ActivePolicy, report: Report, rows: InputRows, refusals: list[Refusal]
) -> dict[str, DecisionOutcome]:
    """Return the outcome of each row of inputs, by tradeline id."""
    decisions = [
        decide_or_refuse(policy, "policy", report, row, refusals) for row in rows.of(report)
    ]
    return {each.tradeline_id: each.outcome for each in decisions if each is not None}


def score_reports(
    model: Model, reports: Sequence[Report], refusals: list[Refusal]
) -> list[tuple[Report, Figures, float]]:
    """Return the reports that a model scores, with its attributes and the probability.

    Args:
        refusals: List to append reports to that lack an attribute of the model.
    """
    rows: list[tuple[Report, Figures]] = []
    for report in reports:
        try:
            rows.append((report, {key: attribute_of(report, key) for key in model.features}))
        except InputError as error:
            problem = "; ".join(map(str, error.problems))
            refusals.append(Refusal(report.request_id, report.subject_id, "", "model", problem))
    probabilities = model.probabilities([figures for _, figures in rows])
    return [
        (report, figures, float(probability))
        for (report, figures), probability in zip(rows, probabilities, strict=True)
    ]


def movements(
    model: Model, before: Figures, now: Figures, probability: float, most: int = MOVEMENTS
) -> tuple[Movement, ...]:
    """Return the attributes whose change moved the probability most.

    The value of before takes the place of one attribute at a time.

    Args:
        probability: Probability of `now`.
        most: Largest number of attributes.
    """
    changed = [key for key in model.features if before[key] != now[key]]
    replaced = model.probabilities([{**now, key: before[key]} for key in changed])
    effects = [
        Movement(key, before[key], now[key], probability - float(other))
        for key, other in zip(changed, replaced, strict=True)
    ]
    moved = [movement for movement in effects if movement.effect]
    return tuple(sorted(moved, key=lambda movement: -abs(movement.effect))[:most])
