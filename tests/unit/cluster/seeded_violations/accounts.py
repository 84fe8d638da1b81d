"""Corrections that are refused, accounts that are made worse, and deleted ones that return."""

from __future__ import annotations

from creditbureau.v1.record_pb2 import SubmissionManifest
from tests.cluster.auditor import Evidence
from tests.unit.cluster.scenario import DEBTOR, PERSON, Scenario
from tests.unit.cluster.seeded_violations.seeding import (
    change,
    planted,
    with_database,
    with_node,
)


def forbid(scenario: Scenario) -> None:
    """The person revokes every consent to furnish of the lender that repairs their account."""
    for one in list(scenario.operations):
        about = one.about
        is_of_theirs = (about.get("subject"), about.get("grantee")) == (PERSON, "lender-1")
        if one.kind == "grant" and is_of_theirs and about["actions"] == ["FURNISH"]:
            scenario.change("revoke", one)


@planted("corrections", "and was refused CONSENT_REQUIRED")
def a_correction_that_is_refused(scenario: Scenario) -> Evidence:
    scenario.refused(
        "lender-1",
        "submit",
        SubmissionManifest(record_count=1),
        "members/lender-1",
        "CONSENT_REQUIRED",
        repair="better",
    )
    return scenario.evidence()


@planted("no worse", "worse without a consent")
def more_owed_without_a_consent(scenario: Scenario) -> Evidence:
    forbid(scenario)
    scenario.repair("worse", balance_minor=110_00)
    return scenario.evidence()


@planted("no worse", "worse without a consent")
def an_account_that_is_new_without_a_consent(scenario: Scenario) -> Evidence:
    forbid(scenario)
    del scenario.accounts_of["repaired"][PERSON]
    scenario.repair("open")
    return scenario.evidence()


@planted("no worse", "worse without a consent")
def a_correction_that_makes_it_late(scenario: Scenario) -> Evidence:
    forbid(scenario)
    scenario.repair("worse")
    evidence = scenario.evidence()
    *records, last = evidence.databases[0].records
    return with_database(evidence, records=[*records, last._replace(days_past_due=60)])


@planted("returns", "was deleted, and returned uncertified")
def a_deleted_account_that_returns(scenario: Scenario) -> Evidence:
    scenario.repair("delete", deletes=True)
    scenario.repair("return uncertified")
    return scenario.evidence()


@planted("returns", "was deleted, and returned uncertified")
def a_deleted_account_that_returns_under_another_number(scenario: Scenario) -> Evidence:
    scenario.repair("delete", deletes=True)
    scenario.renumber(certified=False)
    return scenario.evidence()


@planted("returns", "was deleted, and returned uncertified")
def a_sold_and_deleted_account_that_its_buyer_brings_back(scenario: Scenario) -> Evidence:
    scenario.subject = DEBTOR
    scenario.furnish("other")
    scenario.sell("other", number="other bought")
    scenario.furnish("other", deletes=True)
    scenario.furnish("other bought", "lender-2")
    return scenario.evidence()


@planted("return notices", "node-1 has 0 notices")
def a_return_under_another_number_without_a_notice(scenario: Scenario) -> Evidence:
    scenario.repair("delete", deletes=True)
    scenario.renumber(notice=False)
    return scenario.evidence()


@planted("return notices", "node-1 has 0 notices")
def a_return_without_a_notice(scenario: Scenario) -> Evidence:
    return with_node(scenario.evidence(), returned={PERSON: []})


@planted("return notices", "of 1 returns of account")
def a_notice_that_is_given_twice(scenario: Scenario) -> Evidence:
    return with_node(scenario.evidence(), returned={PERSON: scenario.returned * 2})


@planted("accounts shown", "last furnished with 9000")
def a_correction_that_is_not_shown(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    file = evidence.nodes[0].files[PERSON]
    old = dict.fromkeys(file.balances, 100_00)
    return with_node(evidence, files={PERSON: file._replace(balances=old)})


@planted("accounts shown", "last furnished with None")
def a_deleted_account_in_a_file(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    file = evidence.nodes[0].files[PERSON]
    shown = {**file.balances, scenario.accounts["repaired"]: 90_00}
    scenario.repair("delete", deletes=True)
    evidence = scenario.evidence()
    file = evidence.nodes[0].files[PERSON]
    return with_node(evidence, files={PERSON: file._replace(balances=shown)})


@planted("deleted", "which is not on file")
def a_deleted_account_in_a_report(scenario: Scenario) -> Evidence:
    account = scenario.accounts["repaired"]
    scenario.repair("delete", deletes=True)
    one = scenario.query(scenario.grant())
    change(scenario, one, about=one.about | {"tradelines": [account]})
    return scenario.evidence()
