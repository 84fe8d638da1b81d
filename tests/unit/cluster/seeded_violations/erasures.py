"""Erasures that the log does not have, and accounts that outlive them."""

from __future__ import annotations

from tests.cluster.auditor import Evidence
from tests.unit.cluster.scenario import PERSON, Scenario
from tests.unit.cluster.seeded_violations.seeding import (
    change,
    first,
    planted,
    with_node,
)


@planted("erasures", "is not in the log")
def an_erasure_without_a_statement(scenario: Scenario) -> Evidence:
    one = first(scenario, "erase")
    change(scenario, one, about=one.about | {"tradelines": ["f" * 32]})
    return scenario.evidence()


@planted("erasures", "node-1 does not list the erasure")
def an_erasure_that_auditors_are_not_shown(scenario: Scenario) -> Evidence:
    return with_node(scenario.evidence(), erased=set())


@planted("erasures", "node-1 has no notice for")
def an_erasure_without_a_notice(scenario: Scenario) -> Evidence:
    return with_node(scenario.evidence(), notices={PERSON: set()})


@planted("erased", "shows erased account")
def an_erased_account_in_a_file(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    file = evidence.nodes[0].files[PERSON]
    erased = frozenset(scenario.erased)
    return with_node(evidence, files={PERSON: file._replace(tradelines=erased)})


@planted("erased", "has erased accounts")
def an_erased_account_in_a_later_report(scenario: Scenario) -> Evidence:
    one = scenario.query(scenario.grant())
    change(scenario, one, about=one.about | {"tradelines": sorted(scenario.erased)})
    return scenario.evidence()


@planted("erased", "node-1 replays the report of")
def a_report_from_before_that_is_replayed(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    return with_node(evidence, replays=dict.fromkeys(evidence.nodes[0].replays, "aa"))


@planted("erased", "was erased: nothing was")
def a_report_that_is_said_to_be_erased(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    replays = dict.fromkeys(evidence.nodes[0].replays, "WRONG_STATE")
    return with_node(evidence, replays=replays)
