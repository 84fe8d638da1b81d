"""A log forked, gone back, with gaps, edited, out of order."""

from __future__ import annotations

from dataclasses import replace

from bureau_keys.receipt import Receipt
from tests.cluster.auditor import Evidence
from tests.unit.cluster.scenario import Scene
from tests.unit.cluster.seeded_violations.seeding import (
    change,
    first,
    planted,
    with_database,
    with_node,
)


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
