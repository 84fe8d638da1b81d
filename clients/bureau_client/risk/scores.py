"""Scores as inputs of a policy: its pinned scorecards, and their scores of a report.

A policy names each scorecard with version and digest, so that an auditor who holds both scores,
and decides, the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bureau_client.models.codes import ReportOutcome
from bureau_client.models.reports import Report
from bureau_client.risk.documents import Problem
from bureau_client.risk.inputs import attribute_of
from bureau_client.risk.policy import SCORE, GoldenCase, Policy
from bureau_client.risk.scorecard import Score, Scorecard, reference_scorecards

Scorecards = Mapping[str, Scorecard]
# Scores by name of input.
Scores = Mapping[str, Score]


def pinned_scorecards(policy: Policy, scorecards: Iterable[Scorecard]) -> Scorecards:
    """Return the scorecards of a policy by name; those of the SDK are found by themselves.

    Of several scorecards of one name the policy gets the one whose digest it pins, so that two
    policies may pin two versions of one scorecard. A name of which the pinned one is missing
    gets another: `scorecard_problems` says how it differs.
    """
    known = (*reference_scorecards().values(), *scorecards)
    by_name = {scorecard.name: scorecard for scorecard in known}
    exact = {(scorecard.name, scorecard.digest.hex()): scorecard for scorecard in known}
    by_pin = {
        pin.name: exact.get((pin.name, pin.digest), by_name.get(pin.name))
        for pin in policy.scorecards
    }
    return {name: scorecard for name, scorecard in by_pin.items() if scorecard is not None}


def scorecard_problems(policy: Policy, scorecards: Scorecards) -> Iterator[Problem]:
    """Yield the scorecards that are missing or others than pinned, and the scores at fault."""
    declared = {each.key: each for each in policy.inputs if each.source == SCORE}
    pinned = {pin.name for pin in policy.scorecards}
    for key in declared.keys() - pinned:
        yield Problem(
            f"input {declared[key].name!r}",
            f"is the score of {key!r}, which `scorecards` does not pin",
        )
    for pin in policy.scorecards:
        path = f"scorecard {pin.name!r}"
        scorecard = scorecards.get(pin.name)
        if pin.name not in declared:
            yield Problem(path, "is the source of no input; remove it")
        elif scorecard is None:
            yield Problem(path, "is missing; give its file (--scorecard), or pass it to `activate`")
        elif (scorecard.version, scorecard.digest.hex()) != (pin.version, pin.digest):
            yield Problem(
                path,
                f"is version {scorecard.version} with digest {scorecard.digest.hex()}, not the "
                f"pinned version {pin.version} with digest {pin.digest}",
            )
    for each in policy.inputs:
        scorecard = scorecards.get(each.key)
        if each.source != SCORE or scorecard is None:
            continue
        path = f"input {each.name!r}"
        if each.neutral != scorecard.neutral:
            yield Problem(
                path, f"`neutral` is {each.neutral!r}, not the neutral score {scorecard.neutral}"
            )
        faults = [each.fault(points) for points in (scorecard.lowest, scorecard.highest)]
        if any(faults):
            yield Problem(
                path,
                f"has the range {each.minimum} to {each.maximum}, but scores are "
                f"{scorecard.lowest} to {scorecard.highest}",
            )
        if each.default not in {None, each.neutral}:
            yield Problem(
                path,
                f"`default` is {each.default!r}; a person without a score has lost no points: use "
                f"the neutral score {scorecard.neutral}",
            )
    used = {key for scorecard in scorecards.values() for key in scorecard.features}
    for case in policy.golden:
        for key in case.figures.keys() - used:
            yield Problem(
                f"golden case {case.name!r}, figure {key!r}", "is used by no scorecard; remove it"
            )
        for each in declared.values():
            if each.name in case.inputs:
                yield Problem(
                    f"golden case {case.name!r}, input {each.name!r}",
                    "is a score: give the `figures` of its scorecard",
                )


def scores_of(policy: Policy, scorecards: Scorecards, report: Report) -> Scores:
    """Compute the scores of a report; a person without a credit file has no score.

    Raises:
        InputError: The report has no attribute of a name that a scorecard needs.
    """
    if report.outcome == ReportOutcome.NO_HIT:
        return {}
    return {
        name: scorecard.score({key: attribute_of(report, key) for key in scorecard.features})
        for name, scorecard in _by_input(policy, scorecards)
    }


def scores_of_case(policy: Policy, scorecards: Scorecards, case: GoldenCase) -> Scores:
    """Compute the scores of a golden case; a case without figures has no score."""
    if not case.figures:
        return {}
    return {
        name: scorecard.score({key: case.figures.get(key) for key in scorecard.features})
        for name, scorecard in _by_input(policy, scorecards)
    }


def points_of(scores: Scores) -> dict[str, int]:
    """Return the points of scores, the values of their inputs."""
    return {name: score.points for name, score in scores.items()}


def _by_input(policy: Policy, scorecards: Scorecards) -> Iterator[tuple[str, Scorecard]]:
    for declared in policy.inputs:
        if declared.source == SCORE:
            yield declared.name, scorecards[declared.key]
