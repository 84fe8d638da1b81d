"""The report of the plain service: the summary and histories that the bureau computes of the same
records. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import BaseModel

from tests.bench.plain_service.tables import Account, AccountMonth

# Months of a payment history, from the newest month that was reported.
HISTORY_MONTHS = 24
# An account whose newest month is older is stale: the bureau's rule for the United States.
STALE_MONTHS = 6
REVOLVING = 5
# Payment history characters by status, less one; NO_DATA for a month that was not reported.
PROFILE = "0123456"
NO_DATA = "D"


class History(BaseModel):
    """The months of an account, newest first."""

    newest_month: int
    profile: str
    balance_minor: list[int]
    amount_due_minor: list[int]
    amount_paid_minor: list[int]
    amount_past_due_minor: list[int]


class Tradeline(BaseModel):
    """An account as its newest month shows it, with its history.

    Attributes:
        unreported: Months since the newest one, of a stale account; 0 otherwise.
    """

    account_id: int
    lender: str
    portfolio_type: int
    account_type: str
    currency: str
    open_date: int
    term_months: int
    interest_rate_ppm: int
    credit_limit_minor: int
    original_amount_minor: int
    month: int
    status: int
    balance_minor: int
    amount_due_minor: int
    amount_paid_minor: int
    amount_past_due_minor: int
    days_past_due: int
    classification: int
    unreported: int
    history: History


class CurrencyTotal(BaseModel):
    """Sums over the open accounts in one currency, less stale ones."""

    currency: str
    balance_minor: int
    credit_limit_minor: int
    amount_past_due_minor: int
    amount_due_minor: int
    utilisation_per_mille: int
    stale_balance_minor: int


class Summary(BaseModel):
    """The figures that a lender looks at first."""

    tradeline_count: int
    open_tradeline_count: int
    furnisher_count: int
    delinquent_tradeline_count: int
    worst_status_24m: str
    oldest_open_date: int
    inquiry_count_6m: int
    totals: list[CurrencyTotal]
    lending_line_count: int
    stale_tradeline_count: int


class Report(BaseModel):
    """The answer to an inquiry."""

    subject_id: str
    summary: Summary
    tradelines: list[Tradeline]


class File(NamedTuple):
    """An account with its months, newest first."""

    account: Account
    months: Sequence[AccountMonth]


def build_report(
    subject_id: str, files: Sequence[File], inquiry_count: int, this_month: int
) -> Report:
    """Build the report on a person's accounts.

    Args:
        inquiry_count: Inquiries of the last half-year that count.
        this_month: yyyymm.
    """
    tradelines = [_tradeline(file, this_month) for file in files]
    return Report(
        subject_id=subject_id,
        summary=_summary(tradelines, inquiry_count),
        tradelines=tradelines,
    )


def _tradeline(file: File, this_month: int) -> Tradeline:
    account, newest = file.account, file.months[0]
    age = _number(this_month) - _number(newest.month)
    assert account.id is not None
    return Tradeline(
        account_id=account.id,
        lender=account.lender,
        portfolio_type=account.portfolio_type,
        account_type=account.account_type,
        currency=account.currency,
        open_date=account.open_date,
        term_months=account.term_months,
        interest_rate_ppm=account.interest_rate_ppm,
        credit_limit_minor=account.credit_limit_minor,
        original_amount_minor=account.original_amount_minor,
        month=newest.month,
        status=newest.status,
        balance_minor=newest.balance_minor,
        amount_due_minor=newest.amount_due_minor,
        amount_paid_minor=newest.amount_paid_minor,
        amount_past_due_minor=newest.amount_past_due_minor,
        days_past_due=newest.days_past_due,
        classification=newest.classification,
        unreported=age if age > STALE_MONTHS else 0,
        history=_history(file.months),
    )


def _history(months: Sequence[AccountMonth]) -> History:
    newest = _number(months[0].month)
    ages = {newest - _number(month.month): month for month in months}
    shown = [ages.get(age) for age in range(min(max(ages) + 1, HISTORY_MONTHS))]
    return History(
        newest_month=months[0].month,
        profile="".join(PROFILE[month.status - 1] if month else NO_DATA for month in shown),
        balance_minor=[month.balance_minor if month else 0 for month in shown],
        amount_due_minor=[month.amount_due_minor if month else 0 for month in shown],
        amount_paid_minor=[month.amount_paid_minor if month else 0 for month in shown],
        amount_past_due_minor=[month.amount_past_due_minor if month else 0 for month in shown],
    )


def _summary(tradelines: Sequence[Tradeline], inquiry_count: int) -> Summary:
    current = [line for line in tradelines if not line.unreported]
    recent = "".join(
        line.history.profile[: max(HISTORY_MONTHS - line.unreported, 0)] for line in tradelines
    )
    return Summary(
        tradeline_count=len(tradelines),
        open_tradeline_count=len(current),
        furnisher_count=len({line.lender for line in tradelines}),
        delinquent_tradeline_count=sum(line.status > 1 for line in current),
        worst_status_24m=max(recent.replace(NO_DATA, ""), default=""),
        oldest_open_date=min((line.open_date for line in tradelines), default=0),
        inquiry_count_6m=inquiry_count,
        totals=[
            _total(currency, [line for line in tradelines if line.currency == currency])
            for currency in sorted({line.currency for line in tradelines})
        ],
        lending_line_count=sum(line.portfolio_type == REVOLVING for line in current),
        stale_tradeline_count=len(tradelines) - len(current),
    )


def _total(currency: str, tradelines: Sequence[Tradeline]) -> CurrencyTotal:
    current = [line for line in tradelines if not line.unreported]
    limit = sum(line.credit_limit_minor for line in current)
    drawn = sum(max(line.balance_minor, 0) for line in current if line.credit_limit_minor)
    return CurrencyTotal(
        currency=currency,
        balance_minor=sum(max(line.balance_minor, 0) for line in current),
        credit_limit_minor=limit,
        amount_past_due_minor=sum(line.amount_past_due_minor for line in current),
        amount_due_minor=sum(line.amount_due_minor for line in current),
        utilisation_per_mille=drawn * 1000 // limit if limit else -1,
        stale_balance_minor=sum(
            max(line.balance_minor, 0) for line in tradelines if line.unreported
        ),
    )


def _number(month: int) -> int:
    """Number a month (yyyymm), so that months can be subtracted."""
    return month // 100 * 12 + month % 100
