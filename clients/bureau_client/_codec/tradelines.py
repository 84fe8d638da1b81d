"""Reads the contract's tradelines into the SDK's."""

from __future__ import annotations

from bureau_client._codec.scalars import day_of, moment_or_none, month_of
from bureau_client.models.codes import (
    AccountStatus,
    ActionReason,
    Classification,
    CloseReason,
    ComplianceCondition,
    FacilityActionKind,
    Initiator,
    PartyRole,
    PortfolioType,
    StaleReason,
)
from bureau_client.models.months import Month
from bureau_client.models.records import RecordRef
from bureau_client.models.tradelines import PaymentHistory, Tradeline, TradelineAction
from creditbureau.v1 import record_pb2, report_pb2


def read_tradeline(message: report_pb2.Tradeline) -> Tradeline:
    """Read a tradeline.

    Raises:
        ValueError: The tradeline has a day or month that does not exist.
    """
    return Tradeline(
        tradeline_id=message.tradeline_id,
        member_id=message.member_id,
        role=PartyRole(message.role),
        portfolio_type=PortfolioType(message.portfolio_type),
        account_type=message.account_type,
        currency=message.currency,
        open_date=day_of(message.open_date),
        credit_limit_minor=(
            message.credit_limit_minor if message.HasField("credit_limit_minor") else None
        ),
        original_amount_minor=(
            message.original_amount_minor if message.HasField("original_amount_minor") else None
        ),
        term_months=message.term_months,
        secured=message.secured,
        month=month_of(message.month),
        status=AccountStatus(message.status),
        balance_minor=message.balance_minor,
        amount_due_minor=message.amount_due_minor,
        amount_paid_minor=message.amount_paid_minor,
        amount_past_due_minor=message.amount_past_due_minor,
        days_past_due=message.days_past_due,
        close_date=day_of(message.close_date),
        close_reason=CloseReason(message.close_reason),
        first_delinquency_date=day_of(message.first_delinquency_date),
        classification=Classification(message.classification),
        compliance_condition=ComplianceCondition(message.compliance_condition),
        restructured=message.restructured,
        history=_history(message.history) if message.HasField("history") else None,
        record=read_reference(message.record) if message.HasField("record") else None,
        actions=tuple(map(_action, message.actions)),
        party_count=message.party_count,
        original_creditor=message.original_creditor,
        sold_month=month_of(message.sold_month),
        stale=StaleReason(message.stale),
    )


def _history(message: report_pb2.PaymentHistory) -> PaymentHistory | None:
    if not message.profile:
        return None
    return PaymentHistory(
        newest_month=Month.from_number(message.newest_month),
        profile=message.profile,
        balance_minor=tuple(message.balance_minor),
        amount_due_minor=tuple(message.amount_due_minor),
        amount_paid_minor=tuple(message.amount_paid_minor),
        amount_past_due_minor=tuple(message.amount_past_due_minor),
    )


def _action(message: report_pb2.TradelineAction) -> TradelineAction:
    return TradelineAction(
        kind=FacilityActionKind(message.kind),
        initiator=Initiator(message.initiator),
        reasons=tuple(map(ActionReason, message.reasons)),
        effective_time=moment_or_none(message.effective_time),
        review_by_date=day_of(message.review_by_date),
        appeal_route=message.appeal_route,
        record=read_reference(message.record) if message.HasField("record") else None,
        credit_limit_minor=(
            message.credit_limit_minor if message.HasField("credit_limit_minor") else None
        ),
        record_refs=tuple(map(read_reference, message.record_refs)),
        new_member_id=message.new_member_id,
    )


def read_reference(message: record_pb2.RecordRef) -> RecordRef:
    """Read a reference to a record."""
    return RecordRef(message.submission_id, message.record_index)
