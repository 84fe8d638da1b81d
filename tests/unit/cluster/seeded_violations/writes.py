"""Statements lost, doubled, refused and there, answered otherwise."""

from __future__ import annotations

from tests.cluster.auditor import Evidence
from tests.cluster.history import Outcome
from tests.unit.cluster.scenario import SECOND, Scene
from tests.unit.cluster.seeded_violations.seeding import (
    change,
    first,
    planted,
    with_database,
    with_node,
)


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
