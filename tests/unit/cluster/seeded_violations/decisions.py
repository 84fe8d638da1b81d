"""Decisions on reports of others, hidden decisions, and invented ones."""

from __future__ import annotations

from dataclasses import replace

from bureau_keys.envelope import seal
from creditbureau.v1.decision_pb2 import DecisionReceipt
from creditbureau.v1.envelope_pb2 import Envelope
from tests.cluster.auditor import Evidence
from tests.unit.cluster.scenario import PERSON, Scenario
from tests.unit.cluster.seeded_violations.seeding import planted, with_database, with_node


def decision_with(scenario: Scenario, **changes: object) -> Evidence:
    """Another decision under the first decision's leaf."""
    evidence = scenario.evidence()
    entries = list(evidence.databases[0].entries)
    index = next(index for index, entry in enumerate(entries) if entry.kind == "decision")
    envelope = Envelope.FromString(entries[index].envelope)
    decision = DecisionReceipt.FromString(envelope.payload)
    for name, value in changes.items():
        setattr(decision, name, value)
    sealed = seal(decision, scenario.key).SerializeToString()
    entries[index] = entries[index]._replace(envelope=sealed)
    return with_database(evidence, entries=entries)


@planted("decisions", "is on no report of members/lender-1")
def a_decision_on_a_report_of_another(scenario: Scenario) -> Evidence:
    theirs = [row for row in scenario.inquiries if row.member_id == "lender-2"]
    return decision_with(scenario, inquiry_id=theirs[0].inquiry_id)


@planted("decisions", "is on no report of members/lender-1")
def a_decision_on_another_digest(scenario: Scenario) -> Evidence:
    return decision_with(scenario, report_digest=b"\1" * 32)


@planted("decisions", "is on no report of members/lender-1")
def a_decision_before_its_report(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    first = evidence.databases[0]
    entries = [
        entry._replace(leaf_index=0) if entry.kind == "decision" else entry
        for entry in first.entries
    ]
    return with_database(evidence, entries=entries)


@planted("decisions shown", "other decisions than were recorded")
def a_decision_that_is_hidden(scenario: Scenario) -> Evidence:
    return with_node(scenario.evidence(), decisions={PERSON: []})


@planted("decisions shown", "other decisions than were recorded")
def a_decision_that_nobody_took(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    shown = [*evidence.nodes[0].decisions[PERSON], "another"]
    return replace(evidence, nodes=[replace(evidence.nodes[0], decisions={PERSON: shown})])
