"""Decisions that lenders take on reports, with the reasons that they rest on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bureau_client.models.codes import DecisionOutcome
from bureau_client.models.months import Month
from bureau_client.models.receipts import Receipt
from bureau_client.models.reports import Report


@dataclass(frozen=True, slots=True)
class DecisionBasis:
    """An entry of a report that a reason rests on.

    Attributes:
        tradeline_id: Tradeline of the report.
        month: Month of its history; None for the tradeline as a whole.
    """

    tradeline_id: str
    month: Month | None = None


@dataclass(frozen=True, slots=True)
class DecisionReason:
    """A principal reason of a decision.

    Attributes:
        code: Code of the table of reasons, for example `regb.excessive_obligations`.
        attributes: Attributes that it follows from, as name or name and currency:
            `max_days_past_due`, `total_balance.USD`; at most 8.
        basis: Entries of the report that it rests on; at most 16.
    """

    code: str
    attributes: tuple[str, ...] = ()
    basis: tuple[DecisionBasis, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A decision on a report, and the digests of all that it follows from.

    Attributes:
        subject_id: Subject of the report: 32 hex characters.
        inquiry_id: Request id of the inquiry whose report the decision is based on.
        report_digest: SHA-256 of that report's payload.
        policy_name: Name of the policy.
        policy_version: Version of the policy.
        policy_digest: SHA-256 of the policy's document.
        inputs_digest: SHA-256 of the document of the other inputs: the facts that the lender
            knew beside the report.
        limit: Limit that is granted, offered or set, in minor units; None for none.
        currency: ISO 4217 currency of the limit; empty without a limit.
        price_band: Price band of the offer, in the lender's own words; empty for none.
        tradeline_id: Existing line that the decision is about; empty for an application.
        reasons: Principal reasons, most important first; at most 4.
    """

    subject_id: str
    inquiry_id: str
    report_digest: bytes
    policy_name: str
    policy_version: str
    policy_digest: bytes
    inputs_digest: bytes
    outcome: DecisionOutcome
    limit: int | None = None
    currency: str = ""
    price_band: str = ""
    tradeline_id: str = ""
    reasons: tuple[DecisionReason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDecision:
    """A decision that a member signed and the bureau logged, verified.

    Attributes:
        decision_id: Request id of the statement.
        member_id: The member that decided.
        time: Time of the entry in the log, UTC.
        statement: The signed statement, a serialised DSSE envelope.
        receipt: Proof that the statement is in the log.
    """

    decision_id: str
    member_id: str
    decision: Decision
    time: datetime
    statement: bytes = field(repr=False)
    receipt: Receipt = field(repr=False)


@dataclass(frozen=True, slots=True)
class DecidedReport:
    """A replayed report, and the decisions that its member recorded on it, oldest first."""

    report: Report
    decisions: tuple[RecordedDecision, ...]
