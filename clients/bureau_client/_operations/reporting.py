"""Queries and replays reports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any

from bureau_client._codec.reports import read_evidence, read_place
from bureau_client._operations import arguments, methods
from bureau_client._operations.context import Context, SigningContext
from bureau_client._operations.decisions import OLDEST_FIRST, verified_decisions
from bureau_client._operations.events import hold_report
from bureau_client._operations.inquiries import SignedPage, list_inquiries
from bureau_client._operations.members import check_with_member, check_with_members
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.pages import PageBytes, as_it_is, check_size, collect
from bureau_client._operations.receipts import verify_receipt_and_witnesses
from bureau_client.errors import NotFound
from bureau_client.models.codes import EvidenceLevel, Purpose
from bureau_client.models.consents import Arrangement, Consent
from bureau_client.models.decisions import DecidedReport
from bureau_client.models.members import Vouched
from bureau_client.models.receipts import Receipt
from bureau_client.models.reports import InquiryLine, Report
from bureau_client.verify.checks import check_equal, verifying
from bureau_client.verify.decisions import verify_decided
from bureau_client.verify.evidence import by_furnisher, check_provenance, report_message
from bureau_client.verify.log_view import Sighting
from bureau_client.verify.reports import verify_as_new, verify_report
from bureau_keys.consent_checks import attester_of
from bureau_keys.envelope import peek, seal
from bureau_keys.evidence import EvidencePiece, read_page
from bureau_keys.provenance import check_complete, evidence_due, unproved_parts
from bureau_keys.report_checks import evidence_level, read_request
from bureau_keys.signer_name import member_id_of
from creditbureau.v1 import report_pb2, reporting_pb2
from creditbureau.v1.envelope_pb2 import Envelope


def query(
    context: SigningContext,
    subject_id: str,
    *,
    purpose: Purpose,
    consent_id: str | Consent | Arrangement,
    evidence: EvidenceLevel,
) -> Operation[Report]:
    """Query one report, and check that it is signed, logged and the answer to the inquiry."""
    sealed = sign_inquiry(
        context, subject_id, purpose=purpose, consent_id=consent_id, evidence=evidence
    )
    return (yield from send_inquiry(context, sealed, context.log_view.newest))


def sign_inquiry(
    context: SigningContext,
    subject_id: str,
    *,
    purpose: Purpose,
    consent_id: str | Consent | Arrangement,
    evidence: EvidenceLevel,
) -> Envelope:
    """Sign an inquiry.

    Raises:
        InvalidRequest: An argument is wrong.
    """
    inquiry = reporting_pb2.Inquiry(
        header=context.signer.header(),
        subject_id=arguments.subject_id(subject_id),
        purpose=arguments.code(purpose, "purpose"),  # type: ignore[arg-type]
        consent_id=arguments.consent_id(consent_id),
        evidence=int(evidence),  # type: ignore[arg-type]
    )
    return seal(inquiry, context.signer.key)


def send_inquiry(
    context: SigningContext, sealed: Envelope, newest: Sighting | None
) -> Operation[Report]:
    """Send a signed inquiry, for the first time or again, and verify the report.

    Args:
        newest: The newest checkpoint seen before the inquiry was first sent; None if an earlier
            program sent it, so that the report may be older than this client.
    """
    inquiry = peek(sealed, reporting_pb2.Inquiry)
    request = reporting_pb2.QueryReportRequest(inquiry=sealed)
    reply = yield from call(methods.QUERY_REPORT, request, inquiry.header.request_id)
    receipt = yield from verify_receipt_and_witnesses(
        context, reply.receipt, sealed, kind="inquiry"
    )
    report = yield from verified_report(context, reply.report, sealed, receipt, reply.consent)
    verify_as_new(report, newest)
    yield from hold_report(context, report)

    def further(token: str) -> Operation[report_pb2.EvidencePage]:
        more = reporting_pb2.QueryReportRequest(inquiry=sealed, page_token=token)
        # Without a request id the call is not passed to `before_send` again.
        return (yield from call(methods.QUERY_REPORT, more)).evidence

    level = EvidenceLevel(inquiry.evidence)
    return (yield from _with_evidence(context, report, level, reply.evidence, further))


def list_own_inquiries(
    context: SigningContext, subject_id: str, limit: int | None
) -> Operation[list[InquiryLine]]:
    """List the member's own inquiries and replays, newest first."""
    about = arguments.subject_id(subject_id) if subject_id else ""

    def page(token: str) -> Operation[SignedPage]:
        request = reporting_pb2.ListOwnInquiriesRequest(subject_id=about, page_token=token)
        return (yield from call(methods.LIST_OWN_INQUIRIES, request))

    member_id = member_id_of(context.signer.name)
    return (yield from list_inquiries(context, page, limit, member_id=member_id))


def _subject_of(context: SigningContext, inquiry_id: str) -> Operation[str]:
    """Return the subject of the member's own inquiry, from the list of its inquiries."""
    lines = yield from list_own_inquiries(context, "", None)
    subjects = {line.subject_id for line in lines if line.inquiry_id == inquiry_id}
    if not subjects:
        raise NotFound(
            f"This member made no inquiry {inquiry_id}",
            reason="NOT_FOUND",
            fix="Pass the request_id of a report that this member queried",
        )
    if len(subjects) > 1:
        message = f"is missing, and {len(subjects)} subjects have inquiry {inquiry_id}: name one"
        raise arguments.refuse("subject_id", "INVALID_FIELD", message)
    return subjects.pop()


