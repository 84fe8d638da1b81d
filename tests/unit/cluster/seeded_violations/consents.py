"""Reports without consent, and consents that stand as nobody said."""

from __future__ import annotations

from tests.cluster.auditor import Evidence
from tests.unit.cluster.scenario import Scenario
from tests.unit.cluster.seeded_violations.seeding import planted, with_database


@planted("I3 consent", "was not in force at leaf")
def a_report_under_a_revoked_consent(scenario: Scenario) -> Evidence:
    consent = scenario.grant()
    scenario.change("revoke", consent)
    scenario.query(consent)
    return scenario.evidence()


@planted("I3 consent", "was not in force at leaf")
def a_report_under_a_replaced_consent(scenario: Scenario) -> Evidence:
    consent = scenario.grant()
    scenario.grant(replaces=consent)
    scenario.query(consent)
    return scenario.evidence()


@planted("I3 state", "its subject's last word was replace")
def a_replaced_consent_that_goes_on(scenario: Scenario) -> Evidence:
    scenario.grant(replaces=scenario.grant())
    evidence = scenario.evidence()
    rows = [row._replace(state=1) for row in evidence.databases[0].consents]
    return with_database(evidence, consents=rows)


@planted("I3 consent", "was ever granted")
def a_report_without_consent(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    row = evidence.databases[0].inquiries[0]._replace(consent_id="none")
    return with_database(evidence, inquiries=[row])


@planted("I3 consent", "a consent for lender-1 served lender-2")
def a_report_to_somebody_else(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    row = evidence.databases[0].inquiries[0]._replace(member_id="lender-2")
    return with_database(evidence, inquiries=[row])


@planted("I3 stopped", "revoke")
def an_inquiry_behind_an_acknowledged_revocation(scenario: Scenario) -> Evidence:
    consent = scenario.grant()
    scenario.change("revoke", consent)
    scenario.query(consent)
    return scenario.evidence()


@planted("I3 stopped", "pause")
def an_inquiry_in_a_pause(scenario: Scenario) -> Evidence:
    consent = scenario.grant()
    scenario.change("pause", consent)
    scenario.query(consent)
    scenario.change("resume", consent)
    return scenario.evidence()


@planted("I3 stopped", "hold")
def an_inquiry_into_a_frozen_file(scenario: Scenario) -> Evidence:
    hold = scenario.freeze()
    scenario.query(scenario.grant())
    scenario.lift(hold)
    return scenario.evidence()


@planted("I3 limit", "was used 3 times: lenders' histories")
def one_use_too_many(scenario: Scenario) -> Evidence:
    consent = scenario.grant(uses=2)
    for _ in range(3):
        scenario.query(consent)
    return scenario.evidence()


@planted("I3 limit", "was used 3 times: postgres-a")
def one_use_too_many_that_no_lender_told(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    rows = evidence.databases[0].inquiries
    return with_database(evidence, inquiries=[rows[0], *rows])


@planted("I3 limit", "counts 7 uses")
def uses_miscounted(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    rows = [row._replace(use_count=7) for row in evidence.databases[0].consents]
    return with_database(evidence, consents=rows)


@planted("I3 state", "its subject's last word was resume")
def a_consent_that_was_stopped_by_nobody(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    rows = [row._replace(state=3) for row in evidence.databases[0].consents]
    return with_database(evidence, consents=rows)
