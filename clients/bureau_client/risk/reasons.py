"""Principal reasons of an adverse outcome, derived from what drove it.

A driver is an input whose neutral value alone changes the outcome, its limit, or the rule that
applies. All drivers are found, the strongest first; if the outcome is still adverse with all of
them neutral, another cause is hidden by them, and the search goes on from there. So every reason
is true, and fewer than four reasons are complete: with all of them neutral the outcome is not
adverse.
"""

from __future__ import annotations

from dataclasses import dataclass

from bureau_client.risk.engine import Assessment, Engine, EngineError
from bureau_client.risk.policy import Input, Policy, Values

# More than four reasons are not likely to be helpful: Regulation B, official interpretation of
# 12 CFR 1002.9(b)(2), paragraph 1.
MAX_REASONS = 4


@dataclass(frozen=True, slots=True)
class Driver:
    """A reason with the inputs that it follows from, the strongest first."""

    code: str
    inputs: tuple[Input, ...]


def principal_reasons(policy: Policy, engine: Engine, values: Values) -> tuple[Driver, ...]:
    """Derive the reasons of an assessment, most important first; none if it is not adverse.

    Raises:
        EngineError: An adverse outcome has no driver; nothing is decided.
    """
    neutral = dict(values)
    assessment = engine.assess(neutral)
    reasons: dict[str, list[Input]] = {}
    while assessment.outcome.is_adverse and len(reasons) < MAX_REASONS:
        drivers = _drivers(policy, engine, neutral, assessment)
        if not drivers:
            raise EngineError(
                f"policy {policy.name!r} gave {assessment.outcome} without a reason: nothing is "
                "decided; report the inputs to the policy's author"
            )
        for driver in drivers:
            reasons.setdefault(str(driver.reason), []).append(driver)
            neutral[driver.name] = driver.neutral
        assessment = engine.assess(neutral)
    listed = [Driver(code, tuple(inputs)) for code, inputs in reasons.items()]
    return tuple(listed[:MAX_REASONS])


def _drivers(policy: Policy, engine: Engine, values: Values, assessment: Assessment) -> list[Input]:
    """Return the inputs whose neutral value alone changes an assessment.

    The first betters the outcome most, then the limit; equals keep the order in which the
    policy declares them.
    """
    before = engine.severity(assessment)
    influences = engine.influences(assessment)
    effects = []
    for declared in policy.inputs:
        if declared.reason is None or values[declared.name] == declared.neutral:
            continue
        if declared.name not in influences:
            continue
        other = engine.assess(values | {declared.name: declared.neutral})
        after = engine.severity(other)
        if after != before or other.rule != assessment.rule:
            effects.append((after, declared))
    return [declared for _, declared in sorted(effects, key=lambda effect: effect[0])]
