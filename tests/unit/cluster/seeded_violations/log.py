"""A log forked, gone back, with gaps, edited, out of order."""

from __future__ import annotations

from dataclasses import replace

from bureau_keys.receipt import Receipt
from tests.cluster.auditor import Evidence
from tests.unit.cluster.scenario import Scenario
from tests.unit.cluster.seeded_violations.seeding import (
    change,
    first,
    planted,
    with_database,
    with_node,
)


@planted("I4 receipts", "does not verify")
def a_receipt_with_another_proof(scenario: Scenario) -> Evidence:
    one = first(scenario, "query")
    receipt = Receipt.from_text(one.receipt)
    change(scenario, one, receipt=replace(receipt, salt=bytes(32)).to_text())
    return scenario.evidence()


@planted("I4 receipts", "without a receipt")
def an_acknowledgement_without_proof(scenario: Scenario) -> Evidence:
    change(scenario, first(scenario, "submit"), receipt="")
    return scenario.evidence()


@planted("I4 one tree", "forked")
def a_forked_log(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    return with_node(evidence, newest=scenario.signed(5, bytes(32)))


@planted("I4 one tree", "the log has forgotten: witness witness-1")
def a_log_that_went_back(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    note = scenario.signed(len(scenario.entries) + 5, bytes(32))
    return replace(evidence, cosigned={"witness-1": note})


@planted("I4 one tree", "the log shrank: size 3 was signed after size")
def a_list_that_went_back(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    listed = evidence.nodes[0].checkpoints
    return with_node(evidence, checkpoints=[*listed, scenario.notes[2][1]])


@planted("I4 one tree", "is not the log's")
def a_checkpoint_of_another_key(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    note = Scenario().signed(3, bytes(32))
    return replace(evidence, kept={"checkpoint-node-1": note})


@planted("I4 one tree", "does not prove")
def a_wrong_consistency_proof(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    ((old, new, proof),) = evidence.nodes[0].proofs
    return with_node(evidence, proofs=[(old, new, proof[1:])])


@planted("I4 one tree", "a witness has seen a fork")
def a_witness_that_was_shown_two(scenario: Scenario) -> Evidence:
    return replace(scenario.evidence(), forks=["witness-1 was shown another root of size 3"])


@planted("I4 witnesses", "witness-1 has cosigned 3 of")
def a_witness_left_behind(scenario: Scenario) -> Evidence:
    return replace(scenario.evidence(), cosigned={"witness-1": scenario.notes[2][1]})


@planted("I4 witnesses", "no cosignature of witness-1.example")
def a_cosignature_of_another_checkpoint(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    ((size, witness, line), *_) = evidence.databases[0].cosignatures
    return with_database(evidence, cosignatures=[(size + 1, witness, line)])


@planted("I4 everywhere", "they differ from leaf 2 on")
def a_node_with_another_leaf(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    leaves = list(evidence.nodes[0].leaves)
    leaves[2] = bytes(32)
    return with_node(evidence, leaves=leaves)


@planted("I4 everywhere", "leaves")
def a_standby_that_lags(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    return with_database(evidence, entries=evidence.databases[0].entries[:-1])


@planted("I5 dense", "has leaf 4 where 3 belongs")
def a_gap(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    entries = evidence.databases[0].entries
    return with_database(evidence, entries=entries[:3] + entries[4:])


@planted("I5 dense", "its head row says")
def a_head_that_ran_ahead(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    size, edge = evidence.databases[0].head
    return with_database(evidence, head=(size + 1, edge))


@planted("I5 dense", "is of")
def one_leaf_for_two(scenario: Scenario) -> Evidence:
    change(scenario, first(scenario, "submit"), leaf_index=first(scenario, "query").leaf_index)
    return scenario.evidence()


@planted("I6 root", "its statement is not the one that was logged")
def an_edited_statement(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    entries = list(evidence.databases[0].entries)
    entries[0] = entries[0]._replace(envelope=entries[1].envelope)
    return with_database(evidence, entries=entries)


@planted("I6 root", "its statement is missing")
def a_leaf_without_its_statement(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    entries = list(evidence.databases[0].entries)
    entries[0] = entries[0]._replace(envelope=b"")
    return with_database(evidence, entries=entries)


@planted("I6 root", "its commitment does not follow")
def an_edited_leaf(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    entries = list(evidence.databases[0].entries)
    entries[0] = entries[0]._replace(commitment=bytes(32))
    return with_database(evidence, entries=entries)


@planted("I6 root", "do not give the root that was signed")
def a_leaf_replaced_whole(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    entries = list(evidence.databases[0].entries)
    entries[0] = entries[1]
    return with_database(evidence, entries=entries)


@planted("I7 order", "which was acknowledged before it was sent")
def an_order_turned_round(scenario: Scenario) -> Evidence:
    early, late = first(scenario, "submit"), first(scenario, "query")
    change(scenario, early, begin_ns=late.end_ns + 1, end_ns=late.end_ns + 2)
    return scenario.evidence()


@planted("I7 time", "older than the one before it")
def a_clock_that_went_back(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    entries = list(evidence.databases[0].entries)
    entries[3] = entries[3]._replace(time_us=entries[2].time_us - 1)
    return with_database(evidence, entries=entries)
