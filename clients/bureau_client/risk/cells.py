"""The cells of decision tables, each tried alone before a policy is active.

A cell tests its own column against constants; arithmetic is in computed inputs. So a cell can be
tried with values from its column's declared range, and a cell that fails, tests nothing or never
holds is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from bureau_client.risk.decision_tables import Table
from bureau_client.risk.documents import Problem
from bureau_client.risk.policy import Input, Policy, Scalar
from bureau_client.risk.zen_text import compile_cell, tokens_of

SIGNS = frozenset(["<", "<=", ">", ">=", "==", "!=", "(", ")", "[", "]", ",", "$", "..", "-"])
NULL = "null"
_CONSTANT = re.compile(
    r"(?P<quote>['\"])(?P<text>[A-Za-z0-9._-]+)(?P=quote)|(?P<number>[0-9]{1,15})"
)


def check_tables(policy: Policy, tables: tuple[Table, ...]) -> Iterator[Problem]:
    """Yield every problem of the cells and rules of tables."""
    for table in tables:
        for rule in table.rules:
            for name, cell in rule.tests.items():
                if fault := _test_fault(policy.by_name[name], cell):
                    yield Problem(table.path(rule.id, name, cell), fault)
            for output, cell in rule.outputs.items():
                if fault := _output_fault(policy, output, cell):
                    yield Problem(table.path(rule.id, output, cell), fault)
        for rule in table.rules[:-1]:
            if not rule.tests:
                yield Problem(table.path(rule.id), "has no test and hides the rules after it")
        last = table.rules[-1]
        if last.tests:
            yield Problem(
                table.path(last.id),
                "is the last rule and has tests, so that no rule may apply; end the table with a "
                "rule without tests",
            )


def boundaries(declared: Input, cells: list[str]) -> list[Scalar]:
    """Return values at which a column's cells may change their result, ascending.

    They are the ends of the range, each number that a cell names with its neighbours, and the
    middles between them.
    """
    if declared.type == "boolean":
        return [False, True]
    if declared.type == "text":
        return list(declared.values)
    low, high = declared.minimum, declared.maximum
    if low is None or high is None:
        raise ValueError(f"input {declared.name!r} has no range")
    named = [
        number * sign for cell in cells for number in tokens_of(cell).numbers for sign in (1, -1)
    ]
    near = {value + step for value in named for step in (-1.0, 0.0, 1.0)}
    points = sorted({float(low), float(high), *(point for point in near if low <= point <= high)})
    points = sorted({*points, *((left + right) / 2 for left, right in pairwise(points))})
    if declared.type == "number":
        return list(points)
    return list(dict.fromkeys(int(point // 1) for point in points if point // 1 >= low))


def constant(cell: str) -> Scalar | None:
    """Return the value of an output cell that is a constant.

    Raises:
        ValueError: It is another expression.
    """
    if cell == NULL:
        return None
    match = _CONSTANT.fullmatch(cell)
    if match is None:
        raise ValueError(f"{cell!r} is no constant")
    return match["text"] if match["number"] is None else int(match["number"])


def _test_fault(declared: Input, cell: str) -> str:
    """Describe the fault of a cell that tests an input; empty if there is none."""
    try:
        tokens = tokens_of(cell)
    except ValueError as error:
        return str(error)
    if foreign := [*tokens.names, *tokens.calls]:
        return f"names {foreign[0]!r}; a cell compares its own column with constants"
    if signs := [sign for sign in tokens.signs if sign not in SIGNS]:
        return f"has the sign {signs[0]!r}; a cell compares its own column with constants"
    if tokens.texts and declared.type != "text":
        return f"compares the {declared.type} with the text {tokens.texts[0]!r}"
    if unknown := [text for text in tokens.texts if text not in declared.values]:
        return f"names {unknown[0]!r}, which is not among {', '.join(declared.values)}"
    if tokens.numbers and not declared.is_numeric:
        return f"compares the {declared.type} with the number {tokens.numbers[0]:g}"
    if {"true", "false"} & set(tokens.words) and declared.type != "boolean":
        return f"compares the {declared.type} with a boolean"
    if NULL in tokens.words and declared.missing != "branch":
        return "tests for null, but the input is never missing here; declare missing = branch"
    return _trial_fault(declared, cell)


def _trial_fault(declared: Input, cell: str) -> str:
    """Try a cell with values of its column, null among them if the tables may see it."""
    try:
        test = compile_cell(cell)
    except ValueError as error:
        return f"does not parse: {error}"
    trials: list[Scalar | None] = [*boundaries(declared, [cell])]
    if declared.missing == "branch":
        trials.append(None)
    results = []
    for value in trials:
        try:
            results.append(test(value))
        except ValueError as error:
            shown = NULL if value is None else repr(value)
            return f"fails for the value {shown}: {error}"
        if not isinstance(results[-1], bool):
            return f"is no test: it gives {results[-1]!r} for {value!r}"
    if not any(results):
        return "holds for no allowed value"
    if all(results):
        return "holds for every allowed value; leave the cell empty"
    return ""


def _output_fault(policy: Policy, output: str, cell: str) -> str:
    """Describe the fault of a cell that gives an output; empty if there is none."""
    if output == "limit" and cell in policy.by_name:
        return _limit_input_fault(policy, policy.by_name[cell])
    try:
        value = constant(cell)
    except ValueError:
        return "is neither a constant nor the name of an input; compute it in an input"
    if output == "outcome":
        known = [str(outcome) for outcome in policy.outcomes]
        return "" if value in known else f"is not an outcome of the kind: {', '.join(known)}"
    if output == "price_band":
        known = [repr(band) for band in policy.price_bands]
        fits = value is None or value in policy.price_bands
        return "" if fits else f"is not a declared price band: {', '.join(known)} or null"
    fits = value is None or (isinstance(value, int) and value >= 0)
    return (
        "" if fits else "is not a limit: an integer of minor units, the name of an input, or null"
    )


def _limit_input_fault(policy: Policy, declared: Input) -> str:
    if declared.type != "integer" or declared.unit != policy.currency:
        return f"is the input {declared.name!r}, not an integer in {policy.currency}"
    if declared.missing == "branch":
        return f"is the input {declared.name!r}, which may be missing"
    if declared.minimum is None or declared.minimum < 0:
        return f"is the input {declared.name!r}, which may be negative"
    return ""