def replay(
    context: SigningContext, inquiry_id: str, subject_id: str, member_id: str = ""
) -> Operation[DecidedReport]:
    """Return an earlier report and its evidence again, exactly as they were, with the
    decisions on it.
    """
    inquiry_id = arguments.request_id(inquiry_id, "inquiry_id")
    subject_id = subject_id or (yield from _subject_of(context, inquiry_id))
    statement = reporting_pb2.Replay(
        header=context.signer.header(),
        inquiry_id=inquiry_id,
        subject_id=arguments.subject_id(subject_id),
        member_id=arguments.member_id(member_id) if member_id else "",
    )
    sealed = seal(statement, context.signer.key)
    request = reporting_pb2.ReplayReportRequest(replay=sealed)
    reply = yield from call(methods.REPLAY_REPORT, request, statement.header.request_id)
    logged = yield from verify_receipt_and_witnesses(context, reply.receipt, sealed, kind="replay")
    receipt = yield from verify_receipt_and_witnesses(context, reply.inquiry_receipt, reply.inquiry)
    portfolio = reply.portfolio if reply.HasField("portfolio") else None
    report = yield from verified_report(
        context, reply.report, reply.inquiry, receipt, reply.consent, portfolio
    )
    check_equal("The report's request id", report.request_id, inquiry_id)
    check_equal("The report's subject", report.subject_id, statement.subject_id)
    if member_id:
        check_equal("The report's member", report.member_id, member_id)
    digest = sha256(reply.report.payload).digest()
    check_equal("The report that the replay's leaf covers", logged.answer_digest, digest)
    if report.event_chain_hash:  # a report of an earlier release has no chain
        yield from hold_report(context, report)
    with verifying("The inquiry"):
        level = EvidenceLevel(evidence_level(reply.inquiry))

    def further(token: str) -> Operation[report_pb2.EvidencePage]:
        more = reporting_pb2.ReplayReportRequest(replay=sealed, page_token=token)
        return (yield from call(methods.REPLAY_REPORT, more)).evidence

    report = yield from _with_evidence(context, report, level, reply.evidence, further)
    check_size("The list of decisions", reply.decisions)
    decisions = yield from verified_decisions(
        context,
        reply.decisions,
        subject_id=report.subject_id,
        member_id=report.member_id,
    )
    OLDEST_FIRST.check("The list of decisions", decisions)
    for decision in decisions:
        verify_decided(decision, report)
    return DecidedReport(report, tuple(decisions))


def verified_report(
    context: Context,
    report: Envelope,
    inquiry: Envelope,
    receipt: Receipt,
    consent: reporting_pb2.ConsentProof,
    portfolio: reporting_pb2.PortfolioProof | None = None,
) -> Operation[Report]:
    """Return the report that answers an inquiry, held against the inquiry and the consent.

    Args:
        portfolio: The place of a portfolio's report; None for the report of an inquiry.

    Raises:
        VerificationFailed: The report does not verify, or does not keep to the consent.
    """
    with verifying("The inquiry"):
        member_id = member_id_of(read_request(inquiry).header.signer)
    with verifying("The consent of the report"):
        attester = attester_of(consent)

    def check(members: Mapping[str, Vouched]) -> Report:
        signing = [members[attester], members[member_id]]
        verified = verify_report(
            report.SerializeToString(deterministic=True),
            inquiry.SerializeToString(deterministic=True),
            receipt,
            context.trust,
            consent_proof=consent.SerializeToString(deterministic=True),
            members=[vouched.member for vouched in signing],
            portfolio=None if portfolio is None else read_place(portfolio),
        )
        return _with_members(verified, signing)

    return (yield from check_with_members(context, [member_id, attester], check))


def _with_evidence(
    context: Context,
    report: Report,
    level: EvidenceLevel,
    first: report_pb2.EvidencePage,
    further: Callable[[str], Operation[report_pb2.EvidencePage]],
) -> Operation[Report]:
    """Verify that the evidence proves the report to its level, and return both together.

    Args:
        first: The first page of evidence.
        further: Returns the operation that reads the further page of a token.
    """
    message = report_message(report)
    what, size = "The evidence", PageBytes("The evidence")

    def page(token: str) -> Operation[tuple[Sequence[EvidencePiece], str]]:
        read = (yield from further(token)) if token else first
        size.add(read)
        with verifying(what):
            return read_page(read), read.next_page_token

    # More than this proves a part twice.
    most = len(evidence_due(message, int(level)))
    pieces = yield from collect(what, page, as_it_is, None, most=most)
    with verifying(what):
        evidence = tuple(map(read_evidence, pieces))
    with verifying("The report"):
        check_complete(message, pieces, int(level))
    furnishers = yield from _furnishers(context, message, pieces)
    proven = {piece.tradeline_id for piece in pieces}
    unproved = unproved_parts(message, proven, int(level))
    return _with_members(report, furnishers, evidence=evidence, unproved=unproved)


def _with_members(report: Report, members: Iterable[Vouched], **fields: Any) -> Report:
    """Return a report with further members under whose keys it was verified, and other fields."""
    furnishers = {member.member_id: member for member in report.furnishers}
    vouchers = {member.member_id: member for member in report.vouchers}
    for vouched in members:
        furnishers[vouched.member.member_id] = vouched.member
        vouchers.update((member.member_id, member) for member in vouched.vouchers)
    return replace(
        report,
        furnishers=tuple(furnishers.values()),
        vouchers=tuple(vouchers.values()),
        **fields,
    )


def _furnishers(
    context: Context, report: report_pb2.Report, pieces: Sequence[EvidencePiece]
) -> Operation[list[Vouched]]:
    """Verify every piece of evidence; return the members who signed the records."""
    used: list[Vouched] = []
    for member_id, own in by_furnisher(report, pieces).items():
        check = partial(check_provenance, report, own, context.trust)
        _, vouched = yield from check_with_member(context, member_id, check)
        used.append(vouched)
    return used
