"""Alerts that are acted on twice, actions without a decision, and reviews that never were."""

from __future__ import annotations

from bureau_keys.envelope import seal
from creditbureau.v1.decision_pb2 import DecisionReceipt
from creditbureau.v1.envelope_pb2 import Envelope
from tests.cluster.auditor import Evidence
from tests.cluster.history import Operation
from tests.unit.cluster.scenario import FREEZE, ISSUER, PERSON, Scenario
from tests.unit.cluster.seeded_violations.seeding import change, planted, with_database, with_node


def reviewed(scenario: Scenario) -> Operation:
    """The report on the first alert."""
    return next(one for one in scenario.operations if "alert" in one.about and one.request_id)


@planted("agent once", "alert 1-0 has 2 reports")
def an_alert_that_is_asked_about_twice(scenario: Scenario) -> Evidence:
    scenario.decide(scenario.query(scenario.grant(ISSUER), ISSUER, alert="1-0"))
    return scenario.evidence()


@planted("agent once", "alert 1-0 has 2 decisions")
def an_alert_that_is_decided_on_twice(scenario: Scenario) -> Evidence:
    scenario.decide(reviewed(scenario))
    return scenario.evidence()


@planted("agent once", "alert 5-0 has 0 decisions")
def an_alert_without_a_decision(scenario: Scenario) -> Evidence:
    scenario.query(scenario.grant(ISSUER), ISSUER, alert="5-0")
    return scenario.evidence()


@planted("agent once", "decided on no alert's report")
def a_decision_that_no_alert_caused(scenario: Scenario) -> Evidence:
    scenario.decide(scenario.query(scenario.grant(ISSUER), ISSUER))
    return scenario.evidence()


@planted("agent actions", "follows no decision")
def an_action_that_is_taken_twice(scenario: Scenario) -> Evidence:
    scenario.act(FREEZE)
    return scenario.evidence()


@planted("agent actions", "follows no decision")
def an_action_before_its_decision(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    database = evidence.databases[0]
    first, *others = database.actions
    early = first._replace(entry_key=database.entries[0].entry_key)
    return with_database(evidence, actions=[early, *others])


@planted("agent actions", "follows a decision without reasons")
def a_freeze_without_reasons(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    entries = list(evidence.databases[0].entries)
    for index, entry in enumerate(entries):
        if entry.kind == "decision" and entry.signer == f"members/{ISSUER}":
            decision = DecisionReceipt.FromString(Envelope.FromString(entry.envelope).payload)
            del decision.reasons[:]
            sealed = seal(decision, scenario.key).SerializeToString()
            entries[index] = entry._replace(envelope=sealed)
    return with_database(evidence, entries=entries)


@planted("agent reviews", "the action on alert 1-0 is not in the log")
def an_action_that_is_lost(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    return with_database(evidence, actions=evidence.databases[0].actions[1:])


@planted("agent reviews", "the decision on alert 1-0 is not in the log")
def a_review_without_its_decision(scenario: Scenario) -> Evidence:
    review = next(one for one in scenario.operations if one.kind == "review")
    (line,) = review.about["lines"]
    lines = [line | {"decision": 0}]
    change(scenario, review, about=review.about | {"lines": lines})
    return scenario.evidence()


@planted("actions shown", "other actions than are logged")
def an_action_that_is_hidden(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    file = evidence.nodes[0].files[PERSON]
    shown = {card: actions[1:] for card, actions in file.actions.items()}
    return with_node(evidence, files={PERSON: file._replace(actions=shown)})
