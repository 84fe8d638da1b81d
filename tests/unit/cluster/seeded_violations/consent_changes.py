"""Changes of consents that do not reach their grantees, and deletions before the end."""

from __future__ import annotations

from dataclasses import replace

from tests.cluster.auditor import Evidence
from tests.unit.cluster.scenario import SECOND, Scenario
from tests.unit.cluster.seeded_violations.seeding import change, planted

REVOKED, EXPIRED, EXHAUSTED = "REVOKED", "EXPIRED", "EXHAUSTED"


def heard(scenario: Scenario, kind: str) -> list[int]:
    """Return the indices of the operations by which a kind of change was heard."""
    return [
        index
        for index, one in enumerate(scenario.operations)
        if one.kind == "consent-change" and one.about["kind"] == kind
    ]


@planted("changes", "was REVOKED at leaf")
def a_revocation_that_never_arrived(scenario: Scenario) -> Evidence:
    del scenario.operations[heard(scenario, REVOKED)[0]]
    return scenario.evidence()


@planted("changes", "was EXHAUSTED at leaf")
def a_last_use_that_is_not_told(scenario: Scenario) -> Evidence:
    del scenario.operations[heard(scenario, EXHAUSTED)[0]]
    return scenario.evidence()


@planted("changes", "does not have")
def a_pause_that_nobody_made(scenario: Scenario) -> Evidence:
    one = scenario.operations[heard(scenario, REVOKED)[0]]
    change(scenario, one, about=one.about | {"kind": "PAUSED"})
    return scenario.evidence()


@planted("change order", "after")
def a_change_that_comes_twice(scenario: Scenario) -> Evidence:
    one = scenario.operations[heard(scenario, REVOKED)[0]]
    scenario.operations.append(replace(one, begin_ns=one.begin_ns + 60 * SECOND))
    return scenario.evidence()


@planted("change order", "after")
def an_expiry_that_comes_twice(scenario: Scenario) -> Evidence:
    one = scenario.operations[heard(scenario, EXPIRED)[0]]
    scenario.operations.append(replace(one, begin_ns=one.begin_ns + 60 * SECOND))
    return scenario.evidence()


@planted("deletions", "before its consent ended")
def a_deletion_before_the_end(scenario: Scenario) -> Evidence:
    scenario.confirm(scenario.grant())
    return scenario.evidence()


@planted("deletions", "not by the grantee")
def a_deletion_by_another_member(scenario: Scenario) -> Evidence:
    consent = scenario.grant()
    scenario.change("revoke", consent)
    scenario.confirm(consent, "lender-2")
    return scenario.evidence()


@planted("deletions", "is confirmed already")
def a_deletion_that_is_confirmed_twice(scenario: Scenario) -> Evidence:
    consent = scenario.grant()
    scenario.change("revoke", consent)
    for _ in range(2):
        scenario.confirm(consent)
    return scenario.evidence()
