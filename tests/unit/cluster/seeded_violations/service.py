"""Members that are not served, or told no reason; attacks that are."""

from __future__ import annotations

from tests.cluster.auditor import Evidence
from tests.cluster.history import Outcome
from tests.unit.cluster.scenario import Scene
from tests.unit.cluster.seeded_violations.seeding import (
    change,
    first,
    planted,
    with_database,
    with_node,
)


@planted("I8 again", "lender-1 was not served in the 10 s behind kill-node")
def a_member_that_waits_for_ever(scene: Scene) -> Evidence:
    for one in list(scene.operations):
        if one.worker == "lender-1" and one.begin_ns >= scene.events[-1].at_ns:
            change(scene, one, outcome=Outcome.FAILED, reason="UNREACHABLE")
    return scene.evidence()


@planted("I8 peace", "got no answer in peace")
def no_answer_in_peace(scene: Scene) -> Evidence:
    scene.note("lender-1", "members", Outcome.FAILED, reason="UNREACHABLE")
    scene.note("lender-1", "members")
    return scene.evidence()


@planted("floods", "was not served while a member flooded")
def starved_by_a_flood(scene: Scene) -> Evidence:
    flood = first(scene, "flood")
    for one in list(scene.operations):
        if one.worker == "lender-1" and flood.begin_ns <= one.begin_ns < flood.end_ns:
            change(scene, one, outcome=Outcome.FAILED, reason="DEADLINE")
    return scene.evidence()


@planted("refusals", "was answered INTERNAL")
def a_fault_of_the_bureaus_own(scene: Scene) -> Evidence:
    scene.note("lender-1", "members", Outcome.FAILED, reason="INTERNAL")
    return scene.evidence()


@planted("refusals", "was answered SOMETHING")
def a_reason_of_no_contract(scene: Scene) -> Evidence:
    scene.note("lender-1", "members", Outcome.FAILED, reason="SOMETHING")
    return scene.evidence()


@planted("refusals", "an answer did not verify")
def an_answer_that_does_not_verify(scene: Scene) -> Evidence:
    scene.note("lender-1", "members", Outcome.FAILED, reason="BAD_PROOF")
    return scene.evidence()


@planted("auditor", "node-1 did not answer")
def a_node_that_is_silent(scene: Scene) -> Evidence:
    return with_node(scene.evidence(), failures=["leaves: no answer"])


@planted("hostile", "an attack was answered")
def an_attack_that_is_answered(scene: Scene) -> Evidence:
    change(scene, first(scene, "attack"), outcome=Outcome.OK)
    return scene.evidence()


@planted("hostile", "an attack is at leaf")
def an_attack_in_the_log(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    entries = list(evidence.databases[0].entries)
    entries[2] = entries[2]._replace(request_id="forged")
    return with_database(evidence, entries=entries)


@planted("hostile", "an attack got a report")
def a_report_for_a_thief(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    rows = [row._replace(inquiry_id="forged") for row in evidence.databases[0].inquiries]
    return with_database(evidence, inquiries=rows)
