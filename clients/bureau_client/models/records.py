"""Records that a furnisher submits: snapshots, facility actions, deletions.

Amounts are integers in minor units of the record's currency (cents, fen) and
say so in their names. Months are `Month`, days `datetime.date`, points in time
`datetime` with a time zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias

from bureau_client.models.codes import (
    AccountStatus,
    ActionReason,
    Classification,
    CloseReason,
    ComplianceCondition,
    DeletionReason,
    FacilityActionKind,
    Initiator,
    PartyRole,
    PortfolioType,
)
from bureau_client.models.months import Month


@dataclass(frozen=True, slots=True)
class Party:
    """One person on an account.

    Attributes:
        subject_id: 32 lower-case hex characters, from `Lender.subject_id`.
        role: The person's part in the account.
        start_date: Day on which the person joined the account; None for its opening.
    """

    subject_id: str
    role: PartyRole = PartyRole.INDIVIDUAL
    start_date: date | None = None


@dataclass(frozen=True, slots=True)
class RawCode:
    """A code in a file format's own spelling: `RawCode("metro2.account_status", "71")`."""

    scheme: str
    value: str


@dataclass(frozen=True, slots=True)
class RecordRef:
    """Reference to one record of one submission."""

    submission_id: str
    record_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An account at the end of a month.

    Attributes:
        account_ref: The furnisher's reference of the account, a token of 1–64
            visible ASCII characters; never the number on a card.
        month: Month of the figures; not in the future.
        parties: The persons on the account, 1–16; each needs a consent to furnish.
        account_type: Metro 2 account type, two characters: `18` credit card,
            `01` unsecured, `26` conventional mortgage, `00` auto.
        currency: ISO 4217; the same through the account's life.
        credit_limit_minor: Credit limit; None for a facility without one.
        original_amount_minor: Principal of an instalment loan, or the highest
            balance of a line.
        term_months: Term; 0 for a facility without one.
        interest_rate_ppm: Yearly rate in parts per million: 125000 is 12.5 %.
        balance_minor: Balance owed; negative if the lender owes the subject.
        amount_due_minor: Scheduled payment of the month.
        days_past_due: Days past due, or the lower bound of the bucket.
        payments_missed: Payments missed and not made up since.
        restructured: True if the terms were changed because the subject could not pay.
        first_delinquency_date: First day of the unbroken delinquency that led to the present
            status; the bureau refuses a date after the one on file.
        special_comment: Metro 2 special comment code, for example `M`.
        payment_rating: Metro 2 payment rating: 0–6, G, L, or empty.
        original_creditor: Name of the original creditor of a purchased account.
        application_ref: The furnisher's reference of the application.
        raw_codes: Codes in the spelling of the source file; at most 16.
        certified: True if the furnisher certifies again that the record is complete and
            accurate; required to bring back deleted data.
    """

    account_ref: str
    month: Month
    parties: tuple[Party, ...]
    portfolio_type: PortfolioType
    account_type: str
    currency: str
    open_date: date
    status: AccountStatus
    balance_minor: int
    credit_limit_minor: int | None = None
    original_amount_minor: int | None = None
    term_months: int = 0
    interest_rate_ppm: int = 0
    secured: bool = False
    amount_due_minor: int = 0
    amount_paid_minor: int = 0
    amount_past_due_minor: int = 0
    days_past_due: int = 0
    payments_missed: int = 0
    restructured: bool = False
    close_date: date | None = None
    close_reason: CloseReason = CloseReason.UNSPECIFIED
    first_delinquency_date: date | None = None
    last_payment_date: date | None = None
    charge_off_amount_minor: int = 0
    classification: Classification = Classification.UNSPECIFIED
    compliance_condition: ComplianceCondition = ComplianceCondition.UNSPECIFIED
    special_comment: str = ""
    payment_rating: str = ""
    original_creditor: str = ""
    application_ref: str = ""
    raw_codes: tuple[RawCode, ...] = ()
    certified: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FacilityAction:
    """An action of a lender on a facility between two month ends, with its reasons.

    Attributes:
        reasons: 1–4 reasons.
        record_refs: The records that support the reasons; at most 16.
        effective_time: Time of the action, with a time zone; not in the future.
        review_by_date: Day of the lender's next review; None if not given.
        appeal_route: Address for the subject's objections.
        credit_limit_minor: New limit, for LIMIT_CHANGE.
        new_account_ref: New reference of the account, for RENUMBER; the buyer's, for TRANSFER.
        new_member_id: Buyer, for TRANSFER; empty for one that is no member of the bureau.
    """

    account_ref: str
    kind: FacilityActionKind
    initiator: Initiator
    reasons: tuple[ActionReason, ...]
    effective_time: datetime
    record_refs: tuple[RecordRef, ...] = ()
    review_by_date: date | None = None
    appeal_route: str = ""
    credit_limit_minor: int | None = None
    new_account_ref: str = ""
    new_member_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """Withdrawal of an account, or of one month of it, from the credit file.

    Attributes:
        month: The withdrawn month; None for the whole account.
    """

    account_ref: str
    reason: DeletionReason
    month: Month | None = None


Record: TypeAlias = Snapshot | FacilityAction | Deletion
