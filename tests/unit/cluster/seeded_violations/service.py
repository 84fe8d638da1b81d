"""Members that are not served, or told no reason; attacks that are."""

from __future__ import annotations

from tests.cluster.auditor import Evidence
from tests.cluster.history import Outcome
from tests.unit.cluster.scenario import Scenario
from tests.unit.cluster.seeded_violations.seeding import (
    change,
    first,
    planted,
    with_database,
    with_node,
)


@planted("I8 again", "lender-1 was not served in the 10 s behind kill-node")
def a_member_that_waits_for_ever(scenario: Scenario) -> Evidence:
    for one in list(scenario.operations):
        if one.worker == "lender-1" and one.begin_ns >= scenario.events[-1].at_ns:
            change(scenario, one, outcome=Outcome.FAILED, reason="UNREACHABLE")
    return scenario.evidence()


@planted("I8 peace", "got no answer in peace")
def no_answer_in_peace(scenario: Scenario) -> Evidence:
    scenario.note("lender-1", "members", Outcome.FAILED, reason="UNREACHABLE")
    scenario.note("lender-1", "members")
    return scenario.evidence()


@planted("floods", "was not served while a member flooded")
def starved_by_a_flood(scenario: Scenario) -> Evidence:
    flood = first(scenario, "flood")
    for one in list(scenario.operations):
        if one.worker == "lender-1" and flood.begin_ns <= one.begin_ns < flood.end_ns:
            change(scenario, one, outcome=Outcome.FAILED, reason="DEADLINE")
    return scenario.evidence()


@planted("refusals", "was answered INTERNAL")
def a_fault_of_the_bureaus_own(scenario: Scenario) -> Evidence:
    scenario.note("lender-1", "members", Outcome.FAILED, reason="INTERNAL")
    return scenario.evidence()


@planted("refusals", "was answered SOMETHING")
def a_reason_of_no_contract(scenario: Scenario) -> Evidence:
    scenario.note("lender-1", "members", Outcome.FAILED, reason="SOMETHING")
    return scenario.evidence()


@planted("refusals", "an answer did not verify")
def an_answer_that_does_not_verify(scenario: Scenario) -> Evidence:
    scenario.note("lender-1", "members", Outcome.FAILED, reason="BAD_PROOF")
    return scenario.evidence()


@planted("auditor", "node-1 did not answer")
def a_node_that_is_silent(scenario: Scenario) -> Evidence:
    return with_node(scenario.evidence(), failures=["leaves: no answer"])


@planted("junk", "junk was accepted")
def junk_that_is_accepted(scenario: Scenario) -> Evidence:
    change(scenario, first(scenario, "junk"), outcome=Outcome.OK, reason="OK")
    return scenario.evidence()


@planted("junk", "junk was not refused for what it is")
def junk_that_is_read(scenario: Scenario) -> Evidence:
    change(scenario, first(scenario, "junk"), reason="QUOTA_EXCEEDED")
    return scenario.evidence()


@planted("junk", "junk is at leaf 2")
def junk_in_the_log(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    entries = list(evidence.databases[0].entries)
    entries[2] = entries[2]._replace(request_id="spoilt")
    return with_database(evidence, entries=entries)


@planted("lies", "wallet-1 believed a node that told it a balance altered")
def a_lie_that_is_believed(scenario: Scenario) -> Evidence:
    change(scenario, first(scenario, "lie"), outcome=Outcome.OK, reason="")
    return scenario.evidence()


@planted("lies", "and it ended in InvalidRequest")
def a_lie_that_ends_in_another_error(scenario: Scenario) -> Evidence:
    one = first(scenario, "lie")
    change(scenario, one, about=one.about | {"error": "InvalidRequest"})
    return scenario.evidence()


@planted("hostile", "an attack was answered")
def an_attack_that_is_answered(scenario: Scenario) -> Evidence:
    change(scenario, first(scenario, "attack"), outcome=Outcome.OK)
    return scenario.evidence()


@planted("hostile", "an attack is at leaf")
def an_attack_in_the_log(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    entries = list(evidence.databases[0].entries)
    entries[2] = entries[2]._replace(request_id="forged")
    return with_database(evidence, entries=entries)


@planted("hostile", "an attack got a report")
def a_report_for_a_thief(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    rows = [row._replace(inquiry_id="forged") for row in evidence.databases[0].inquiries]
    return with_database(evidence, inquiries=rows)
