"""What a query brings back: the signed report, read into plain values.

Amounts are integers in minor units. A `None` means that the bureau gave no
value. `Report.envelope` holds the bytes that the bureau signed; everything else
in a report was read from them after they verified.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from bureau_client.models.codes import (
    DisputeOutcome,
    DisputeReason,
    DisputeState,
    FlagKind,
    HoldKind,
    HoldState,
    InquiryKind,
    InquiryOutcome,
    NoticeKind,
    OmissionReason,
    Purpose,
    ReportOutcome,
    Section,
)
from bureau_client.models.members import Member
from bureau_client.models.months import Month
from bureau_client.models.receipts import Receipt
from bureau_client.models.records import RecordRef
from bureau_client.models.tradelines import Tradeline


@dataclass(frozen=True, slots=True)
class CurrencyTotal:
    """Sums over open tradelines in one currency.

    Attributes:
        utilisation_per_mille: Balance over limit of revolving lines; None where
            no line has a limit.
    """

    currency: str
    balance_minor: int
    credit_limit_minor: int
    amount_past_due_minor: int
    amount_due_minor: int
    unsecured_balance_minor: int
    utilisation_per_mille: int | None


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures that a person looks at first.

    Attributes:
        delinquent_tradeline_count: 30 or more days past due in the newest month.
        worst_status_24m: Worst character of the payment history in 24 months.
        inquiry_count_6m: Hard inquiries of the last 183 days.
    """

    tradeline_count: int
    open_tradeline_count: int
    furnisher_count: int
    delinquent_tradeline_count: int
    worst_status_24m: str
    oldest_open_date: date | None
    inquiry_count_6m: int
    totals: tuple[CurrencyTotal, ...]
    frozen_line_count: int
    lending_line_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InquiryLine:
    """The logged fact that a report was asked for.

    `inquiry_id`, `consent_id`, `denial_reason` and `leaf_index` are for the
    subject only; others find them empty.
    """

    inquiry_id: str
    member_id: str
    purpose: Purpose
    kind: InquiryKind
    outcome: InquiryOutcome
    create_time: datetime | None
    consent_id: str
    denial_reason: str
    leaf_index: int


@dataclass(frozen=True, slots=True)
class Omission:
    """What was left out, and why; `tradeline_id` is for the subject only."""

    reason: OmissionReason
    section: Section
    tradeline_id: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """A named attribute, point in time; None means missing."""

    name: str
    value: float | None
    unit: str


@dataclass(frozen=True, slots=True)
class Flag:
    """Something to review; `texts` by BCP 47 language tag."""

    kind: FlagKind
    tradeline_ids: tuple[str, ...]
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the subject stands against one rule of the standard of credit."""

    standard_version: int
    rule: str
    limit: int
    value: int
    within: bool


@dataclass(frozen=True, slots=True)
class HoldWindow:
    """Within which a hold is lifted: for one member, or for all (empty)."""

    member_id: str
    until_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A hold that the subject placed on their own file.

    Attributes:
        lifted_until_time: None: it is not lifted. Of several lifts that for all, or else
            the longest.
        lifted_for_member_id: For whom; empty for all.
        lifts: Every lift that stands, as far as the reader may see them.
    """

    hold_id: str
    kind: HoldKind
    state: HoldState
    create_time: datetime | None
    expire_time: datetime | None
    lifted_until_time: datetime | None
    lifted_for_member_id: str
    lifts: tuple[HoldWindow, ...]


