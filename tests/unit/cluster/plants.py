"""One violation after another, each planted in a run that kept its promises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bureau_keys.receipt import Receipt
from tests.cluster.auditor import Evidence
from tests.cluster.auditor.evidence import Database, Delivered, Node
from tests.cluster.history import Operation, Outcome
from tests.unit.cluster.scene import LENDERS, PERSON, SECOND, Scene

Plant = Callable[[Scene], Evidence]
PLANTED: list[tuple[str, str, Plant]] = []


def planted(check: str, told: str) -> Callable[[Plant], Plant]:
    """A violation that a check must name in these words."""

    def note(plant: Plant) -> Plant:
        PLANTED.append((check, told, plant))
        return plant

    return note


def first(scene: Scene, kind: str) -> Operation:
    """The first operation of a kind."""
    return next(one for one in scene.operations if one.kind == kind)


def change(scene: Scene, one: Operation, **fields: Any) -> None:
    """Another history than what happened."""
    scene.operations[scene.operations.index(one)] = replace(one, **fields)


def with_database(evidence: Evidence, **fields: Any) -> Evidence:
    """Another first server."""
    changed: Database = replace(evidence.databases[0], **fields)
    return replace(evidence, databases=[changed, *evidence.databases[1:]])


def with_node(evidence: Evidence, **fields: Any) -> Evidence:
    """Another first node."""
    changed: Node = replace(evidence.nodes[0], **fields)
    return replace(evidence, nodes=[changed, *evidence.nodes[1:]])


# I1: one effect or none.


@planted("I1 once", "0 times in postgres-a")
def a_lost_write(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    return with_database(evidence, entries=evidence.databases[0].entries[1:])


@planted("I1 once", "2 times in postgres-a")
def a_doubled_write(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    entries = evidence.databases[0].entries
    return with_database(evidence, entries=[entries[0], *entries])


@planted("I1 once", "failed, and 1 times")
def a_refused_write_that_is_there(scene: Scene) -> Evidence:
    change(scene, first(scene, "submit"), outcome=Outcome.FAILED, receipt="", leaf_index=None)
    return scene.evidence()


@planted("I1 once", "never settled")
def an_open_end(scene: Scene) -> Evidence:
    change(scene, first(scene, "submit"), outcome=Outcome.UNKNOWN, receipt="", leaf_index=None)
    return scene.evidence()


@planted("I1 once", "node-1 does not give the receipt")
def a_node_that_forgot(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    key = next(key for key, given in evidence.nodes[0].receipts.items() if given != "NOT_FOUND")
    receipts = evidence.nodes[0].receipts | {key: "NOT_FOUND"}
    return with_node(evidence, receipts=receipts)


@planted("I1 once", "has a refused statement")
def a_node_that_keeps_what_was_refused(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    receipts = {
        key: first(scene, "submit").receipt if answer == "NOT_FOUND" else answer
        for key, answer in evidence.nodes[0].receipts.items()
    }
    return with_node(evidence, receipts=receipts)


@planted("I1 listed", "does not list submission")
def a_submission_that_is_not_listed(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    return with_node(evidence, submissions=evidence.nodes[0].submissions | {"lender-1": []})


@planted("I1 listed", "knows nothing of")
def a_submission_that_nobody_made(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    listed = [*evidence.nodes[0].submissions["lender-1"], "another"]
    return with_node(evidence, submissions=evidence.nodes[0].submissions | {"lender-1": listed})


# I2: one request id, one answer.


@planted("I2 conflict", "were answered OK")
def other_bytes_that_are_taken(scene: Scene) -> Evidence:
    one = next(one for one in scene.operations if one.about.get("how") == "other bytes")
    change(scene, one, outcome=Outcome.OK, reason="")
    return scene.evidence()


@planted("I2 first answer", "another receipt")
def another_receipt_for_the_same_bytes(scene: Scene) -> Evidence:
    change(scene, first(scene, "again"), receipt=first(scene, "submit").receipt)
    return scene.evidence()


@planted("I2 first answer", "another report for inquiry")
def another_report_in_a_replay(scene: Scene) -> Evidence:
    one = first(scene, "replay")
    change(scene, one, about=one.about | {"digest": "bb"})
    return scene.evidence()


@planted("I2 first answer", "node-1 has another report")
def another_report_on_one_node(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    replays = dict.fromkeys(evidence.nodes[0].replays, "bb")
    return with_node(evidence, replays=replays)


@planted("I2 own effect", "sent again, it was refused WRONG_STATE")
def a_retry_refused_for_what_it_did(scene: Scene) -> Evidence:
    one = first(scene, "pause")
    late = scene.now_ns
    change(scene, one, end_ns=late, settled_ns=late + SECOND, reason="WRONG_STATE")
    return scene.evidence()


# I3: consents.


@planted("I3 consent", "was not in force at leaf")
def a_report_under_a_revoked_consent(scene: Scene) -> Evidence:
    consent = scene.grant()
    scene.change("revoke", consent)
    scene.query(consent)
    return scene.evidence()


@planted("I3 consent", "was ever granted")
def a_report_without_consent(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    row = evidence.databases[0].inquiries[0]._replace(consent_id="none")
    return with_database(evidence, inquiries=[row])


@planted("I3 consent", "a consent for lender-1 served lender-2")
def a_report_to_somebody_else(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    row = evidence.databases[0].inquiries[0]._replace(member_id="lender-2")
    return with_database(evidence, inquiries=[row])


@planted("I3 stopped", "revoke")
def an_inquiry_behind_an_acknowledged_revocation(scene: Scene) -> Evidence:
    consent = scene.grant()
    scene.change("revoke", consent)
    scene.query(consent)
    return scene.evidence()


@planted("I3 stopped", "pause")
def an_inquiry_in_a_pause(scene: Scene) -> Evidence:
    consent = scene.grant()
    scene.change("pause", consent)
    scene.query(consent)
    scene.change("resume", consent)
    return scene.evidence()


@planted("I3 stopped", "hold")
def an_inquiry_into_a_frozen_file(scene: Scene) -> Evidence:
    hold = scene.freeze()
    scene.query(scene.grant())
    scene.lift(hold)
    return scene.evidence()


@planted("I3 limit", "was used 3 times: lenders' histories")
def one_use_too_many(scene: Scene) -> Evidence:
    consent = scene.grant(uses=2)
    for _ in range(3):
        scene.query(consent)
    return scene.evidence()


@planted("I3 limit", "was used 3 times: postgres-a")
def one_use_too_many_that_no_lender_told(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    rows = evidence.databases[0].inquiries
    return with_database(evidence, inquiries=[rows[0], *rows])


@planted("I3 limit", "counts 7 uses")
def uses_miscounted(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    rows = [row._replace(use_count=7) for row in evidence.databases[0].consents]
    return with_database(evidence, consents=rows)


@planted("I3 state", "its subject's last word was resume")
def a_consent_that_was_stopped_by_nobody(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    rows = [row._replace(state=3) for row in evidence.databases[0].consents]
    return with_database(evidence, consents=rows)


# I4 to I7: the log.


@planted("I4 receipts", "does not verify")
def a_receipt_with_another_proof(scene: Scene) -> Evidence:
    one = first(scene, "query")
    receipt = Receipt.from_text(one.receipt)
    change(scene, one, receipt=replace(receipt, salt=bytes(32)).to_text())
    return scene.evidence()


@planted("I4 receipts", "without a receipt")
def an_acknowledgement_without_proof(scene: Scene) -> Evidence:
    change(scene, first(scene, "submit"), receipt="")
    return scene.evidence()


@planted("I4 one tree", "forked")
def a_forked_log(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    return with_node(evidence, newest=scene.signed(5, bytes(32)))


@planted("I4 one tree", "the log has forgotten: witness witness-1")
def a_log_that_went_back(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    note = scene.signed(len(scene.entries) + 5, bytes(32))
    return replace(evidence, cosigned={"witness-1": note})


@planted("I4 one tree", "is not the log's")
def a_checkpoint_of_another_key(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    note = Scene().signed(3, bytes(32))
    return replace(evidence, kept={"checkpoint-node-1": note})


@planted("I4 one tree", "does not prove")
def a_wrong_consistency_proof(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    ((old, new, proof),) = evidence.nodes[0].proofs
    return with_node(evidence, proofs=[(old, new, proof[1:])])


@planted("I4 one tree", "a witness has seen a fork")
def a_witness_that_was_shown_two(scene: Scene) -> Evidence:
    return replace(scene.evidence(), forks=["witness-1 was shown another root of size 3"])


@planted("I4 witnesses", "witness-1 has cosigned 3 of")
def a_witness_left_behind(scene: Scene) -> Evidence:
    return replace(scene.evidence(), cosigned={"witness-1": scene.notes[2][1]})


@planted("I4 witnesses", "no cosignature of witness-1.example")
def a_cosignature_of_another_checkpoint(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    ((size, witness, line), *_) = evidence.databases[0].cosignatures
    return with_database(evidence, cosignatures=[(size + 1, witness, line)])


@planted("I4 everywhere", "they differ from leaf 2 on")
def a_node_with_another_leaf(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    leaves = list(evidence.nodes[0].leaves)
    leaves[2] = bytes(32)
    return with_node(evidence, leaves=leaves)


@planted("I4 everywhere", "leaves")
def a_standby_that_lags(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    return with_database(evidence, entries=evidence.databases[0].entries[:-1])


@planted("I5 dense", "has leaf 4 where 3 belongs")
def a_gap(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    entries = evidence.databases[0].entries
    return with_database(evidence, entries=entries[:3] + entries[4:])


@planted("I5 dense", "its head row says")
def a_head_that_ran_ahead(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    size, edge = evidence.databases[0].head
    return with_database(evidence, head=(size + 1, edge))


@planted("I5 dense", "is of")
def one_leaf_for_two(scene: Scene) -> Evidence:
    change(scene, first(scene, "submit"), leaf_index=first(scene, "query").leaf_index)
    return scene.evidence()


@planted("I6 root", "its statement is not the one that was logged")
def an_edited_statement(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    entries = list(evidence.databases[0].entries)
    entries[0] = entries[0]._replace(envelope=entries[1].envelope)
    return with_database(evidence, entries=entries)


@planted("I6 root", "its statement is missing")
def a_leaf_without_its_statement(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    entries = list(evidence.databases[0].entries)
    entries[0] = entries[0]._replace(envelope=b"")
    return with_database(evidence, entries=entries)


@planted("I6 root", "its commitment does not follow")
def an_edited_leaf(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    entries = list(evidence.databases[0].entries)
    entries[0] = entries[0]._replace(commitment=bytes(32))
    return with_database(evidence, entries=entries)


@planted("I6 root", "do not give the root that was signed")
def a_leaf_replaced_whole(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    entries = list(evidence.databases[0].entries)
    entries[0] = entries[1]
    return with_database(evidence, entries=entries)


@planted("I7 order", "which was acknowledged before it was sent")
def an_order_turned_round(scene: Scene) -> Evidence:
    early, late = first(scene, "submit"), first(scene, "query")
    change(scene, early, begin_ns=late.end_ns + 1, end_ns=late.end_ns + 2)
    return scene.evidence()


@planted("I7 time", "older than the one before it")
def a_clock_that_went_back(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    entries = list(evidence.databases[0].entries)
    entries[3] = entries[3]._replace(time_us=entries[2].time_us - 1)
    return with_database(evidence, entries=entries)


# I8: service.


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


# Nothing half there.


@planted("whole", "has no effect")
def a_leaf_without_effect(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    return with_database(evidence, effects=evidence.databases[0].effects | {"submission": set()})


@planted("whole", "names entry 7")
def an_effect_without_leaf(scene: Scene) -> Evidence:
    return with_database(scene.evidence(), lost=["a row of consent names entry 7, …"])


@planted("whole", "of 2 records has 1")
def half_a_submission(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    rows = [row._replace(records=1) for row in evidence.databases[0].submissions]
    return with_database(evidence, submissions=rows)


@planted("asked for", "nobody knows of the submission")
def a_dropped_history(scene: Scene) -> Evidence:
    scene.operations.remove(first(scene, "submit"))
    return scene.evidence()


@planted("disclosed", "does not show its subject")
def a_look_that_is_hidden(scene: Scene) -> Evidence:
    return with_node(scene.evidence(), disclosed={PERSON: []})


# Alerts.


@planted("alerts", "never got alert")
def an_alert_that_never_came(scene: Scene) -> Evidence:
    scene.operations.remove(first(scene, "alert"))
    return scene.evidence()


@planted("alert causes", "does not alert")
def a_cause_without_alert(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    return with_node(evidence, alerts={lender: [] for lender in LENDERS})


@planted("alert order", "behind")
def alerts_out_of_order(scene: Scene) -> Evidence:
    one = first(scene, "alert")
    scene.operations.append(replace(one, begin_ns=one.begin_ns + 60 * SECOND))
    return scene.evidence()


@planted("alert order", "have other alerts")
def nodes_that_tell_otherwise(scene: Scene) -> Evidence:
    evidence = scene.evidence()
    told = {lender: [Delivered(1, 0, "none", "DISPUTE")] for lender in LENDERS}
    return with_node(evidence, alerts=evidence.nodes[0].alerts | told)


# The hostile member.


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
