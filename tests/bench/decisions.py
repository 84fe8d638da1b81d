"""Decisions by a table of 40 rules over 80 attributes, beside a chain of ifs in Python."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

from bureau_client.risk.activation import activate
from bureau_client.risk.active_policy import ActivePolicy
from bureau_client.risk.policy import Values, read_policy
from bureau_client.risk.reasons import principal_reasons
from tests.bench.fixture import LoadedBureau
from tests.bench.measure import Measure, bench

ATTRIBUTES = 80
RULES = 40
# Attributes that each rule tests.
TESTS = 2
PEOPLE = 500
ROUNDS = 5
SEED = 20261128
# A test of rule r holds for values above this.
LIMIT = 90


@bench("decisions")
def decisions(_loaded: LoadedBureau) -> Iterator[Measure]:
    """The tables alone, and with the reasons of the adverse outcomes among them."""
    policy = activate(read_policy(json.dumps(_document())))
    chain = _if_chain()
    people = _people()
    for values in people:
        assert policy.engine.assess(values).outcome.name == chain(values)
    bare = _rate(people, chain)
    yield Measure(
        name=f"decisions, {RULES} rules over {ATTRIBUTES} attributes",
        value=_rate(people, policy.engine.assess),
        unit="1/s",
        baseline=bare,
    )
    yield Measure(
        name="decisions with their reasons, half of them adverse",
        value=_rate(people, lambda values: _decide(policy, values)),
        unit="1/s",
        baseline=bare,
    )


def _decide(policy: ActivePolicy, values: Values) -> object:
    return policy.engine.assess(values), principal_reasons(policy.policy, policy.engine, values, {})


def _rate(people: list[Values], decide: Callable[[Values], object]) -> float:
    """Decisions per second in the best of several rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for values in people:
            decide(values)
        best = min(best, time.perf_counter() - begin)
    return len(people) / best


def _tests(rule: int) -> list[int]:
    """The attributes that a rule tests."""
    return [rule * TESTS + number for number in range(TESTS)]


def _people() -> list[Values]:
    """People of whom every second meets one rule."""
    chosen = random.Random(SEED)
    people = []
    for number in range(PEOPLE):
        values: Values = {f"a{index}": chosen.randrange(LIMIT) for index in range(ATTRIBUTES)}
        if number % 2:
            values |= {f"a{index}": LIMIT + 1 for index in _tests(chosen.randrange(RULES))}
        people.append(values)
    return people


def _if_chain() -> Callable[[Values], str]:
    """The same table as a function of Python."""
    lines = ["def decide(v):"]
    for rule in range(RULES):
        tests = " and ".join(f"v['a{index}'] > {LIMIT}" for index in _tests(rule))
        lines.append(f"    if {tests}: return 'DECLINE'")
    lines.append("    return 'APPROVE'")
    names: dict[str, Any] = {}
    exec("\n".join(lines), names)
    decide: Callable[[Values], str] = names["decide"]
    return decide


def _document() -> dict[str, Any]:
    inputs = [
        {
            "name": f"a{index}",
            "source": "attribute",
            "key": f"a{index}",
            "type": "integer",
            "minimum": 0,
            "maximum": 1000,
            "missing": "default",
            "default": 0,
            "neutral": 0,
            "worse": "higher",
            "reason": "regb.other",
            "specify": {"en": f"attribute {index}"},
        }
        for index in range(ATTRIBUTES)
    ]
    rules = [
        {"_id": f"rule-{rule}", "outcome": "'DECLINE'"}
        | {f"a{index}": f"> {LIMIT}" for index in _tests(rule)}
        for rule in range(RULES)
    ]
    rules.append({"_id": "approve", "outcome": "'APPROVE'"})
    golden = [
        {
            "name": f"rule {rule}",
            "inputs": {f"a{index}": LIMIT + 1 for index in _tests(rule)},
            "expect": {"outcome": "DECLINE", "reasons": ["regb.other"]},
        }
        for rule in range(RULES)
    ]
    golden.append({"name": "nothing", "inputs": {}, "expect": {"outcome": "APPROVE"}})
    table = {
        "hitPolicy": "first",
        "inputs": [{"id": f"a{index}", "field": f"a{index}"} for index in range(ATTRIBUTES)],
        "outputs": [{"id": "outcome", "field": "outcome"}],
        "rules": rules,
    }
    return {
        "format": "creditbureau.policy.v1",
        "name": "bench",
        "version": "1",
        "jurisdiction": "US",
        "kind": "application",
        "currency": "USD",
        "inputs": inputs,
        "graph": {
            "nodes": [
                {"id": "in", "type": "inputNode"},
                {"id": "t", "type": "decisionTableNode", "name": "Outcome", "content": table},
                {"id": "out", "type": "outputNode"},
            ],
            "edges": [
                {"sourceId": "in", "targetId": "t"},
                {"sourceId": "t", "targetId": "out"},
            ],
        },
        "golden": golden,
    }
