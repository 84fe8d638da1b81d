"""Chains of events that leave something out, and reports that show another chain."""

from __future__ import annotations

from tests.cluster.auditor import Evidence
from tests.unit.cluster.scenario import PERSON, Scenario
from tests.unit.cluster.seeded_violations.seeding import (
    change,
    first,
    planted,
    with_database,
    with_node,
)


@planted("chains", "is not of the leaves about them")
def an_event_left_out(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    links = evidence.databases[0].links
    return with_database(evidence, links=[*links[:2], *links[3:]])


@planted("chains", "is not of the leaves about them")
def an_event_inserted(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    links = evidence.databases[0].links
    return with_database(evidence, links=[*links, links[0]])


@planted("chains", "is not of the leaves about them")
def an_edited_hash(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    *links, last = evidence.databases[0].links
    return with_database(evidence, links=[*links, last._replace(hash=bytes(32))])


@planted("chain heads", "another head of the chain in the report")
def a_report_with_another_head(scenario: Scenario) -> Evidence:
    one = first(scenario, "query")
    change(scenario, one, about=one.about | {"chain": "00" * 32})
    return scenario.evidence()


@planted("chain heads", "another head of the chain in the file")
def a_file_that_counts_too_few(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    file = evidence.nodes[0].files[PERSON]
    return with_node(evidence, files={PERSON: file._replace(events=file.events - 1)})
