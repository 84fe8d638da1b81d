"""How a violation is planted in a run that kept its promises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.cluster.auditor import Evidence
from tests.cluster.auditor.evidence import Database, Node
from tests.cluster.history import Operation
from tests.unit.cluster.scenario import Scenario

Plant = Callable[[Scenario], Evidence]
PLANTED: list[tuple[str, str, Plant]] = []


def planted(check: str, words: str) -> Callable[[Plant], Plant]:
    """A violation that a check must name in these words."""

    def note(plant: Plant) -> Plant:
        PLANTED.append((check, words, plant))
        return plant

    return note


def first(scenario: Scenario, kind: str) -> Operation:
    """The first operation of a kind."""
    return next(one for one in scenario.operations if one.kind == kind)


def change(scenario: Scenario, one: Operation, **fields: Any) -> None:
    """Another history than what happened."""
    scenario.operations[scenario.operations.index(one)] = replace(one, **fields)


def with_database(evidence: Evidence, **fields: Any) -> Evidence:
    """Another first server."""
    changed: Database = replace(evidence.databases[0], **fields)
    return replace(evidence, databases=[changed, *evidence.databases[1:]])


def with_node(evidence: Evidence, **fields: Any) -> Evidence:
    """Another first node."""
    changed: Node = replace(evidence.nodes[0], **fields)
    return replace(evidence, nodes=[changed, *evidence.nodes[1:]])
