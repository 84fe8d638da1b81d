"""What a furnisher submits: snapshots, facility actions, deletions.

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
        start_date: When the person came onto the account; None: with its opening.
    """

    subject_id: str
    role: PartyRole = PartyRole.INDIVIDUAL
    start_date: date | None = None


@dataclass(frozen=True, slots=True)
class RawCode:
    """A code as a file format spells it: `RawCode("metro2.account_status", "71")`."""

    scheme: str
    value: str


@dataclass(frozen=True, slots=True)
class RecordRef:
    """Points at one record of one submission."""

    submission_id: str
    record_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One account at one month's end.

    Attributes:
        account_ref: The furnisher's reference of the account, a token of 1–64
            visible ASCII characters; never the number on a card.
        month: What month it is about; not in the future.
        parties: Everybody on the account, 1–16; each needs a consent to furnish.
        account_type: Metro 2 account type, two characters: `18` credit card,
            `01` unsecured, `26` conventional mortgage, `00` auto.
        currency: ISO 4217; the same through the account's life.
        credit_limit_minor: None where the facility has no limit.
        original_amount_minor: Principal of an instalment loan, or the highest
            balance of a line.
        term_months: 0 where the facility has no term.
        interest_rate_ppm: Yearly rate in parts per million: 125000 is 12.5 %.
        balance_minor: What is owed; negative where the lender owes the subject.
        amount_due_minor: Scheduled payment of the month.
        days_past_due: Days, or the lower bound of the bucket.
        payments_missed: Payments missed and not made up.
        restructured: The terms were changed because the subject could not pay.
        first_delinquency_date: Of the delinquency that led to the present status.
        special_comment: Metro 2 special comment code, for example `M`.
        payment_rating: Metro 2 payment rating: 0–6, G, L, or empty.
        original_creditor: Who granted the credit, where the account was bought.
        application_ref: The furnisher's reference of the application.
        raw_codes: Codes as the file that it came from spelt them; at most 16.
        certified: The furnisher certifies anew that it is complete and accurate; what
            was deleted returns only so.
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
    """Something that a lender did to a facility between two month ends, and why.

    Attributes:
        reasons: 1–4 reasons.
        record_refs: The records that the reasons rest on; at most 16.
        effective_time: With a time zone; not in the future.
        review_by_date: When the lender looks at it again; None: it does not say.
        appeal_route: Where the subject can object.
        credit_limit_minor: New limit, for LIMIT_CHANGE.
        new_account_ref: For RENUMBER and TRANSFER.
        new_member_id: Receiving member, for TRANSFER.
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
    """Withdraws an account, or one month of it, from the credit file.

    Attributes:
        month: None means the whole account.
    """

    account_ref: str
    reason: DeletionReason
    month: Month | None = None


Record: TypeAlias = Snapshot | FacilityAction | Deletion
