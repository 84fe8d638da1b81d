"""Reports: signed by the bureau, read into plain values.

Amounts are integers in minor units. `None` means that the bureau gave no
value. `Report.envelope` holds the bytes that the bureau signed; all other values of a
report are read from these bytes after they verify.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
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
from bureau_client.models.records import FacilityAction, Record, RecordRef
from bureau_client.models.tradelines import Tradeline
from creditbureau.v1.envelope_pb2 import Envelope


@dataclass(frozen=True, slots=True)
class CurrencyTotal:
    """Sums over the person's own open tradelines in one currency, less stale ones; a credit
    balance counts as zero.

    Attributes:
        utilisation_per_mille: Balance over limit of revolving lines; None if no line has
            a limit.
        guaranteed_balance_minor: Balances of the open tradelines that the person guarantees.
        stale_balance_minor: Balances of the person's own stale tradelines, as of the newest
            month of each.
    """

    currency: str
    balance_minor: int
    credit_limit_minor: int
    amount_past_due_minor: int
    amount_due_minor: int
    unsecured_balance_minor: int
    utilisation_per_mille: int | None
    guaranteed_balance_minor: int = 0
    stale_balance_minor: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """The key figures of a report, of the debts that the person owes.

    Attributes:
        tradeline_count: All tradelines of the report, others' debts and stale ones too.
        open_tradeline_count: The person's own that are open, less stale ones.
        furnisher_count: Members that all of them come from.
        delinquent_tradeline_count: The person's own, less stale ones, 30 or more days past due
            in the newest month.
        worst_status_24m: Worst character of the payment histories, of 24 months from the newest
            month of each, of a stale one from the month of the report.
        inquiry_count_6m: Number of hard inquiries of other members in the last 183 days; those
            under one consent within 30 days count once.
        guaranteed_tradeline_count: Tradelines that the person guarantees.
        not_owed_tradeline_count: Tradelines that the person does not owe: an authorised user's,
            and those of a terminated or deceased holder.
        stale_tradeline_count: The person's own that are no longer reported.
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
    guaranteed_tradeline_count: int = 0
    not_owed_tradeline_count: int = 0
    stale_tradeline_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class InquiryLine:
    """A logged inquiry.

    `inquiry_id`, `consent_id`, `denial_reason` and `leaf_index` are for the subject and the
    member that inquired, `subject_id` for that member; they are empty for other readers.
    In a list, `statement` is what the member signed, a serialised DSSE envelope: the
    Inquiry, PortfolioInquiry or Replay; `receipt` proves that it is in the log. Both are
    verified. A subject gets no statement of a portfolio's inquiry that names other subjects.
    `arrangement_id` is the arrangement that the inquiry named: then its consent is the bureau's
    word; the list of consents shows which one was in force.

    `proved` is True if the member signed a statement that names the subject. False in a credit
    file, and for the inquiry of a portfolio that names other subjects (then who asked is the
    bureau's word) or no subject (then about whom).
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
    subject_id: str = ""
    arrangement_id: str = ""
    statement: bytes = field(default=b"", compare=False, repr=False)
    receipt: Receipt | None = field(default=None, compare=False, repr=False)
    proved: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Omission:
    """A part left out of the report, with the reason; `tradeline_id` is for the subject only."""

    reason: OmissionReason
    section: Section
    tradeline_id: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """A named figure as of the report's time; `attribute_dictionary` defines each.

    Attributes:
        unit: `minor units` for an amount; empty where a report of version 2026-11 gives none.
        values: Values by ISO 4217 currency; a figure without a currency has the key "". None
            for a missing value.
    """

    name: str
    unit: str
    values: Mapping[str, float | None]

    @property
    def value(self) -> float | None:
        """The only value; None if it is missing.

        Raises:
            ValueError: The figure has amounts in several currencies.
        """
        if len(self.values) > 1:
            currencies = " and ".join(self.values)
            raise ValueError(
                f"{self.name} has amounts in {currencies}: take one of `values` or of the"
                f" report's `figures`, for example {self.name}.{next(iter(self.values))}"
            )
        return next(iter(self.values.values()))


@dataclass(frozen=True, slots=True)
class Flag:
    """A matter to review; `texts` by BCP 47 language tag."""

    kind: FlagKind
    tradeline_ids: tuple[str, ...]
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Standing:
    """The subject's value under one rule of the standard of credit."""

    standard_version: int
    rule: str
    limit: int
    value: int
    within: bool


