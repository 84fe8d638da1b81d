"""Accounts that are blocked for identity theft, and are shown, sold, or given back."""

from __future__ import annotations

from tests.cluster.auditor import Evidence
from tests.unit.cluster.scenario import DEBTOR, Scenario
from tests.unit.cluster.seeded_violations.seeding import change, planted


@planted("blocked", "which is blocked for identity theft")
def a_report_that_shows_a_blocked_account(scenario: Scenario) -> Evidence:
    scenario.subject = DEBTOR
    scenario.furnish("other")
    scenario.theft("other")
    query = scenario.query(scenario.grant())
    lines = [*query.about["tradelines"], scenario.accounts["other"]]
    change(scenario, query, about=query.about | {"tradelines": lines})
    return scenario.evidence()


@planted("blocked", "which is blocked for identity theft")
def a_report_that_is_made_of_an_older_log(scenario: Scenario) -> Evidence:
    scenario.subject = DEBTOR
    scenario.furnish("other")
    size = len(scenario.entries)
    scenario.theft("other")
    query = scenario.query(scenario.grant())
    lines = [*query.about["tradelines"], scenario.accounts["other"]]
    about = query.about | {"tradelines": lines, "log_size": size}
    change(scenario, query, about=about)
    return scenario.evidence()


@planted("blocked sales", "was sold, although it was blocked")
def a_sale_of_a_blocked_account(scenario: Scenario) -> Evidence:
    scenario.subject = DEBTOR
    scenario.furnish("other")
    scenario.theft("other")
    scenario.sell("other")
    return scenario.evidence()


@planted("blocked sales", "was sold, although it was blocked")
def a_sale_of_what_was_deleted_for_a_theft(scenario: Scenario) -> Evidence:
    scenario.subject = DEBTOR
    scenario.furnish("other")
    theft, account = scenario.theft("other"), scenario.accounts["other"]
    scenario.answer(theft, "other", fraud=True)
    scenario.accounts["other"] = account
    scenario.sell("other")
    return scenario.evidence()


@planted("blocks end", "that certifies nothing")
def an_answer_that_certifies_nothing(scenario: Scenario) -> Evidence:
    scenario.subject = DEBTOR
    scenario.furnish("other")
    scenario.answer(scenario.theft("other"), "other", certified=False)
    return scenario.evidence()
