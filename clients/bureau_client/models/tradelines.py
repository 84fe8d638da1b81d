"""Facilities in reports, with their payment histories."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

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
from bureau_keys.collateral import is_secured
from bureau_keys.liability import owes


@dataclass(frozen=True, slots=True)
class HistoryMonth:
    """One month of a payment history; `status` is a Metro 2 profile character."""

    month: Month
    status: str
    balance_minor: int
    amount_due_minor: int
    amount_paid_minor: int
    amount_past_due_minor: int


@dataclass(frozen=True, slots=True)
class PaymentHistory:
    """Payment history by columns; index 0 is the newest month.

    Attributes:
        profile: One character a month: 0 current, 1–6 past due 30–180 days, B
            before opening, D no data, E zero balance and current, G collection,
            H foreclosure, J surrender, K repossession, L charge-off.
    """

    newest_month: Month
    profile: str
    balance_minor: tuple[int, ...]
    amount_due_minor: tuple[int, ...]
    amount_paid_minor: tuple[int, ...]
    amount_past_due_minor: tuple[int, ...]

    def months(self) -> tuple[HistoryMonth, ...]:
        """Return the history month by month, newest first."""
        columns = (
            self.balance_minor,
            self.amount_due_minor,
            self.amount_paid_minor,
            self.amount_past_due_minor,
        )
        return tuple(
            HistoryMonth(
                self.newest_month - back,
                status,
                *(column[back] if back < len(column) else 0 for column in columns),
            )
            for back, status in enumerate(self.profile)
        )


@dataclass(frozen=True, slots=True)
class TradelineAction:
    """A facility action in a report.

    Attributes:
        record: The record of the action.
        record_refs: The records that support the reasons.
        new_member_id: Receiving member, for TRANSFER.
    """

    kind: FacilityActionKind
    initiator: Initiator
    reasons: tuple[ActionReason, ...]
    effective_time: datetime | None
    review_by_date: date | None
    appeal_route: str
    record: RecordRef | None
    credit_limit_minor: int | None = None
    record_refs: tuple[RecordRef, ...] = ()
    new_member_id: str = ""


# The actions that freeze a line, and that end a freeze.
_OF_FREEZES = (
    FacilityActionKind.FREEZE,
    FacilityActionKind.RESTORE,
    FacilityActionKind.CLOSE,
    FacilityActionKind.CHARGE_OFF,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tradeline:
    """One facility, as reported by one furnisher.

    Attributes:
        tradeline_id: Id of the tradeline, stable through the account's life; reveals nothing of
            the account number.
        member_id: The furnisher.
        role: The subject's role on the account.
        month: Newest month reported; the figures are as of its end.
        history: Payment history; None if the consent does not open it.
        record: The record of the newest month.
        actions: Facility actions, newest first.
        secured: True if the furnisher says that a collateral secures the account.
        party_count: Number of persons on the account.
        original_creditor: Name of the original creditor of a purchased account.
        sold_month: Month in which the account was sold, by a TRANSFER among the actions; since
            then the line owes nothing. None if it was not sold.
        stale: Reason why an open account is no longer reported: `month` says what was, not what
            is. UNSPECIFIED for an account that is reported, and for one that has ended.
    """

    tradeline_id: str
    member_id: str
    role: PartyRole
    portfolio_type: PortfolioType
    account_type: str
    currency: str
    open_date: date | None
    credit_limit_minor: int | None
    original_amount_minor: int | None
    term_months: int
    secured: bool
    month: Month | None
    status: AccountStatus
    balance_minor: int
    amount_due_minor: int
    amount_paid_minor: int
    amount_past_due_minor: int
    days_past_due: int
    close_date: date | None
    close_reason: CloseReason
    first_delinquency_date: date | None
    classification: Classification
    compliance_condition: ComplianceCondition
    restructured: bool
    history: PaymentHistory | None
    record: RecordRef | None
    actions: tuple[TradelineAction, ...]
    party_count: int
    original_creditor: str
    sold_month: Month | None = None
    stale: StaleReason = StaleReason.UNSPECIFIED

    @property
    def is_secured(self) -> bool:
        """True for an account that a collateral secures, by `secured` or by its kind: a mortgage,
        or an account type that names a collateral. Figures and standings count by it.
        """
        return is_secured(self)

    @property
    def is_owed(self) -> bool:
        """True for a debt of the person's own, alone or with others; False for one that the
        person guarantees, and for one that is another's.
        """
        return owes(self.role)

    @property
    def freeze(self) -> TradelineAction | None:
        """The freeze that is in force; None for a line that is not frozen, or has ended."""
        if self.close_date or self.sold_month:
            return None
        newest = next((action for action in self.actions if action.kind in _OF_FREEZES), None)
        return newest if newest and newest.kind is FacilityActionKind.FREEZE else None
