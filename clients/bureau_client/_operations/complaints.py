"""Opens, answers and lists complaints, each verified against what the parties signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bureau_client._codec.complaints import read_complaint
from bureau_client._operations import arguments, methods
from bureau_client._operations.context import SigningContext
from bureau_client._operations.members import check_with_members
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.pages import Order, as_it_is, check_size, collect
from bureau_client._operations.receipts import verify_receipt_and_witnesses
from bureau_client._operations.streams import Stream
from bureau_client._operations.subject_requests import subject_request
from bureau_client.models.codes import ComplaintKind, ComplaintOutcome, DeedType
from bureau_client.models.complaints import Complaint, ComplaintNews
from bureau_client.models.members import Vouched
from bureau_client.models.records import RecordRef
from bureau_client.verify.checks import check_equal, verifying
from bureau_client.verify.evidence import logged_keys_of
from bureau_keys.complaint_checks import (
    check_complaints,
    check_escalated,
    check_line,
    check_opened,
    check_replied,
    complaints_signed_by,
)
from bureau_keys.envelope import seal
from bureau_keys.signer_name import member_signer, subject_id_of, subject_signer
from creditbureau.v1 import complaint_pb2, complaints_pb2
from creditbureau.v1.members_pb2 import LoggedStatement

LABEL = "The list of complaints"
NEWEST_FIRST = Order[Complaint](
    name=lambda complaint: complaint.complaint_id, time=lambda complaint: complaint.create_time
)
OLDEST_FIRST = replace(NEWEST_FIRST, descending=False)
# The type of the deed that each kind of complaint is about.
DEED_OF = {
    ComplaintKind.ACTION_WITHOUT_REASON: DeedType.ACTION,
    ComplaintKind.REVIEW_MISSED: DeedType.ACTION,
    ComplaintKind.INQUIRY_NOT_ASKED_FOR: DeedType.INQUIRY,
    ComplaintKind.DECISION_WITHOUT_NOTICE: DeedType.DECISION,
    ComplaintKind.EMPTY_ANSWER: DeedType.DISPUTE,
    ComplaintKind.DATA_KEPT_TOO_LONG: DeedType.CONSENT,
}


def open_complaint(
    context: SigningContext,
    member_id: str,
    kind: ComplaintKind,
    deed: str | RecordRef,
    narrative: str,
) -> Operation[Complaint]:
    """Open a complaint about a deed of a member."""
    opening = complaint_pb2.ComplaintOpening(
        header=context.signer.header(),
        subject_id=subject_id_of(context.signer.name),
        member_id=arguments.member_id(member_id),
        kind=arguments.code(kind, "kind"),  # type: ignore[arg-type]
        deed=_deed(kind, deed),
        narrative=narrative,
    )
    sealed = seal(opening, context.signer.key)
    request = complaints_pb2.OpenComplaintRequest(opening=sealed)
    reply = yield from call(methods.OPEN_COMPLAINT, request, opening.header.request_id)
    yield from verify_receipt_and_witnesses(context, reply.receipt, sealed, kind="complaint")
    with verifying("The complaint"):
        check_opened(reply.complaint, opening)
        check_line(reply.line, reply.complaint, reply.receipt)
        number, leaf_index = reply.line.number, reply.receipt.leaf_index
        complaint = read_complaint(reply.complaint)
    return replace(complaint, number=number, leaf_index=leaf_index, proved=True)


def escalate(context: SigningContext, complaint_id: str, narrative: str) -> Operation[Complaint]:
    """Take a complaint of the subject to the operator."""
    complaint_id = arguments.request_id(complaint_id, "complaint_id")
    escalation = complaint_pb2.ComplaintEscalation(
        header=context.signer.header(), complaint_id=complaint_id, narrative=narrative
    )
    sealed = seal(escalation, context.signer.key)
    request = complaints_pb2.EscalateComplaintRequest(escalation=sealed)
    reply = yield from call(methods.ESCALATE_COMPLAINT, request, escalation.header.request_id)
    yield from verify_receipt_and_witnesses(
        context, reply.receipt, sealed, kind="complaint-escalation"
    )
    with verifying("The complaint"):
        check_escalated(reply.complaint, escalation)
        check_line(reply.line, reply.complaint, reply.receipt)
        complaint = read_complaint(reply.complaint)
    check_equal("The subject", complaint.subject_id, subject_id_of(context.signer.name))
    return complaint


def answer_complaint(
    context: SigningContext,
    complaint: Complaint,
    outcome: ComplaintOutcome,
    narrative: str,
    remedy: str,
) -> Operation[Complaint]:
    """Answer a complaint about the calling member."""
    answer = complaint_pb2.ComplaintAnswer(
        header=context.signer.header(),
        complaint_id=complaint.complaint_id,
        subject_id=complaint.subject_id,
        outcome=arguments.code(outcome, "outcome"),  # type: ignore[arg-type]
        narrative=narrative,
        remedy=remedy,
    )
    sealed = seal(answer, context.signer.key)
    request = complaints_pb2.AnswerComplaintRequest(answer=sealed)
    reply = yield from call(methods.ANSWER_COMPLAINT, request, answer.header.request_id)
    yield from verify_receipt_and_witnesses(context, reply.receipt, sealed, kind="complaint-answer")
    with verifying("The complaint"):
        check_replied(reply.complaint, answer)
        check_line(reply.line, reply.complaint, reply.receipt)
        answered = read_complaint(reply.complaint)
    check_equal("The member", member_signer(answered.member_id), context.signer.name)
    return answered


def list_own(context: SigningContext, limit: int | None) -> Operation[list[Complaint]]:
    """List the subject's complaints, newest first, each verified."""

    def page(token: str) -> Operation[tuple[Sequence[Complaint], str]]:
        request = complaints_pb2.ListComplaintsRequest(
            subject_request=subject_request(context, methods.LIST_COMPLAINTS.path),
            page_token=token,
        )
        reply = yield from call(methods.LIST_COMPLAINTS, request)
        complaints = yield from _verified(context, reply.complaints, reply.proofs, reply.keys)
        return complaints, reply.next_page_token

    return (yield from collect(LABEL, page, as_it_is, NEWEST_FIRST, limit))


