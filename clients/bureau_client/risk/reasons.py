"""Principal reasons of an adverse outcome, derived from what drove it.

A driver is an input whose neutral value alone changes the outcome, its limit, or the rule that
applies. All drivers are found, the strongest first; if the outcome is still adverse with all of
them neutral, another cause is hidden by them, and the search goes on from there. So every reason
is true, and fewer than four reasons are complete: with all of them neutral the outcome is not
adverse.

A score that is a driver gives the factors that lost it points, the most first: that the score is
low is no reason (12 CFR 1002.9(b)(2)).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bureau_client.risk.engine import Assessment, Engine, EngineError
from bureau_client.risk.policy import SCORE, Input, Policy, Values
from bureau_client.risk.scorecard import Characteristic, Score
from bureau_client.risk.scores import Scores

# More than four reasons are not likely to be helpful: Regulation B, official interpretation of
# 12 CFR 1002.9(b)(2), paragraph 1.
MAX_REASONS = 4


@dataclass(frozen=True, slots=True)
class Driver:
    """A reason with all that it follows from, the strongest first.

    Attributes:
        inputs: Inputs of the policy.
        characteristics: Characteristics that lost points, of the scores among the inputs.
    """

    code: str
    inputs: tuple[Input, ...]
    characteristics: tuple[Characteristic, ...] = ()


# A reason's code, its input, and for a score the characteristics that lost points.
_Part = tuple[str, Input, tuple[Characteristic, ...]]


def principal_reasons(
    policy: Policy, engine: Engine, values: Values, scores: Scores
) -> tuple[Driver, ...]:
    """Derive the reasons of an assessment, most important first; none if it is not adverse.

    Args:
        scores: Scores by name of input, with their factors.

    Raises:
        EngineError: An adverse outcome has no driver; nothing is decided.
    """
    neutral = dict(values)
    assessment = engine.assess(neutral)
    reasons: dict[str, list[_Part]] = {}
    while assessment.outcome.is_adverse and len(reasons) < MAX_REASONS:
        drivers = _drivers(policy, engine, neutral, assessment, scores)
        if not drivers:
            raise EngineError(
                f"policy {policy.name!r} gave {assessment.outcome} without a reason: nothing is "
                "decided; report the inputs to the policy's author"
            )
        for driver in drivers:
            for part in _parts(driver, scores):
                reasons.setdefault(part[0], []).append(part)
            neutral[driver.name] = driver.neutral
        assessment = engine.assess(neutral)
    listed = [
        Driver(
            code=code,
            inputs=tuple({declared.name: declared for _, declared, _ in parts}.values()),
            characteristics=tuple(each for _, _, lost in parts for each in lost),
        )
        for code, parts in reasons.items()
    ]
    return tuple(listed[:MAX_REASONS])


def _parts(driver: Input, scores: Scores) -> Iterator[_Part]:
    if driver.source == SCORE:
        for factor in scores[driver.name].key_factors:
            yield factor.code, driver, factor.characteristics
    else:
        yield str(driver.reason), driver, ()


def _drivers(
    policy: Policy, engine: Engine, values: Values, assessment: Assessment, scores: Scores
) -> list[Input]:
    """Return the inputs whose neutral value alone changes an assessment.

    The first betters the outcome most, then the limit; equals keep the order in which the
    policy declares them.
    """
    before = engine.severity(assessment)
    influences = engine.influences(assessment)
    effects = []
    for declared in policy.inputs:
        if not declared.gives_reasons or values[declared.name] == declared.neutral:
            continue
        if declared.name not in influences:
            continue
        if declared.source == SCORE and not _lost_points(scores.get(declared.name)):
            continue
        other = engine.assess(values | {declared.name: declared.neutral})
        after = engine.severity(other)
        if after != before or other.rule != assessment.rule:
            effects.append((after, declared))
    return [declared for _, declared in sorted(effects, key=lambda effect: effect[0])]


def _lost_points(score: Score | None) -> bool:
    return score is not None and bool(score.key_factors)
