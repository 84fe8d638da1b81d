"""Answers to consent requests that are too wide, too many, or another's."""

from __future__ import annotations

from tests.cluster.auditor import Evidence
from tests.unit.cluster.scenario import FROZEN, PERSON, Scenario
from tests.unit.cluster.seeded_violations.seeding import planted, with_database


@planted("requests", "is wider than its request: ['max_uses']")
def an_answer_with_more_uses(scenario: Scenario) -> Evidence:
    scenario.grant(uses=3, request=scenario.ask(uses=2))
    return scenario.evidence()


@planted("requests", "is wider than its request: ['max_uses']")
def an_answer_without_a_limit(scenario: Scenario) -> Evidence:
    scenario.grant(uses=0, request=scenario.ask(uses=2))
    return scenario.evidence()


@planted("requests", "answers no request of members/lender-2")
def an_answer_for_another_member(scenario: Scenario) -> Evidence:
    scenario.grant("lender-2", request=scenario.ask("lender-1"))
    return scenario.evidence()


@planted("requests", "answers a request to another subject")
def an_answer_of_another_person(scenario: Scenario) -> Evidence:
    scenario.subject = FROZEN
    request = scenario.ask()
    scenario.subject = PERSON
    scenario.grant(request=request)
    return scenario.evidence()


@planted("requests", "answers no request of members/lender-1")
def an_answer_before_its_request(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    entries = [
        entry._replace(leaf_index=10_000) if entry.kind == "consent-request" else entry
        for entry in evidence.databases[0].entries
    ]
    return with_database(evidence, entries=entries)


@planted("request answers", "has 2 answers")
def two_consents_for_one_request(scenario: Scenario) -> Evidence:
    request = scenario.ask()
    scenario.grant(request=request)
    scenario.grant(request=request)
    return scenario.evidence()


@planted("request answers", "has 2 answers")
def a_consent_after_a_decline(scenario: Scenario) -> Evidence:
    request = scenario.ask()
    scenario.decline(request)
    scenario.grant(request=request)
    return scenario.evidence()
