"""Activation: the checks that a policy passes before it decides about anybody.

The engine falls through to a later rule where a cell fails. So nothing is left to chance here:
every cell is tried, every rule is reached by a golden case, every adverse rule has a reason,
every golden case comes out as expected. A policy that fails is refused with all its problems.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bureau_client.models.codes import DecisionOutcome
from bureau_client.risk.active_policy import ActivePolicy
from bureau_client.risk.cells import NULL, boundaries, check_tables, constant
from bureau_client.risk.decision_tables import Rule, Table, read_tables
from bureau_client.risk.documents import Problem
from bureau_client.risk.engine import Assessment, Engine, EngineError
from bureau_client.risk.inputs import InputError, complete_values, key_fault
from bureau_client.risk.policy import GoldenCase, Policy, PolicyError, Values
from bureau_client.risk.reasons import principal_reasons
from bureau_client.risk.scorecard import Scorecard
from bureau_client.risk.scores import (
    pinned_scorecards,
    points_of,
    scorecard_problems,
    scores_of_case,
)
from bureau_client.risk.zen_text import Expression, compile_cell, compile_expression

# Outcomes that need the output `limit`.
WITH_LIMIT = frozenset({DecisionOutcome.REDUCE, DecisionOutcome.INCREASE})


def activate(policy: Policy, scorecards: Iterable[Scorecard] = ()) -> ActivePolicy:
    """Check a policy and compile it.

    Args:
        scorecards: The scorecards that the policy pins; those that come with the SDK are found
            by name.

    Raises:
        PolicyError: It is broken or incomplete, or a scorecard is missing or another one than
            pinned; each problem names its table, rule and cell.
    """
    tables = read_tables(policy)
    pinned = pinned_scorecards(policy, scorecards)
    expressions: dict[str, Expression] = {}
    problems = [
        *_input_problems(policy, expressions),
        *_unused_problems(policy, tables, expressions),
        *check_tables(policy, tables),
        *scorecard_problems(policy, pinned),
    ]
    if not problems:
        problems = [*_offer_problems(tables), *_reason_problems(policy, tables)]
    if problems:
        raise PolicyError(policy.name, problems)
    active = ActivePolicy(policy, Engine(policy, tables), expressions, pinned)
    if problems := [*_golden_problems(active)]:
        raise PolicyError(policy.name, problems)
    return active


def _input_problems(policy: Policy, expressions: dict[str, Expression]) -> Iterator[Problem]:
    """Yield the problems of declared inputs, and compile the expressions of computed ones."""
    earlier: set[str] = set()
    for declared in policy.inputs:
        path = f"input {declared.name!r}"
        if declared.source == "line" and policy.kind != "line":
            yield Problem(path, "reads an existing line, which an application does not have")
        if fault := key_fault(declared):
            yield Problem(path, fault)
        if declared.source == "computed":
            try:
                expression = compile_expression(declared.key)
            except ValueError as error:
                yield Problem(f"{path}, {declared.key!r}", str(error))
            else:
                expressions[declared.name] = expression
                if unknown := [name for name in expression.names if name not in earlier]:
                    yield Problem(
                        f"{path}, {declared.key!r}",
                        f"names {unknown[0]!r}; declare that input before this one",
                    )
        earlier.add(declared.name)


def _unused_problems(
    policy: Policy, tables: tuple[Table, ...], expressions: Mapping[str, Expression]
) -> Iterator[Problem]:
    used = {name for expression in expressions.values() for name in expression.names}
    for table in tables:
        for rule in table.rules:
            used |= {*rule.tests, *rule.outputs.values()}
    for declared in policy.inputs:
        if declared.name not in used:
            yield Problem(f"input {declared.name!r}", "is used by no rule; remove it")


def _offer_problems(tables: tuple[Table, ...]) -> Iterator[Problem]:
    """Yield the rules that may give an outcome without the limit or the price that it needs."""
    by_output = {column.field: table for table in tables for column in table.outputs}
    for rule in by_output["outcome"].rules:
        outcome = _outcome_of(rule)
        path = by_output["outcome"].path(rule.id, "outcome", rule.outputs["outcome"])
        limit, band = (_may_be_null(by_output, rule, output) for output in ("limit", "price_band"))
        if outcome in WITH_LIMIT and limit:
            yield Problem(path, f"{outcome} needs a limit, and the limit may be null here")
        if outcome == DecisionOutcome.COUNTER_OFFER and limit and band:
            yield Problem(path, f"{outcome} needs a limit or a price band; both may be null here")
    for output, table in by_output.items():
        columns = {column.field for column in table.inputs}
        tested = {name for rule in table.rules for name in rule.tests}
        for name in columns - tested:
            yield Problem(f"{table.path()}, column {name!r}", f"no rule of {output} tests it")


def _may_be_null(by_output: Mapping[str, Table], rule: Rule, output: str) -> bool:
    """Return True if an output may be null when a rule of the table of outcomes applies."""
    if output in rule.outputs:
        return rule.outputs[output] == NULL
    table = by_output.get(output)
    return table is None or any(other.outputs[output] == NULL for other in table.rules)


def _reason_problems(policy: Policy, tables: tuple[Table, ...]) -> Iterator[Problem]:
    """Yield the adverse rules whose outcome could come without a reason."""
    (table,) = (table for table in tables if "outcome" in table.rules[0].outputs)
    for rule in table.rules:
        outcome = _outcome_of(rule)
        if not outcome.is_adverse:
            continue
        if not rule.tests:
            yield Problem(
                table.path(rule.id),
                f"gives {outcome} to everybody whom no other rule describes; name the conditions "
                f"of {outcome} in rules of their own and end with another outcome",
            )
            continue
        reasoned = [name for name in rule.tests if policy.by_name[name].gives_reasons]
        if not reasoned:
            yield Problem(
                table.path(rule.id),
                f"gives {outcome} by inputs without a reason; declare `reason` and `neutral`",
            )
        for name in reasoned:
            neutral = policy.by_name[name].neutral
            if compile_cell(rule.tests[name])(neutral):
                yield Problem(
                    table.path(rule.id, name, rule.tests[name]),
                    f"holds for the neutral value {neutral!r}, which must drive no {outcome}",
                )


def _outcome_of(rule: Rule) -> DecisionOutcome:
    return DecisionOutcome[str(constant(rule.outputs["outcome"]))]


def _golden_problems(active: ActivePolicy) -> Iterator[Problem]:
    reached: set[tuple[int, ...]] = set()
    for case in active.policy.golden:
        path = f"golden case {case.name!r}"
        try:
            scores = scores_of_case(active.policy, active.scorecards, case)
            read = {**case.inputs, **points_of(scores)}
            values = complete_values(active.policy, active.expressions, read)
            assessment = active.engine.assess(values)
            reasons = principal_reasons(active.policy, active.engine, values, scores)
        except (InputError, EngineError) as error:
            yield Problem(path, str(error))
            continue
        reached |= {*enumerate(assessment.rules)}
        codes = tuple(reason.code for reason in reasons)
        if fault := _difference(case, assessment, codes):
            tables = zip(active.engine.tables, assessment.rules, strict=True)
            rules = " and ".join(table.path(table.rules[rule].id) for table, rule in tables)
            yield Problem(path, f"{fault}, by {rules}")
        yield from _monotone_problems(active, case, values)
    for number, table in enumerate(active.engine.tables):
        for index, rule in enumerate(table.rules):
            if (number, index) not in reached:
                yield Problem(
                    table.path(rule.id), "is reached by no golden case; add one, or delete the rule"
                )


def _difference(case: GoldenCase, assessment: Assessment, reasons: tuple[str, ...]) -> str:
    expect = case.expect
    pairs = {
        "outcome": (str(assessment.outcome), str(expect.outcome)),
        "limit": (assessment.limit, expect.limit),
        "price_band": (assessment.price_band, expect.price_band or ""),
        "reasons": (list(reasons), list(expect.reasons)),
    }
    faults = [
        f"{name} is {actual!r}, expected {expected!r}"
        for name, (actual, expected) in pairs.items()
        if actual != expected
    ]
    return "; ".join(faults)


def _monotone_problems(active: ActivePolicy, case: GoldenCase, values: Values) -> Iterator[Problem]:
    """Yield the inputs of a case in which more of what is worse betters the outcome."""
    for declared in active.policy.inputs:
        if declared.worse is None:
            continue
        cells = [
            cell
            for table in active.engine.tables
            for rule in table.rules
            for name, cell in rule.tests.items()
            if name == declared.name
        ]
        points = boundaries(declared, cells)
        if declared.worse == "lower":
            points.reverse()
        before = None
        for point in points:
            other = active.engine.assess(values | {declared.name: point})
            if before is not None and active.engine.severity(other) < active.engine.severity(
                before
            ):
                yield Problem(
                    f"golden case {case.name!r}, input {declared.name!r}",
                    f"betters {before.outcome} to {other.outcome} at {point!r}, although "
                    f"{declared.worse} values are declared worse",
                )
            before = other
