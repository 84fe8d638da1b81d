"""Alerts that follow from more of a file than the accounts of the batch."""

from __future__ import annotations

from datetime import date

from bureau_client import AlertKind, Deletion, DeletionReason, Month
from tests.service.due_alerts import alerted
from tests.service.test_lives_retention import MISSED_MONTH, Life, S, life
from tests.service.test_sales import BOUGHT, GONE, LOST, ref_of, sell
from tests.service.watching import monitor


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
