"""Half of a thing, and alerts that do not come."""

from __future__ import annotations

from dataclasses import replace

from tests.cluster.auditor import Evidence
from tests.cluster.auditor.evidence import Delivered
from tests.unit.cluster.scenario import LENDERS, PERSON, SECOND, Scenario
from tests.unit.cluster.seeded_violations.seeding import first, planted, with_database, with_node


@planted("whole", "has no effect")
def a_leaf_without_effect(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    return with_database(evidence, effects=evidence.databases[0].effects | {"submission": set()})


@planted("whole", "names entry 7")
def an_effect_without_leaf(scenario: Scenario) -> Evidence:
    return with_database(scenario.evidence(), lost=["a row of consent names entry 7, …"])


@planted("whole", "of 2 records has 1")
def half_a_submission(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    rows = [row._replace(records=1) for row in evidence.databases[0].submissions]
    return with_database(evidence, submissions=rows)


@planted("asked for", "nobody knows of the submission")
def a_dropped_history(scenario: Scenario) -> Evidence:
    scenario.operations.remove(first(scenario, "submit"))
    return scenario.evidence()


@planted("disclosed", "does not show its subject")
def a_look_that_is_hidden(scenario: Scenario) -> Evidence:
    return with_node(scenario.evidence(), disclosed={PERSON: []})


@planted("alerts", "never got alert")
def an_alert_that_never_came(scenario: Scenario) -> Evidence:
    scenario.operations.remove(first(scenario, "alert"))
    return scenario.evidence()


@planted("alert causes", "does not alert")
def a_cause_without_alert(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    return with_node(evidence, alerts={lender: [] for lender in LENDERS})


@planted("alert order", "behind")
def alerts_out_of_order(scenario: Scenario) -> Evidence:
    one = first(scenario, "alert")
    scenario.operations.append(replace(one, begin_ns=one.begin_ns + 60 * SECOND))
    return scenario.evidence()


@planted("alert order", "have other alerts")
def nodes_that_tell_otherwise(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    alerts = {lender: [Delivered(1, 0, "none", "DISPUTE")] for lender in LENDERS}
    return with_node(evidence, alerts=evidence.nodes[0].alerts | alerts)
