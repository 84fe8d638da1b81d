"""The summary of a report: the figures that a person looks at first. Pure.

It is computed from the view that attributes are computed from, so the two agree.
"""

from __future__ import annotations

from collections.abc import Iterator

from bureau.credit_file.attributes.view import View
from bureau.credit_file.filed import CreditFile
from bureau.credit_file.history import DELINQUENT, SEVERITY, SILENT
from creditbureau.v1.report_pb2 import CurrencyTotal, Summary

# Limits of the fields; larger sums are reported as the limit.
INT32_MAX, INT64_MAX = (1 << 31) - 1, (1 << 63) - 1
# Days in which inquiries count, and months of each tradeline in which the worst status counts.
INQUIRY_DAYS, STATUS_MONTHS = 183, 24


def summary_of(file: CreditFile, reader: str) -> Summary:
    """Compute the summary of a credit file.

    Args:
        reader: Member id of the reader; empty for the subject.
    """
    view = View.of(file, reader)
    lines = [*view.lines, *view.others]
    drawable = [line for line in view.lines if line.is_drawable]
    frozen = sum(line.is_frozen for line in drawable)
    recent = set("".join(line.profile[:STATUS_MONTHS] for line in view.lines))
    since_us = view.since_us(INQUIRY_DAYS)
    return Summary(
        tradeline_count=len(lines),
        open_tradeline_count=len(view.open),
        furnisher_count=len({line.member_id for line in lines}),
        delinquent_tradeline_count=sum(
            line.profile[0] in DELINQUENT for line in view.lines if not line.is_sold
        ),
        worst_status_24m=max(recent - SILENT, key=SEVERITY.find, default=""),
        oldest_open_date=min((line.snapshot.open_date for line in view.lines), default=0),
        inquiry_count_6m=sum(inquiry.create_us >= since_us for inquiry in view.counted),
        totals=_totals(view),
        frozen_line_count=frozen,
        lending_line_count=len(drawable) - frozen,
        guaranteed_tradeline_count=len(view.guaranteed),
        not_owed_tradeline_count=len(view.not_owed),
        stale_tradeline_count=len(view.stale),
    )


def _totals(view: View) -> Iterator[CurrencyTotal]:
    """Sum the open tradelines of each currency, in order of the currency's code.

    Limits are those of the drawable lines only.
    """
    for currency, part in view.by_currency().items():
        lines, stale = part.open, part.stale
        guaranteed = [line for line in part.guaranteed if line.is_open]
        if not (lines or stale or guaranteed):
            continue
        limit = sum(line.limit for line in lines)
        drawn = sum(line.drawn for line in lines if line.limit)
        unsecured = [line for line in lines if not line.is_secured]
        yield CurrencyTotal(
            currency=currency,
            balance_minor=_fitting(sum(line.drawn for line in lines)),
            credit_limit_minor=_fitting(limit),
            amount_past_due_minor=_fitting(sum(o.snapshot.amount_past_due_minor for o in lines)),
            amount_due_minor=_fitting(sum(line.snapshot.amount_due_minor for line in lines)),
            unsecured_balance_minor=_fitting(sum(line.drawn for line in unsecured)),
            utilisation_per_mille=min(drawn * 1000 // limit, INT32_MAX) if limit else -1,
            guaranteed_balance_minor=_fitting(sum(line.drawn for line in guaranteed)),
            stale_balance_minor=_fitting(sum(line.drawn for line in stale)),
        )


def _fitting(amount: int) -> int:
    return min(amount, INT64_MAX)
