"""Alerts that follow from more of a file than the accounts of the batch."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from bureau_client import (
    AccountStatus,
    AlertKind,
    Deletion,
    DeletionReason,
    DisputeReason,
    Month,
    PortfolioType,
)
from tests.service.due_alerts import alerted
from tests.service.scenario import (
    AUTUMN_2026,
    DAY,
    Scenario,
    account,
    clock_of,
    open_scenario,
)
from tests.service.test_lives_retention import MISSED_MONTH, Life, S, life
from tests.service.test_sales import BOUGHT, GONE, LOST, ref_of, sell
from tests.service.watching import monitor

MARCH, APRIL = Month(2027, 3), Month(2027, 4)
LATE: dict[str, Any] = {"status": AccountStatus.PAST_DUE_60, "days_past_due": 65}
FROZEN: dict[str, Any] = {"special_comment": "AP"}


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    """Lenders that joined more than 180 days ago: they see of others what they furnish."""
    names = ("acme", "brook", "cedar", "collector")
    with open_scenario(*names, database_url=database_url, clock=clock_of(AUTUMN_2026)) as scenario:
        scenario.later(181 * DAY)
        person = scenario.person()
        scenario.submit("cedar", account(person, "card", APRIL))
        scenario.submit("collector", account(person, "card", APRIL, **LATE))
        yield scenario


def test_a_line_in_default_diverges_for_those_who_see_only_defaults(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", APRIL, **LATE, **FROZEN))
    scenario.submit("brook", account(person, "card", MARCH))
    monitor(person, "collector")
    assert alerted(scenario, person, "brook", account(person, "card", APRIL, **LATE)) == [
        AlertKind.FIRST_DELINQUENCY,
        AlertKind.DIVERGENCE,
    ]


def test_a_line_diverges_once_it_is_of_the_kind_that_a_consent_opens(scenario: Scenario) -> None:
    person = scenario.person()
    line = {"portfolio_type": PortfolioType.LINE_OF_CREDIT, "account_type": "15"}
    scenario.submit("acme", account(person, "card", APRIL, **FROZEN))
    scenario.submit("brook", account(person, "card", MARCH, **line))
    monitor(person, "cedar", portfolio_types=[PortfolioType.REVOLVING])
    assert alerted(scenario, person, "brook", account(person, "card", APRIL)) == [
        AlertKind.DIVERGENCE
    ]


def test_an_account_that_a_dispute_withdraws_is_not_told_about(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MARCH))
    monitor(person, "cedar")
    (line,) = person.file().tradelines
    person.dispute(line.tradeline_id, field="balance_minor", reason=DisputeReason.WRONG_AMOUNT)
    scenario.later(31 * DAY)
    late = account(person, "card", APRIL, certified=True, **LATE)
    assert alerted(scenario, person, "acme", late) == []


def sold_account_deleted(debt: Life) -> list[AlertKind]:
    """The alerts when the seller deletes all that it furnished of a debt."""
    debt.scenario.lender("reader")
    monitor(debt.person, "reader")
    gone = Deletion(account_ref=ref_of(debt, "loan"), reason=DeletionReason.INACCURATE, month=None)
    return alerted(debt.scenario, debt.person, "acme", gone)


def test_what_a_deleted_sale_made_obsolete_is_told_again() -> None:
    """The buyer's line has its own date, and comes back to reports."""
    bought = BOUGHT | {"first_delinquency_date": None}
    with life(start=date(2018, 10, 5)) as debt:
        debt.submit("acme", *debt.late("loan", MISSED_MONTH, LOST))
        debt.submit("acme", debt.month("loan", Month(2018, 9), S.CHARGE_OFF))
        sell(debt, "acme", "loan", "collector", "bought")
        debt.submit("collector", debt.month("bought", Month(2018, 9), S.COLLECTION, **bought))
        debt.move_to(GONE)
        assert debt.report().tradelines == ()
        assert AlertKind.NEW_TRADELINE in sold_account_deleted(debt)


def test_what_a_sale_ended_is_not_told_when_the_account_is_deleted() -> None:
    """China: the seller's delinquency ended with the buyer's, and is reported no more."""
    sold = date(2018, 5, 20)
    bought = BOUGHT | {
        "first_delinquency_date": None,
        "amount_past_due_minor": 0,
        "open_date": sold,
    }
    with life("CN", start=date(2018, 10, 5)) as debt:
        debt.submit("acme", *debt.late("loan", MISSED_MONTH, LOST[:4]))
        sell(debt, "acme", "loan", "collector", "bought", sold)
        debt.submit("collector", debt.month("bought", Month(2018, 6), S.CURRENT, **bought))
        debt.move_to(date(2024, 2, 5))
        assert sold_account_deleted(debt) == []
