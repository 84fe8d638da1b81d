"""The records that the lenders of the story report."""

from __future__ import annotations

from datetime import date
from typing import Any

from bureau_client import AccountStatus, Month, Party, PortfolioType, Snapshot
from tests.demo.frozen_line.story import CARD_BALANCE, CARD_LIMIT, CASH_BALANCE, CASH_LIMIT
from tests.demo.frozen_line.timeline import CURRENCY

CARD_REF, CASH_REF = "card-4711", "loan-0815"
JANUARY, FEBRUARY, MARCH, APRIL = (Month(2026, number) for number in range(1, 5))
DUE = 60_00
STATUSES = {
    0: AccountStatus.CURRENT,
    30: AccountStatus.PAST_DUE_30,
    60: AccountStatus.PAST_DUE_60,
}


def card(subject_id: str, month: Month) -> Snapshot:
    """Return a month of the revolving line."""
    return _line(
        subject_id,
        CARD_REF,
        month,
        portfolio_type=PortfolioType.REVOLVING,
        account_type="18",
        balance_minor=CARD_BALANCE,
        credit_limit_minor=CARD_LIMIT,
    )


def cash(subject_id: str, month: Month, days: int = 0) -> Snapshot:
    """Return a month of the cash loan, so many days past due: 0, 30 or 60."""
    return _line(
        subject_id,
        CASH_REF,
        month,
        portfolio_type=PortfolioType.LINE_OF_CREDIT,
        account_type="15",
        balance_minor=CASH_BALANCE,
        credit_limit_minor=CASH_LIMIT,
        status=STATUSES[days],
        days_past_due=days,
        payments_missed=days // 30,
        amount_past_due_minor=days // 30 * DUE,
    )


def loan(subject_id: str, amount_minor: int) -> Snapshot:
    """Return the first month of the third lender's loan."""
    return _line(
        subject_id,
        "loan-1",
        APRIL,
        portfolio_type=PortfolioType.INSTALMENT,
        account_type="01",
        open_date=date(2026, 4, 28),
        balance_minor=amount_minor,
        original_amount_minor=amount_minor,
        term_months=24,
    )


def _line(subject_id: str, account_ref: str, month: Month, **fields: Any) -> Snapshot:
    common: dict[str, Any] = {"open_date": date(2023, 5, 2), "status": AccountStatus.CURRENT}
    return Snapshot(
        account_ref=account_ref,
        month=month,
        parties=(Party(subject_id),),
        currency=CURRENCY,
        amount_due_minor=DUE,
        **(common | fields),
    )
