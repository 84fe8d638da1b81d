"""Notices that do not come, come twice, or come to another person."""

from __future__ import annotations

from dataclasses import replace

from tests.cluster.auditor import Evidence
from tests.unit.cluster.scenario import PERSON, Scenario
from tests.unit.cluster.seeded_violations.seeding import change, first, planted, with_node


@planted("notices", "0 notices INQUIRY of leaf")
def an_inquiry_that_is_not_told(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    listed = list(evidence.nodes[0].noticed[PERSON])
    listed.remove(next(one for one in listed if one[1] == "INQUIRY"))
    return with_node(evidence, noticed={PERSON: listed})


@planted("notices", "2 notices CONSENT_GRANTED of leaf")
def a_consent_that_is_told_twice(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    listed = evidence.nodes[0].noticed[PERSON]
    return with_node(evidence, noticed={PERSON: [*listed, listed[0]]})


@planted("notices", "gives 0")
def a_notice_of_what_nobody_did(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    listed = evidence.nodes[0].noticed[PERSON]
    return with_node(evidence, noticed={PERSON: [*listed, (0, "HOLD_PLACED")]})


@planted("notices heard", "does not give")
def a_stream_with_another_persons_notice(scenario: Scenario) -> Evidence:
    one = first(scenario, "hear")
    change(scenario, one, about=one.about | {"subject": "ab" * 16})
    return scenario.evidence()


@planted("notices heard", "does not give")
def a_stream_with_another_kind(scenario: Scenario) -> Evidence:
    one = first(scenario, "hear")
    scenario.operations.append(replace(one, about=one.about | {"kind": "HOLD_LIFTED"}))
    return scenario.evidence()
