"""Statements lost, doubled, refused and there, answered otherwise."""

from __future__ import annotations

from tests.cluster.auditor import Evidence
from tests.cluster.history import Outcome
from tests.unit.cluster.scenario import SECOND, Scenario
from tests.unit.cluster.seeded_violations.seeding import (
    change,
    first,
    planted,
    with_database,
    with_node,
)


@planted("I1 once", "0 times in postgres-a")
def a_lost_write(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    return with_database(evidence, entries=evidence.databases[0].entries[1:])


@planted("I1 once", "2 times in postgres-a")
def a_doubled_write(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    entries = evidence.databases[0].entries
    return with_database(evidence, entries=[entries[0], *entries])


@planted("I1 once", "failed, and 1 times")
def a_refused_write_that_is_there(scenario: Scenario) -> Evidence:
    change(scenario, first(scenario, "submit"), outcome=Outcome.FAILED, receipt="", leaf_index=None)
    return scenario.evidence()


@planted("I1 once", "never settled")
def an_open_end(scenario: Scenario) -> Evidence:
    change(
        scenario, first(scenario, "submit"), outcome=Outcome.UNKNOWN, receipt="", leaf_index=None
    )
    return scenario.evidence()


@planted("I1 once", "node-1 does not give the receipt")
def a_node_that_forgot(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    key = next(key for key, given in evidence.nodes[0].receipts.items() if given != "NOT_FOUND")
    receipts = evidence.nodes[0].receipts | {key: "NOT_FOUND"}
    return with_node(evidence, receipts=receipts)


@planted("I1 once", "has a refused statement")
def a_node_that_keeps_what_was_refused(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    receipts = {
        key: first(scenario, "submit").receipt if answer == "NOT_FOUND" else answer
        for key, answer in evidence.nodes[0].receipts.items()
    }
    return with_node(evidence, receipts=receipts)


@planted("I1 listed", "does not list submission")
def a_submission_that_is_not_listed(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    return with_node(evidence, submissions=evidence.nodes[0].submissions | {"lender-1": []})


@planted("I1 listed", "knows nothing of")
def a_submission_that_nobody_made(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    listed = [*evidence.nodes[0].submissions["lender-1"], "another"]
    return with_node(evidence, submissions=evidence.nodes[0].submissions | {"lender-1": listed})


@planted("I2 conflict", "were answered OK")
def other_bytes_that_are_taken(scenario: Scenario) -> Evidence:
    one = next(one for one in scenario.operations if one.about.get("how") == "other bytes")
    change(scenario, one, outcome=Outcome.OK, reason="")
    return scenario.evidence()


@planted("I2 conflict", "other bytes were accepted too")
def other_bytes_that_are_accepted_too(scenario: Scenario) -> Evidence:
    scenario.signed_again(first(scenario, "decide"), Outcome.OK)
    return scenario.evidence()


@planted("I2 first answer", "another receipt")
def another_receipt_for_the_same_bytes(scenario: Scenario) -> Evidence:
    change(scenario, first(scenario, "again"), receipt=first(scenario, "submit").receipt)
    return scenario.evidence()


@planted("I2 first answer", "another report for inquiry")
def another_report_in_a_replay(scenario: Scenario) -> Evidence:
    one = first(scenario, "replay")
    change(scenario, one, about=one.about | {"digest": "bb"})
    return scenario.evidence()


@planted("I2 first answer", "node-1 has another report")
def another_report_on_one_node(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    replays = dict.fromkeys(evidence.nodes[0].replays, "bb")
    return with_node(evidence, replays=replays)


@planted("I2 own effect", "sent again, it was refused WRONG_STATE")
def a_retry_refused_for_what_it_did(scenario: Scenario) -> Evidence:
    one = first(scenario, "pause")
    late = scenario.now_ns
    change(scenario, one, end_ns=late, settled_ns=late + SECOND, reason="WRONG_STATE")
    return scenario.evidence()
