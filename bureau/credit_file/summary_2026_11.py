"""The summary as version 2026-11 of reports had it: retired, kept for the replay of its
reports.

Its months counted back from the month of the inquiry, a credit balance reduced what was owed
to others, and the reader's own inquiries counted.
"""

from __future__ import annotations

from bureau.calendar import DAY_US, month_of, months_between
from bureau.credit_file.facility_state import is_drawable, is_frozen, is_open
from bureau.credit_file.filed import CreditFile, FiledTradeline
from bureau.credit_file.history import DELINQUENT, SEVERITY, SILENT
from creditbureau.v1.report_pb2 import CurrencyTotal, PaymentHistory, Summary

# Limits of the fields; larger sums are reported as the limit.
INT32_MAX, INT64_MAX = (1 << 31) - 1, (1 << 63) - 1
HALF_YEAR_US = 183 * DAY_US


def summary_of(file: CreditFile, _: str) -> Summary:
    """Compute the summary of a credit file."""
    lines, inquiries, now_us = file.tradelines, file.inquiries, file.now_us
    open_lines = [line for line in lines if is_open(line)]
    drawable = [line for line in open_lines if is_drawable(line)]
    frozen = sum(map(is_frozen, drawable))
    this_month = month_of(now_us)
    recent = {
        character for line in lines for character in _last_months(line.history, 24, this_month)
    }
    since_us = now_us - HALF_YEAR_US
    return Summary(
        tradeline_count=len(lines),
        open_tradeline_count=len(open_lines),
        furnisher_count=len({line.member_id for line in lines}),
        delinquent_tradeline_count=sum(line.history.profile[0] in DELINQUENT for line in lines),
        worst_status_24m=max(recent - SILENT, key=SEVERITY.find, default=""),
        oldest_open_date=min((line.snapshot.open_date for line in lines), default=0),
        inquiry_count_6m=sum(inquiry.create_us >= since_us for inquiry in inquiries),
        totals=_totals(open_lines, drawable),
        frozen_line_count=frozen,
        lending_line_count=len(drawable) - frozen,
    )


def _last_months(history: PaymentHistory, months: int, this_month: int) -> str:
    """Return the characters of the last calendar months, the present one (yyyymm) included."""
    lag = months_between(history.newest_month, this_month)
    return history.profile[max(-lag, 0) : max(months - lag, 0)]


def _totals(
    open_lines: list[FiledTradeline], drawable: list[FiledTradeline]
) -> list[CurrencyTotal]:
    """Sum the open tradelines of each currency, in order of the currency's code.

    Limits are those of the drawable lines only.
    """
    totals = []
    for currency in sorted({line.snapshot.currency for line in open_lines}):
        balance = past_due = due = unsecured = limit = drawn = 0
        for line in open_lines:
            snapshot = line.snapshot
            if snapshot.currency != currency:
                continue
            owed = snapshot.balance_minor
            balance += owed
            past_due += snapshot.amount_past_due_minor
            due += snapshot.amount_due_minor
            unsecured += 0 if snapshot.secured else owed
        for snapshot in (line.snapshot for line in drawable):
            if snapshot.currency == currency and snapshot.credit_limit_minor > 0:
                limit += snapshot.credit_limit_minor
                drawn += max(snapshot.balance_minor, 0)
        totals.append(
            CurrencyTotal(
                currency=currency,
                balance_minor=_fitting(balance),
                credit_limit_minor=_fitting(limit),
                amount_past_due_minor=_fitting(past_due),
                amount_due_minor=_fitting(due),
                unsecured_balance_minor=_fitting(unsecured),
                utilisation_per_mille=min(drawn * 1000 // limit, INT32_MAX) if limit else -1,
            )
        )
    return totals


def _fitting(amount: int) -> int:
    return max(-INT64_MAX, min(amount, INT64_MAX))
