"""Evaluation of a policy's tables for one set of inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import zen

from bureau_client.models.codes import DecisionOutcome
from bureau_client.risk.decision_tables import Table, engine_graph
from bureau_client.risk.policy import Policy, Values

# Outcomes that come with a limit and a price band.
WITH_OFFER = frozenset(
    {
        DecisionOutcome.APPROVE,
        DecisionOutcome.COUNTER_OFFER,
        DecisionOutcome.REDUCE,
        DecisionOutcome.INCREASE,
    }
)


@dataclass(frozen=True, slots=True)
class Assessment:
    """The outputs of a policy's tables.

    Attributes:
        limit: Limit in minor units; None for none.
        rule: Index of the rule that gave the outcome.
        rules: Index of the rule that applied in each table.
    """

    outcome: DecisionOutcome
    limit: int | None
    price_band: str
    rule: int
    rules: tuple[int, ...]


class EngineError(ValueError):
    """Outputs of the engine that the tables do not allow; the policy decides nothing."""


class Engine:
    """The compiled tables of a policy."""

    def __init__(self, policy: Policy, tables: tuple[Table, ...]) -> None:
        """Load the tables, which `activation` has checked."""
        self.tables = tables
        self._policy = policy
        # A static loader compiles the graph once; a decision object would at each evaluation.
        loader: zen.StaticLoaderConfig = {
            "type": "static",
            "content": {policy.name: engine_graph(tables)},
        }
        self._engine = zen.ZenEngine({"loader": loader})
        self._outcome_table = next(
            number
            for number, table in enumerate(tables)
            if any(column.field == "outcome" for column in table.outputs)
        )
        self._influences = _influences(tables[self._outcome_table])
        self._of_limit = _of_limit(tables)
        self._rank = {outcome: rank for rank, outcome in enumerate(policy.outcomes)}

    def assess(self, values: Values) -> Assessment:
        """Evaluate the tables.

        Args:
            values: A value for every declared input, as `inputs.complete_values` returns them.

        Raises:
            EngineError: A table gave no rule, or an output of another type.
        """
        result: dict[str, Any] = self._engine.evaluate(self._policy.name, values)["result"]
        rules = tuple(result.get(f"rule_{number}", -1) for number in range(len(self.tables)))
        name = result.get("outcome")
        outcome = DecisionOutcome.__members__.get(str(name))
        if -1 in rules or outcome is None or outcome not in self._rank:
            raise EngineError(
                f"policy {self._policy.name!r} gave the outcome {name!r} by the rules {rules}: "
                "nothing is decided; report the inputs to the policy's author"
            )
        rule = rules[self._outcome_table]
        if outcome not in WITH_OFFER:
            return Assessment(outcome, None, "", rule, rules)
        limit = result.get("limit")
        if limit is not None and limit != int(limit):
            raise EngineError(f"policy {self._policy.name!r} gave the limit {limit!r}")
        return Assessment(
            outcome=outcome,
            limit=None if limit is None else int(limit),
            price_band=result.get("price_band") or "",
            rule=rule,
            rules=rules,
        )

    def influences(self, assessment: Assessment) -> frozenset[str]:
        """Return the inputs whose neutral value may change an adverse assessment.

        A neutral value never passes a test of an adverse rule (`activation`), so that it ends the
        rule that applies, or lets an earlier rule apply that is not adverse.
        """
        return self._influences[assessment.rule] | self._of_limit

    def severity(self, assessment: Assessment) -> tuple[int, float]:
        """Return the order of assessments: a higher one is worse for the person."""
        limit = float("inf") if assessment.limit is None else float(assessment.limit)
        return self._rank[assessment.outcome], -limit


def _influences(table: Table) -> list[frozenset[str]]:
    """Return the inputs that decide whether each rule of the table of outcomes applies."""
    influences = []
    earlier: frozenset[str] = frozenset()
    for rule in table.rules:
        influences.append(earlier | rule.tests.keys())
        if not DecisionOutcome[rule.outputs["outcome"][1:-1]].is_adverse:
            earlier |= rule.tests.keys()
    return influences


def _of_limit(tables: tuple[Table, ...]) -> frozenset[str]:
    """Return the inputs that the limit is given by, and those of its table if it has its own."""
    names: set[str] = set()
    for table in tables:
        for rule in table.rules:
            if "limit" in rule.outputs:
                names.add(rule.outputs["limit"])
                names |= rule.tests.keys() if "outcome" not in rule.outputs else set()
    return frozenset(names)
