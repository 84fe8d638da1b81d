"""Frozen files that are read by those who hold no account, and not by those who do."""

from __future__ import annotations

from bureau_client import Purpose
from creditbureau.v1.codes_pb2 import PURPOSE_ACCOUNT_REVIEW
from creditbureau.v1.reporting_pb2 import Inquiry
from tests.cluster.auditor import Evidence
from tests.cluster.history import Operation
from tests.unit.cluster.scenario import FROZEN, Scenario
from tests.unit.cluster.seeded_violations.seeding import planted, with_database

HOLDER, OTHER = "lender-1", "lender-2"


def asked(scenario: Scenario, member: str, purpose: Purpose) -> Operation:
    """A report on a frozen file."""
    scenario.subject = FROZEN
    consent = scenario.grant(member, purpose=purpose)
    hold = scenario.freeze()
    query = scenario.query(consent, member)
    scenario.lift(hold)
    return query


@planted("freezes", "lender-1 holds no account that exempts")
def a_holder_that_asks_for_new_credit(scenario: Scenario) -> Evidence:
    asked(scenario, HOLDER, Purpose.CREDIT_APPLICATION)
    return scenario.evidence()


@planted("freezes", "lender-2 holds no account that exempts")
def a_review_of_an_account_that_another_holds(scenario: Scenario) -> Evidence:
    asked(scenario, OTHER, Purpose.ACCOUNT_REVIEW)
    return scenario.evidence()


@planted("freezes", "lender-2 holds no account that exempts")
def a_collection_of_a_debt_that_another_is_owed(scenario: Scenario) -> Evidence:
    asked(scenario, OTHER, Purpose.COLLECTION)
    return scenario.evidence()


@planted("freezes", "lender-1 holds no account that exempts")
def a_review_of_a_closed_account(scenario: Scenario) -> Evidence:
    asked(scenario, HOLDER, Purpose.ACCOUNT_REVIEW)
    evidence = scenario.evidence()
    closed = [
        one._replace(is_open=False) if FROZEN in one.people else one
        for one in evidence.databases[0].records
    ]
    return with_database(evidence, records=closed)


@planted("freezes", "lender-1 holds no account that exempts")
def a_review_of_a_deleted_account(scenario: Scenario) -> Evidence:
    scenario.subject = FROZEN
    scenario.repair("delete", deletes=True)
    asked(scenario, HOLDER, Purpose.ACCOUNT_REVIEW)
    return scenario.evidence()


@planted("reviews", "whose member has an open account")
def a_review_that_is_refused(scenario: Scenario) -> Evidence:
    scenario.subject = FROZEN
    consent = scenario.grant(purpose=Purpose.ACCOUNT_REVIEW)
    hold = scenario.freeze()
    scenario.refused(
        HOLDER,
        "query",
        Inquiry(purpose=PURPOSE_ACCOUNT_REVIEW),
        f"members/{HOLDER}",
        "HOLD",
        consent=consent.request_id,
        subject=FROZEN,
        purpose="ACCOUNT_REVIEW",
        member=HOLDER,
    )
    scenario.lift(hold)
    return scenario.evidence()
