"""Queries and replays reports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bureau_client._codec.receipts import read_receipt
from bureau_client._codec.reports import read_evidence, read_inquiry_line
from bureau_client._operations import arguments, methods
from bureau_client._operations.context import Context, SigningContext
from bureau_client._operations.members import vouched_member
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.pages import collect
from bureau_client._operations.receipts import verify_receipt_and_witnesses
from bureau_client.errors import NotFound, VerificationFailed
from bureau_client.models.codes import EvidenceLevel, Purpose
from bureau_client.models.members import Vouched
from bureau_client.models.reports import Evidence, InquiryLine, Report
from bureau_client.verify.checks import TELL, check_equal, verifying
from bureau_client.verify.evidence import tradeline_of, verify_complete, verify_provenance
from bureau_client.verify.receipts import verify_receipt
from bureau_client.verify.reports import verify_report
from bureau_keys.envelope import seal
from bureau_keys.report_checks import evidence_level
from creditbureau.v1 import report_pb2, reporting_pb2


def query(
    context: SigningContext,
    subject_id: str,
    *,
    purpose: Purpose,
    consent_id: str,
    evidence: EvidenceLevel,
) -> Operation[Report]:
    """Query one report, and check that it is signed, logged and the answer to the inquiry."""
    inquiry = reporting_pb2.Inquiry(
        header=context.signer.header(),
        subject_id=arguments.subject_id(subject_id),
        purpose=arguments.code(purpose, "purpose"),  # type: ignore[arg-type]
        consent_id=arguments.request_id(consent_id, "consent_id"),
        evidence=int(evidence),  # type: ignore[arg-type]
    )
    sealed = seal(inquiry, context.signer.key)
    request = reporting_pb2.QueryReportRequest(inquiry=sealed)
    reply = yield from call(methods.QUERY_REPORT, request, inquiry.header.request_id)
    receipt = yield from verify_receipt_and_witnesses(
        context, reply.receipt, sealed, kind="inquiry"
    )
    report = verify_report(
        reply.report.SerializeToString(deterministic=True),
        sealed.SerializeToString(deterministic=True),
        receipt,
        context.trust,
    )
    return (yield from _with_evidence(context, report, reply.evidence, evidence))


def list_own_inquiries(subject_id: str, limit: int | None) -> Operation[list[InquiryLine]]:
    """List the member's own inquiries and replays, newest first."""
    about = arguments.subject_id(subject_id) if subject_id else ""

    def page(token: str) -> Operation[tuple[list[InquiryLine], str]]:
        request = reporting_pb2.ListOwnInquiriesRequest(subject_id=about, page_token=token)
        reply = yield from call(methods.LIST_OWN_INQUIRIES, request)
        return [read_inquiry_line(line) for line in reply.inquiries], reply.next_page_token

    return (yield from collect(page, limit))


def replay(
    context: Context, inquiry_id: str, subject_id: str, member_id: str = ""
) -> Operation[Report]:
    """Return an earlier report and its evidence again, exactly as they were."""
    inquiry_id = arguments.request_id(inquiry_id, "inquiry_id")
    request = reporting_pb2.ReplayReportRequest(
        inquiry_id=inquiry_id,
        subject_id=arguments.subject_id(subject_id) if subject_id else "",
        member_id=arguments.member_id(member_id) if member_id else "",
    )
    reply = yield from call(methods.REPLAY_REPORT, request)
    inquiry_bytes = reply.inquiry.SerializeToString(deterministic=True)
    with verifying("The receipt"):
        receipt = read_receipt(reply.receipt)
    envelope = reply.report.SerializeToString(deterministic=True)
    report = verify_report(envelope, inquiry_bytes, receipt, context.trust)
    check_equal("The report's request id", report.request_id, inquiry_id)
    context.log_view.remember(verify_receipt(receipt, inquiry_bytes, context.trust))
    level = EvidenceLevel(evidence_level(reply.inquiry))
    return (yield from _with_evidence(context, report, reply.evidence, level))


def _with_evidence(
    context: Context,
    report: Report,
    evidence: Iterable[report_pb2.Evidence],
    level: EvidenceLevel,
) -> Operation[Report]:
    """Verify that the evidence proves the report to its level, and return both together."""
    with verifying("The evidence"):
        pieces = tuple(map(read_evidence, evidence))
    verify_complete(report, pieces, level)
    furnishers = yield from _verified(context, report, pieces)
    vouchers = {member.member_id: member for vouched in furnishers for member in vouched.vouchers}
    return replace(
        report,
        evidence=pieces,
        furnishers=tuple(vouched.member for vouched in furnishers),
        vouchers=tuple(vouchers.values()),
    )


def _verified(
    context: Context, report: Report, pieces: tuple[Evidence, ...]
) -> Operation[tuple[Vouched, ...]]:
    """Verify every piece of evidence; return the members who signed the records."""
    used: dict[str, Vouched] = {}
    for piece in pieces:
        member_id = tradeline_of(report, piece).member_id
        if member_id in context.furnishers:
            # Keys come and go: a member known from before may be out of date.
            known = context.furnishers[member_id].member
            try:
                verify_provenance(report, piece, known, context.trust)
            except VerificationFailed:
                del context.furnishers[member_id]
        if member_id not in context.furnishers:
            context.furnishers[member_id] = yield from _furnisher(context, member_id)
            known = context.furnishers[member_id].member
            verify_provenance(report, piece, known, context.trust)
        used[member_id] = context.furnishers[member_id]
    return tuple(used.values())


def _furnisher(context: Context, member_id: str) -> Operation[Vouched]:
    try:
        return (yield from vouched_member(context.trust, member_id))
    except NotFound:
        raise VerificationFailed(
            f"The report names {member_id} as a furnisher, which is no member",
            reason="WRONG_ANSWER",
            fix=TELL,
        ) from None
