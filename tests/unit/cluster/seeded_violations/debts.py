"""Debts that count twice or get other dates when sold, and accounts that nobody reports."""

from __future__ import annotations

from dataclasses import replace

from creditbureau.v1.members_pb2 import MEMBER_STATE_SUSPENDED, MemberStateChange
from tests.cluster.auditor import Evidence
from tests.cluster.history import Operation
from tests.unit.cluster.scenario import DEBTOR, Scenario
from tests.unit.cluster.seeded_violations.seeding import change, planted, with_database


def reported(scenario: Scenario) -> Operation:
    """A report on the person with debts."""
    scenario.subject = DEBTOR
    return scenario.query(scenario.grant())


@planted("sales", "which was sold in 202701")
def a_sold_line_that_does_not_end(scenario: Scenario) -> Evidence:
    query = reported(scenario)
    change(scenario, query, about=query.about | {"sold": {}})
    return scenario.evidence()


@planted("sales", "which was sold in 0")
def a_line_that_ends_unsold(scenario: Scenario) -> Evidence:
    query = reported(scenario)
    ended = {scenario.accounts["bought"]: 202701}
    change(scenario, query, about=query.about | {"sold": query.about["sold"] | ended})
    return scenario.evidence()


@planted("totals", "counts 2 accounts")
def a_debt_that_counts_twice(scenario: Scenario) -> Evidence:
    query = reported(scenario)
    totals = {"open": 2, "balances": {"USD": 100_00}}
    change(scenario, query, about=query.about | {"totals": totals})
    return scenario.evidence()


@planted("totals", "of which 1 are open with {'USD': 5000}")
def a_stale_balance_that_counts(scenario: Scenario) -> Evidence:
    query = reported(scenario)
    totals = {"open": 1, "balances": {"USD": 150_00}}
    change(scenario, query, about=query.about | {"totals": totals})
    return scenario.evidence()


@planted("sale dates", "dates the first delinquency 20261105")
def a_buyer_that_dates_it_later(scenario: Scenario) -> Evidence:
    scenario.subject = DEBTOR
    scenario.furnish("bought", "lender-2", balance_minor=50_00, first_delinquency=20261105)
    return scenario.evidence()


@planted("stale", "as reported, which is not")
def an_account_that_is_not_marked(scenario: Scenario) -> Evidence:
    query = reported(scenario)
    change(scenario, query, about=query.about | {"stale": []})
    return scenario.evidence()


@planted("stale", "as stale, which is reported")
def an_account_that_is_marked_and_reported(scenario: Scenario) -> Evidence:
    query = reported(scenario)
    marked = [*query.about["stale"], scenario.accounts["bought"]]
    change(scenario, query, about=query.about | {"stale": marked})
    return scenario.evidence()


@planted("stale", "as reported, which is not")
def an_account_of_a_member_that_may_not_furnish(scenario: Scenario) -> Evidence:
    statement = MemberStateChange(member_id="lender-2", state=MEMBER_STATE_SUSPENDED)
    scenario.say("operator", "suspend", "member-state", statement, "members/operator")
    reported(scenario)
    return scenario.evidence()


@planted("stale", "as reported, which is not")
def an_account_whose_last_months_are_not_there(scenario: Scenario) -> Evidence:
    reported(scenario)
    evidence = scenario.evidence()
    records = [
        one._replace(month=202605) if one.account_ref == "bought" else one
        for one in evidence.databases[0].records
    ]
    return with_database(evidence, records=records)


@planted("sales", "which was sold in 0")
def a_sale_that_nobody_reported(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    databases = [replace(one, actions=[]) for one in evidence.databases]
    return replace(evidence, databases=databases)