@dataclass(frozen=True, slots=True)
class HoldWindow:
    """A time in which a hold is lifted: for one member, or for all (empty)."""

    member_id: str
    until_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A hold that the subject placed on their own file.

    Attributes:
        lifted_until_time: End of the lift; None if the hold is not lifted. Of several lifts,
            the one for all members, otherwise the longest.
        lifted_for_member_id: Member of that lift; empty for all.
        lifts: Every current lift that the reader may see.
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
    """Facts that the subject added to a dispute."""

    narrative: str
    attachment_digests: tuple[bytes, ...]
    create_time: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A subject's dispute of one field; `month` is None for the whole account.

    Attributes:
        member_id: The furnisher.
        answer_narrative: The furnisher's answer; for the subject and the furnisher only.
        correction: The furnisher's correcting record; for the subject and the furnisher
            only.
        additions: Facts that the subject added, in order.
        block_time: Time from which reports leave out the account for identity theft, until the
            furnisher answers; None without a block.
        proved: True if the statements of the subject and of the furnisher were verified. False
            in a report, in the reply to an addition or an answer, which has no other statement,
            and where a statement was erased.
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
    block_time: datetime | None = None
    # `field` is the disputed field in this class.
    proved: bool = dataclasses.field(default=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message of the bureau to a person about their own file.

    Attributes:
        member_id: The member that caused the notice, or that the person's consent is for; empty
            for the person's own holds.
        texts: The text in every language of the bureau, by BCP 47 tag.
        key_id: The key that the notice is about; empty for none.
        effect_time: Time from which that key is in force; None without a key.
        about_id: Id of the inquiry, decision, dispute, complaint, consent, request or hold that
            it is about; empty for none.
        act_by_time: Time until which the person can act on it, the end of the consent or of the
            request; None where nothing ends.
        action: What a lender did to the line, with its reasons; None for other notices, and where
            the lender stated no action and a record of the month shows it alone.
        action_ref: The record of that action, which `complain` takes; None without an action.
        due_time: Deadline that passed without an answer or a decision; None for other notices.
        cursor: Cursor of the notice in the stream that brought it; empty in a list.
        proved: True if the cause of the notice was verified in the log. False in a credit file,
            which has no causes, and where the cause was erased.
    """

    notice_id: str
    kind: NoticeKind
    member_id: str
    tradeline_id: str
    create_time: datetime
    texts: Mapping[str, str]
    key_id: str = ""
    effect_time: datetime | None = None
    about_id: str = ""
    act_by_time: datetime | None = None
    action: FacilityAction | None = None
    action_ref: RecordRef | None = None
    due_time: datetime | None = None
    cursor: str = field(default="", compare=False)
    proved: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoing:
    """Effects of the repudiation of a key.

    Attributes:
        start_time: Time from which the key was in force; None if it never was.
        end_time: Time until which it, or a key that came of it, was in force.
        consent_ids: Consents that were granted in that time, newest first, at most 1,000: all
            of them are revoked.
        hold_ids: Holds that were lifted in that time: they hold again.
        inquiries: Inquiries from the start to the repudiation, newest first, at most 1,000.
        key_id: The key that is in force again; empty if there is none.
    """

    start_time: datetime | None
    end_time: datetime | None
    consent_ids: tuple[str, ...]
    hold_ids: tuple[str, ...]
    inquiries: tuple[InquiryLine, ...]
    key_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Proof that the furnisher signed the record of one tradeline and month, or of an action.

    Attributes:
        month: The month; None for the record of a facility action.
        manifest: Serialised envelope of the manifest that the furnisher signed.
        record: The record's bytes, a leaf of the manifest's tree.
        proof: RFC 6962 inclusion proof of the record in the manifest's root.
        receipt: Receipt of the submission; the furnisher's key must be valid at its leaf.
    """

    tradeline_id: str
    month: Month | None
    manifest: bytes = field(repr=False)
    record: bytes = field(repr=False)
    record_index: int
    proof: tuple[bytes, ...] = field(repr=False)
    receipt: Receipt

    def decoded(self) -> Record:
        """Return what the furnisher signed: a `Snapshot` or a `FacilityAction`.

        Raises:
            ValueError: The bytes are not a record; of a verified report they are one.
        """
        # The codec imports this module.
        from bureau_client._codec.records import read_record  # noqa: PLC0415

        return read_record(self.record)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioPlace:
    """The place of a report among those of one portfolio inquiry, which share one leaf.

    Attributes:
        index: Index of the report, zero-based; one that no report has was withheld.
        count: Number of reports that the leaf commits to.
        root: RFC 6962 root over the SHA-256 digests of the reports' payloads.
        proof: Inclusion proof of the report in the root, its sibling first; 32 bytes each.
    """

    index: int
    count: int
    root: bytes = field(repr=False)
    proof: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A verified report.

    Attributes:
        request_id: Request id of the inquiry.
        issue_time: Time at which the bureau signed the report.
        request_digest: SHA-256 of the PAE of the inquiry.
        member_id: The inquiring member; empty in the subject's own file.
        consent_id: The consent of the inquiry; empty in the subject's own file.
        log_size: Log size as of which the file was read: the same size and inquiry give
            the same report.
        sections: Sections that the consent opened.
        omissions: Parts left out, with their reasons.
        envelope: The signed report, a serialised DSSE envelope.
        inquiry: The signed inquiry, a serialised DSSE envelope.
        receipt: Proof that the inquiry is in the log; None for the subject's own
            file, which is signed but not logged.
        consent_proof: The signed consent of a member's report, with the statements that bound
            its key to the subject: a serialised `ConsentProof`; empty in the subject's own file.
        evidence: The furnishers' own signed records, if requested.
        unproved: Parts that are the bureau's word alone: names of fields, `history` and
            `actions` of the tradelines among them. With all evidence no tradeline is.
        furnishers: The members under whose keys evidence and consent were verified.
        vouchers: The operators who signed the statements that register these keys.
        event_chain_hash: Head of the chain of the subject's events as of `log_size`; empty
            without an event.
        event_count: Events in the chain; 0 in a member's report, which does not show it.
        portfolio: The place of a portfolio's report; None in any other report.
        cursor: Position among the reports of a portfolio, to continue after it; empty in
            any other report.
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
    consent_proof: bytes = field(default=b"", repr=False)
    unproved: tuple[str, ...] = field(default=(), compare=False)
    evidence: tuple[Evidence, ...] = ()
    furnishers: tuple[Member, ...] = ()
    vouchers: tuple[Member, ...] = ()
    event_chain_hash: bytes = field(default=b"", repr=False)
    event_count: int = 0
    portfolio: PortfolioPlace | None = None
    cursor: str = field(default="", compare=False, repr=False)

    @property
    def figures(self) -> Mapping[str, float | None]:
        """The values of all attributes by name, amounts by name and currency:
        `open_tradelines`, `total_balance.USD`.
        """
        return {
            f"{attribute.name}.{currency}" if currency else attribute.name: value
            for attribute in self.attributes
            for currency, value in attribute.values.items()
        }

    @property
    def digest(self) -> bytes:
        """SHA-256 of the payload that the bureau signed; the leaf of the inquiry covers it."""
        return sha256(Envelope.FromString(self.envelope).payload).digest()

    # `save` and `load` import the codec when called, because the codec imports this module.

    def save(self, path: str | Path) -> None:
        """Write the report to a file with everything that verifies it offline."""
        from bureau_client._codec.report_file import write_bundle  # noqa: PLC0415

        write_bundle(self, path)

    def saved(self) -> str:
        """Return the text that `save` writes to a file."""
        from bureau_client._codec.report_file import bundle_of  # noqa: PLC0415

        return bundle_of(self)

    @classmethod
    def load(cls, path: str | Path) -> Report:
        """Read a saved report without verifying it; `verify.verify_bundle` verifies it.

        Raises:
            InvalidRequest: The file is not a saved report.
        """
        from bureau_client._codec.report_file import read_bundle  # noqa: PLC0415

        return read_bundle(path)