@dataclass(frozen=True, slots=True)
class DisputeFacts:
    """What the subject added to a dispute."""

    narrative: str
    attachment_digests: tuple[bytes, ...]
    create_time: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A subject's challenge to one field; `month` None means all of the account.

    Attributes:
        member_id: The furnisher.
        answer_narrative: What it said; for the subject and itself only.
        correction: What it corrected; for the subject and itself only.
        additions: What the subject added, in order.
    """

    dispute_id: str
    subject_id: str
    tradeline_id: str
    month: Month | None
    field: str
    reason: DisputeReason
    narrative: str
    state: DisputeState
    outcome: DisputeOutcome
    create_time: datetime | None
    due_time: datetime | None
    close_time: datetime | None
    attachment_digests: tuple[bytes, ...]
    member_id: str
    answer_narrative: str
    correction: RecordRef | None
    additions: tuple[DisputeFacts, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that the bureau tells a person about their own file.

    Attributes:
        member_id: The lender that it comes from.
        texts: The text in every language of the bureau, by BCP 47 tag.
    """

    notice_id: str
    kind: NoticeKind
    member_id: str
    tradeline_id: str
    create_time: datetime
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Traces one tradeline and month to its furnisher's own signature.

    Attributes:
        manifest: Serialised envelope of the manifest that the furnisher signed.
        record: The record's bytes, a leaf of the manifest's tree.
        proof: RFC 6962 inclusion proof of the record in the manifest's root.
        receipt: Of the submission: the furnisher's key must be valid at its leaf.
    """

    tradeline_id: str
    month: Month
    manifest: bytes = field(repr=False)
    record: bytes = field(repr=False)
    record_index: int
    proof: tuple[bytes, ...] = field(repr=False)
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A verified report.

    Attributes:
        request_id: The inquiry's.
        issue_time: When the bureau signed it.
        request_digest: SHA-256 of the PAE of the inquiry that it answers.
        member_id: Who asked; empty in the subject's own file.
        consent_id: What it rests on; empty in the subject's own file.
        log_size: The log size that it was read at: same size and same inquiry,
            same report.
        sections: What the consent opened.
        omissions: What was left out, and why.
        envelope: The signed report as it came, a serialised DSSE envelope.
        inquiry: The signed request that it answers, a serialised envelope.
        receipt: Proof that the inquiry is in the log; None for the subject's own
            file, which is signed but not logged.
        evidence: The furnishers' own signed records, where they were asked for.
        furnishers: The members whose keys the evidence was verified under.
        vouchers: The operators who signed the statements that register these keys.
        cursor: Its place among the reports of a portfolio, to go on behind it; empty in
            any other.
    """

    request_id: str
    issue_time: datetime
    request_digest: bytes = field(repr=False)
    member_id: str
    subject_id: str
    purpose: Purpose
    consent_id: str
    log_size: int
    outcome: ReportOutcome
    sections: tuple[Section, ...]
    summary: Summary | None
    tradelines: tuple[Tradeline, ...]
    inquiries: tuple[InquiryLine, ...]
    omissions: tuple[Omission, ...]
    attributes: tuple[Attribute, ...]
    holds: tuple[Hold, ...]
    disputes: tuple[Dispute, ...]
    standings: tuple[Standing, ...]
    flags: tuple[Flag, ...]
    subject_statement: str
    notices: tuple[Notice, ...]
    jurisdiction: str
    rules_version: str
    envelope: bytes = field(repr=False)
    inquiry: bytes = field(repr=False)
    receipt: Receipt | None = None
    evidence: tuple[Evidence, ...] = ()
    furnishers: tuple[Member, ...] = ()
    vouchers: tuple[Member, ...] = ()
    cursor: str = field(default="", compare=False, repr=False)

    # `save` and `load` import the codec when called, because the codec imports this module.

    def save(self, path: str | Path) -> None:
        """Write the report to a file with everything that verifies it offline."""
        from bureau_client._codec.report_file import write_bundle  # noqa: PLC0415

        write_bundle(self, path)

    @classmethod
    def load(cls, path: str | Path) -> Report:
        """Read a saved report without verifying it; `verify.verify_bundle` verifies it.

        Raises:
            InvalidRequest: The file is not a saved report.
        """
        from bureau_client._codec.report_file import read_bundle  # noqa: PLC0415

        return read_bundle(path)
