"""A row of a file as the record that its lender signs, and back without loss. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from bureau_client import AccountStatus, CloseReason, PartyRole, PortfolioType, Snapshot
from bureau_client.study.creforge_accounts import (
    BUCKETS,
    CLOSE_REASONS,
    ENDS,
    PRODUCTS,
    ROLES,
    CreforgeMonth,
)
from creditbureau.v1.record_pb2 import Record, TradelineSnapshot
from tests.reconcile.inbox import Inbox, Row

PRODUCT_OF = {
    (portfolio, account_type): name for name, (portfolio, account_type) in PRODUCTS.items()
}
BUCKET_OF = {days: name for name, (_, days) in BUCKETS.items()}
END_OF = {status: name for name, status in ENDS.items()}
CLOSE_REASON_OF = {reason: name for name, reason in CLOSE_REASONS.items()}


def snapshot_of(row: Row, inbox: Inbox, subject_of: Mapping[str, str]) -> Snapshot:
    """What a lender signs of a row.

    Args:
        subject_of: Subject ids of creforge's people.
    """
    return CreforgeMonth(row, row, inbox.parties[row["account_id"]]).snapshot(dict(subject_of))


def row_of(record: Record, member_id: str, person_of: Mapping[str, str]) -> Row:
    """The row that a record was made of.

    Args:
        member_id: The lender that signed it.
        person_of: creforge's people by their subject ids.
    """
    said = record.snapshot
    (owner,) = [party for party in said.parties if PartyRole(party.role) is ROLES["primary"]]
    return {
        "account_id": record.account_ref,
        "as_of_month": date(said.month // 100, said.month % 100, 1),
        "subject_id": person_of[owner.subject_id],
        "inquiry_id": said.application_ref or None,
        "lender_id": f"L{member_id.removeprefix('lender-')}",
        "product_type": PRODUCT_OF[PortfolioType(said.portfolio_type), said.account_type],
        "open_date": _day(said.open_date),
        "credit_limit": _amount(said.credit_limit_minor)
        if said.HasField("credit_limit_minor")
        else None,
        "principal": _amount(said.original_amount_minor)
        if said.HasField("original_amount_minor")
        else None,
        "tenor_months": said.term_months or None,
        "interest_rate": said.interest_rate_ppm / 1_000_000,
        "secured": said.secured,
        "close_date": _day(said.close_date),
        "close_reason": CLOSE_REASON_OF.get(CloseReason(said.close_reason)),
        "balance": _amount(said.balance_minor),
        "amount_due": _amount(said.amount_due_minor),
        "amount_paid": _amount(said.amount_paid_minor),
        "dpd_bucket": BUCKET_OF[said.days_past_due],
        "months_in_arrears": said.payments_missed,
        "status": _status(said),
    }


def _status(said: TradelineSnapshot) -> str:
    if ended := END_OF.get(AccountStatus(said.status)):
        return ended
    if said.restructured:
        return "restructured"
    return "delinquent" if said.days_past_due else "current"


def _amount(minor: int) -> Decimal:
    return Decimal(minor).scaleb(-2)


def _day(yyyymmdd: int) -> date | None:
    if not yyyymmdd:
        return None
    return date(yyyymmdd // 10000, yyyymmdd // 100 % 100, yyyymmdd % 100)
