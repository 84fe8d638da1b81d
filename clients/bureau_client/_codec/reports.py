"""Reads the contract's Report into the SDK's."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from bureau_client._codec.receipts import read_receipt, write_receipt
from bureau_client._codec.records import read_action
from bureau_client._codec.scalars import day_of, moment_of, moment_or_none, month_of
from bureau_client._codec.tradelines import read_reference, read_tradeline
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
from bureau_client.models.reports import (
    Attribute,
    CurrencyTotal,
    Dispute,
    DisputeFacts,
    Evidence,
    Flag,
    Hold,
    HoldWindow,
    InquiryLine,
    Notice,
    Omission,
    PortfolioPlace,
    Report,
    Standing,
    Summary,
    Undoing,
)
from bureau_keys.evidence import EvidencePiece
from creditbureau.v1 import (
    dispute_pb2,
    hold_pb2,
    notice_pb2,
    report_pb2,
    standard_pb2,
    subjects_pb2,
)
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.members_pb2 import LoggedStatement
from creditbureau.v1.reporting_pb2 import Inquiry, PortfolioProof

# ISO 4217.
_CURRENCY = re.compile("[A-Z]{3}")


def read_report(
    message: report_pb2.Report, *, envelope: bytes, inquiry: bytes, **proofs: Any
) -> Report:
    """Read a report.

    Args:
        message: The report.
        envelope: The signed report, a serialised DSSE envelope.
        inquiry: The signed inquiry, a serialised DSSE envelope.
        proofs: Further fields of `Report`: receipt, consent_proof, evidence.

    Raises:
        ValueError: The report has a day or month that does not exist, or an attribute with two
            values of one key.
    """
    return Report(
        request_id=message.header.request_id,
        issue_time=moment_of(message.header.issue_time),
        request_digest=message.request_digest,
        member_id=message.member_id,
        subject_id=message.subject_id,
        purpose=Purpose(message.purpose),
        consent_id=message.consent_id,
        log_size=message.log_size,
        outcome=ReportOutcome(message.outcome),
        sections=tuple(map(Section, message.sections)),
        summary=read_summary(message.summary) if message.HasField("summary") else None,
        tradelines=tuple(map(read_tradeline, message.tradelines)),
        inquiries=tuple(map(read_inquiry_line, message.inquiries)),
        omissions=tuple(map(_omission, message.omissions)),
        attributes=_attributes(message.attributes),
        holds=tuple(map(read_hold, message.holds)),
        disputes=tuple(map(read_dispute, message.disputes)),
        standings=tuple(map(_standing, message.standings)),
        flags=tuple(map(_flag, message.flags)),
        subject_statement=message.subject_statement,
        notices=tuple(map(read_notice, message.notices)),
        jurisdiction=message.jurisdiction,
        event_chain_hash=message.event_chain_hash,
        event_count=message.event_count,
        rules_version=message.rules_version,
        envelope=envelope,
        inquiry=inquiry,
        **proofs,
    )


def read_summary(message: report_pb2.Summary) -> Summary:
    """Read a summary."""
    return Summary(
        tradeline_count=message.tradeline_count,
        open_tradeline_count=message.open_tradeline_count,
        furnisher_count=message.furnisher_count,
        delinquent_tradeline_count=message.delinquent_tradeline_count,
        worst_status_24m=message.worst_status_24m,
        oldest_open_date=day_of(message.oldest_open_date),
        inquiry_count_6m=message.inquiry_count_6m,
        totals=tuple(map(_total, message.totals)),
        frozen_line_count=message.frozen_line_count,
        lending_line_count=message.lending_line_count,
        guaranteed_tradeline_count=message.guaranteed_tradeline_count,
        not_owed_tradeline_count=message.not_owed_tradeline_count,
        stale_tradeline_count=message.stale_tradeline_count,
    )


def named_consent(report: Report) -> str:
    """Return the id of the consent or arrangement that the inquiry of a verified report names."""
    envelope = Envelope.FromString(report.inquiry)
    return Inquiry.FromString(envelope.payload).consent_id


def read_inquiry_line(
    message: report_pb2.InquiryLine, logged: LoggedStatement | None = None
) -> InquiryLine:
    """Read a logged inquiry, with what its member signed where a list holds it."""
    return InquiryLine(
        inquiry_id=message.inquiry_id,
        member_id=message.member_id,
        purpose=Purpose(message.purpose),
        kind=InquiryKind(message.kind),
        outcome=InquiryOutcome(message.outcome),
        create_time=moment_or_none(message.create_time),
        consent_id=message.consent_id,
        denial_reason=message.denial_reason,
        leaf_index=message.leaf_index,
        subject_id=message.subject_id,
        arrangement_id=message.arrangement_id,
        statement=logged.envelope.SerializeToString(deterministic=True) if logged else b"",
        receipt=read_receipt(logged.receipt) if logged is not None else None,
    )


def read_evidence(piece: EvidencePiece) -> Evidence:
    """Read a piece of evidence, unverified.

    Raises:
        ValueError: The month does not exist.
    """
    return Evidence(
        tradeline_id=piece.tradeline_id,
        month=month_of(piece.month),
        manifest=piece.manifest.SerializeToString(deterministic=True),
        record=piece.record,
        record_index=piece.record_index,
        proof=piece.proof,
        receipt=read_receipt(piece.receipt),
    )


def write_evidence(piece: Evidence) -> EvidencePiece:
    """Write a piece of evidence."""
    return EvidencePiece(
        tradeline_id=piece.tradeline_id,
        month=piece.month.number if piece.month else 0,
        record=piece.record,
        record_index=piece.record_index,
        proof=piece.proof,
        manifest=Envelope.FromString(piece.manifest),
        receipt=write_receipt(piece.receipt),
    )


def read_place(message: PortfolioProof) -> PortfolioPlace:
    """Read the place of a report in its portfolio."""
    return PortfolioPlace(
        index=message.index, count=message.count, root=message.root, proof=tuple(message.proof)
    )


def write_place(portfolio: PortfolioPlace) -> PortfolioProof:
    """Write the message that `read_place` reads."""
    return PortfolioProof(
        index=portfolio.index,
        count=portfolio.count,
        root=portfolio.root,
        proof=portfolio.proof,
    )


def read_hold(message: hold_pb2.Hold) -> Hold:
    """Read a hold."""
    return Hold(
        hold_id=message.hold_id,
        kind=HoldKind(message.kind),
        state=HoldState(message.state),
        create_time=moment_or_none(message.create_time),
        expire_time=moment_or_none(message.expire_time),
        lifted_until_time=moment_or_none(message.lifted_until_time),
        lifted_for_member_id=message.lifted_for_member_id,
        lifts=tuple(
            HoldWindow(lift.member_id, moment_of(lift.until_time)) for lift in message.lifts
        ),
    )


def read_dispute(message: dispute_pb2.Dispute) -> Dispute:
    """Read a dispute."""
    return Dispute(
        dispute_id=message.dispute_id,
        subject_id=message.subject_id,
        tradeline_id=message.tradeline_id,
        month=month_of(message.month),
        field=message.field,
        reason=DisputeReason(message.reason),
        narrative=message.narrative,
        state=DisputeState(message.state),
        outcome=DisputeOutcome(message.outcome),
        create_time=moment_or_none(message.create_time),
        due_time=moment_or_none(message.due_time),
        close_time=moment_or_none(message.close_time),
        attachment_digests=tuple(message.attachment_digests),
        member_id=message.member_id,
        answer_narrative=message.answer_narrative,
        correction=(read_reference(message.correction) if message.HasField("correction") else None),
        additions=tuple(
            DisputeFacts(
                addition.narrative,
                tuple(addition.attachment_digests),
                moment_or_none(addition.create_time),
            )
            for addition in message.additions
        ),
        block_time=moment_or_none(message.block_time),
    )


def read_notice(message: notice_pb2.Notice) -> Notice:
    """Read a notice."""
    acted = message.HasField("action")
    return Notice(
        notice_id=message.notice_id,
        kind=NoticeKind(message.kind),
        member_id=message.member_id,
        tradeline_id=message.tradeline_id,
        create_time=moment_of(message.create_time),
        texts=dict(message.texts),
        key_id=message.key_id,
        effect_time=moment_or_none(message.effect_time),
        about_id=message.about_id,
        act_by_time=moment_or_none(message.act_by_time),
        action=read_action(message.action.record) if acted else None,
        action_ref=read_reference(message.action.ref) if acted else None,
        due_time=moment_or_none(message.due_time),
    )


def read_undoing(message: subjects_pb2.Undoing) -> Undoing:
    """Read the effects of a repudiation."""
    return Undoing(
        start_time=moment_or_none(message.start_time),
        end_time=moment_or_none(message.end_time),
        consent_ids=tuple(message.consent_ids),
        hold_ids=tuple(message.hold_ids),
        inquiries=tuple(map(read_inquiry_line, message.inquiries)),
        key_id=message.key_id,
    )


def _total(message: report_pb2.CurrencyTotal) -> CurrencyTotal:
    share = message.utilisation_per_mille
    return CurrencyTotal(
        currency=message.currency,
        balance_minor=message.balance_minor,
        credit_limit_minor=message.credit_limit_minor,
        amount_past_due_minor=message.amount_past_due_minor,
        amount_due_minor=message.amount_due_minor,
        unsecured_balance_minor=message.unsecured_balance_minor,
        utilisation_per_mille=None if share < 0 else share,
        guaranteed_balance_minor=message.guaranteed_balance_minor,
        stale_balance_minor=message.stale_balance_minor,
    )


def _omission(message: report_pb2.Omission) -> Omission:
    return Omission(OmissionReason(message.reason), Section(message.section), message.tradeline_id)


def _attributes(messages: Iterable[report_pb2.Attribute]) -> tuple[Attribute, ...]:
    """Read the values of each attribute.

    Raises:
        ValueError: An attribute has two values of one currency, or two units.
    """
    units: dict[str, str] = {}
    values: defaultdict[str, dict[str, float | None]] = defaultdict(dict)
    for message in messages:
        unit, currency = message.unit, message.currency
        if not currency and _CURRENCY.fullmatch(unit):
            # Version 2026-11 of reports gives the currency as the unit.
            unit, currency = "", unit
        if units.setdefault(message.name, unit) != unit or currency in values[message.name]:
            raise ValueError(f"the attribute {message.name} has two values of one key")
        values[message.name][currency] = message.value if message.HasField("value") else None
    return tuple(Attribute(name, unit, values[name]) for name, unit in units.items())


def _standing(message: standard_pb2.StandardStanding) -> Standing:
    return Standing(
        message.standard_version, message.rule, message.limit, message.value, message.within
    )


def _flag(message: report_pb2.Flag) -> Flag:
    return Flag(FlagKind(message.kind), tuple(message.tradeline_ids), dict(message.texts))