def list_received(context: SigningContext, limit: int | None) -> Operation[list[Complaint]]:
    """List the complaints about the calling member, oldest first, each verified."""

    def page(token: str) -> Operation[tuple[Sequence[Complaint], str]]:
        request = complaints_pb2.ListReceivedComplaintsRequest(page_token=token)
        reply = yield from call(methods.LIST_RECEIVED_COMPLAINTS, request)
        complaints = yield from _verified(context, reply.complaints, reply.proofs, reply.keys)
        return complaints, reply.next_page_token

    return (yield from collect(LABEL, page, as_it_is, OLDEST_FIRST, limit))


def watch(context: SigningContext, after: int) -> Stream[ComplaintNews]:
    """Return the stream of complaints about the calling member, each verified."""

    def read(message: complaints_pb2.WatchComplaintsResponse) -> Operation[ComplaintNews]:
        [complaint] = yield from _verified(
            context, [message.complaint], [message.proof], message.keys
        )
        return ComplaintNews(message.cursor, complaint)

    return Stream(
        methods.WATCH_COMPLAINTS,
        lambda cursor: complaints_pb2.WatchComplaintsRequest(cursor=cursor),
        read,
        after,
        endless=True,
    )


def _deed(kind: ComplaintKind, deed: str | RecordRef) -> complaint_pb2.Deed:
    """Return the deed of a complaint, of the type that its kind is about."""
    deed_type = int(DEED_OF.get(kind, 0))
    if isinstance(deed, RecordRef):
        return complaint_pb2.Deed(
            type=deed_type,  # type: ignore[arg-type]
            id=arguments.request_id(deed.submission_id, "deed"),
            record_index=deed.record_index,
        )
    return complaint_pb2.Deed(
        type=deed_type,  # type: ignore[arg-type]
        id=arguments.request_id(deed, "deed"),
    )


def _verified(
    context: SigningContext,
    complaints: Sequence[complaint_pb2.Complaint],
    proofs: Sequence[complaint_pb2.ComplaintProof],
    keys: Sequence[LoggedStatement],
) -> Operation[list[Complaint]]:
    """Return the caller's complaints, each as the parties signed it.

    Raises:
        VerificationFailed: A complaint is shown otherwise, or is of another caller.
    """
    check_size(LABEL, complaints)
    with verifying("The complaint"):
        needed = complaints_signed_by(proofs, keys)

    def check(members: Mapping[str, Vouched]) -> list[bool]:
        keys_of = {name: logged_keys_of(members[name].member) for name in needed}
        operators = {name for name in needed if members[name].is_operator}
        with verifying("The complaint"):
            return check_complaints(complaints, proofs, keys, keys_of, operators, context.trust)

    proved = yield from check_with_members(context, needed, check)
    caller = context.signer.name
    for shown in complaints:
        parties = (subject_signer(shown.subject_id), member_signer(shown.member_id))
        if caller not in parties:
            check_equal("The party of the complaint", " and ".join(parties), caller)
    with verifying("The complaint"):
        return [
            replace(
                read_complaint(shown),
                number=proof.lines[0].number,
                leaf_index=proof.statements[0].receipt.leaf_index,
                proved=each,
            )
            for shown, proof, each in zip(complaints, proofs, proved, strict=True)
        ]
