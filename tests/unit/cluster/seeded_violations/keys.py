"""Keys that nobody bound, and repudiations that undo nothing."""

from __future__ import annotations

from bureau_keys.signing import SigningKey
from creditbureau.v1.consent_pb2 import CONSENT_STATE_ACTIVE, CONSENT_STATE_REVOKED
from tests.cluster.auditor import Evidence
from tests.cluster.auditor.evidence import StoredKey
from tests.unit.cluster.scenario import NEVER, PERSON, Scenario
from tests.unit.cluster.seeded_violations.seeding import (
    first,
    planted,
    with_database,
    with_node,
)


@planted("keys", "is in force for")
def a_key_that_no_statement_bound(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    strange = StoredKey("f" * 64, PERSON, 0, NEVER, 0)
    return with_database(evidence, keys=[*evidence.databases[0].keys, strange])


@planted("keys", "by the log it is repudiated")
def a_repudiated_key_that_is_in_force_again(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    keys = [
        key._replace(repudiated=0, end_us=NEVER) if key.repudiated else key
        for key in evidence.databases[0].keys
    ]
    return with_database(evidence, keys=keys)


@planted("keys", "node-1 serves key")
def a_node_that_serves_a_repudiated_key(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    return with_node(evidence, keys=dict.fromkeys(evidence.nodes[0].keys, True))


@planted("keys", "was not signed with the key in force")
def a_statement_of_a_stranger(scenario: Scenario) -> Evidence:
    scenario.person = SigningKey.generate()
    scenario.grant()
    return scenario.evidence()


@planted("undone", "was signed with a repudiated key and is not revoked")
def a_consent_that_outlives_its_key(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    rows = [
        row._replace(state=CONSENT_STATE_ACTIVE) if row.state == CONSENT_STATE_REVOKED else row
        for row in evidence.databases[0].consents
    ]
    return with_database(evidence, consents=rows)


@planted("undone", "was lifted with a repudiated key")
def a_lift_that_outlives_its_key(scenario: Scenario) -> Evidence:
    hold = scenario.freeze()
    earlier, taken = scenario.person, SigningKey.generate()
    scenario.take_over(taken)
    scenario.lift(hold)
    scenario.repudiate(taken, earlier)
    return scenario.evidence()


@planted("I3 consent", "was not in force at leaf")
@planted("I3 stopped", "repudiate")
def a_report_under_a_consent_of_a_repudiated_key(scenario: Scenario) -> Evidence:
    earlier, taken = scenario.person, SigningKey.generate()
    scenario.take_over(taken)
    consent = scenario.grant()
    scenario.repudiate(taken, earlier)
    scenario.query(consent)
    return scenario.evidence()


@planted("whole", "the key-repudiation at leaf")
def a_repudiation_without_effect(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    effects = evidence.databases[0].effects | {first(scenario, "repudiate").kind: set()}
    return with_database(evidence, effects=effects | {"key-repudiation": set()})
