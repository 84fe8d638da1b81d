"""Opens, answers and lists disputes, each verified against what the parties signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bureau_client._codec.reports import read_dispute
from bureau_client._operations import arguments, methods
from bureau_client._operations.context import SigningContext
from bureau_client._operations.members import check_with_members
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.pages import Order, as_it_is, check_size, collect
from bureau_client._operations.receipts import verify_receipt_and_witnesses
from bureau_client._operations.subject_requests import subject_request
from bureau_client.models.codes import DisputeOutcome, DisputeReason
from bureau_client.models.members import Vouched
from bureau_client.models.months import Month
from bureau_client.models.records import RecordRef
from bureau_client.models.reports import Dispute
from bureau_client.verify.checks import check_equal, verifying
from bureau_client.verify.evidence import logged_keys_of
from bureau_keys.dispute_checks import (
    check_addition,
    check_answered,
    check_disputes,
    check_opened,
    disputes_signed_by,
)
from bureau_keys.envelope import seal
from bureau_keys.signer_name import member_signer, subject_id_of, subject_signer
from creditbureau.v1 import dispute_pb2, furnishing_pb2, record_pb2, subjects_pb2
from creditbureau.v1.members_pb2 import LoggedStatement

LABEL = "The list of disputes"
NEWEST_FIRST = Order[Dispute](
    name=lambda dispute: dispute.dispute_id, time=lambda dispute: dispute.create_time
)
OLDEST_FIRST = replace(NEWEST_FIRST, descending=False)


def open_dispute(
    context: SigningContext,
    subject_id: str,
    tradeline_id: str,
    *,
    field: str,
    reason: DisputeReason,
    month: Month | None,
    narrative: str,
    attachment_digests: Sequence[bytes],
) -> Operation[Dispute]:
    """Dispute a field of a tradeline."""
    opening = dispute_pb2.DisputeOpening(
        header=context.signer.header(),
        subject_id=subject_id,
        tradeline_id=tradeline_id,
        month=month.number if month else 0,
        field=field,
        reason=arguments.code(reason, "reason"),  # type: ignore[arg-type]
        narrative=narrative,
        attachment_digests=attachment_digests,
    )
    sealed = seal(opening, context.signer.key)
    request = subjects_pb2.OpenDisputeRequest(opening=sealed)
    reply = yield from call(methods.OPEN_DISPUTE, request, opening.header.request_id)
    yield from verify_receipt_and_witnesses(context, reply.receipt, sealed, kind="dispute")
    with verifying("The dispute"):
        check_opened(reply.dispute, opening)
        return replace(read_dispute(reply.dispute), proved=True)


def add_to_dispute(
    context: SigningContext, dispute_id: str, narrative: str, attachment_digests: Sequence[bytes]
) -> Operation[Dispute]:
    """Add facts to an open dispute of the subject."""
    dispute_id = arguments.request_id(dispute_id, "dispute_id")
    addition = dispute_pb2.DisputeAddition(
        header=context.signer.header(),
        dispute_id=dispute_id,
        narrative=narrative,
        attachment_digests=attachment_digests,
    )
    sealed = seal(addition, context.signer.key)
    request = subjects_pb2.AddToDisputeRequest(addition=sealed)
    reply = yield from call(methods.ADD_TO_DISPUTE, request, addition.header.request_id)
    yield from verify_receipt_and_witnesses(context, reply.receipt, sealed, kind="dispute-addition")
    with verifying("The dispute"):
        check_addition(reply.dispute, addition, subject_id_of(context.signer.name))
        return read_dispute(reply.dispute)


def answer_dispute(
    context: SigningContext,
    dispute_id: str,
    outcome: DisputeOutcome,
    *,
    narrative: str,
    correction: RecordRef | None,
    certified: bool,
) -> Operation[Dispute]:
    """Answer a dispute against a record of the calling member."""
    dispute_id = arguments.request_id(dispute_id, "dispute_id")
    answer = dispute_pb2.DisputeAnswer(
        header=context.signer.header(),
        dispute_id=dispute_id,
        outcome=arguments.code(outcome, "outcome"),  # type: ignore[arg-type]
        narrative=narrative,
        certified=certified,
    )
    if correction is not None:
        answer.correction.CopyFrom(
            record_pb2.RecordRef(
                submission_id=correction.submission_id, record_index=correction.record_index
            )
        )
    sealed = seal(answer, context.signer.key)
    request = furnishing_pb2.AnswerDisputeRequest(answer=sealed)
    reply = yield from call(methods.ANSWER_DISPUTE, request, answer.header.request_id)
    yield from verify_receipt_and_witnesses(context, reply.receipt, sealed, kind="dispute-answer")
    with verifying("The dispute"):
        check_answered(reply.dispute, answer)
        check_equal("The furnisher", member_signer(reply.dispute.member_id), context.signer.name)
        return read_dispute(reply.dispute)


def list_own_disputes(context: SigningContext, limit: int | None) -> Operation[list[Dispute]]:
    """List the subject's disputes, newest first, each verified."""

    def page(token: str) -> Operation[tuple[Sequence[Dispute], str]]:
        request = subjects_pb2.ListDisputesRequest(
            subject_request=subject_request(context, methods.LIST_DISPUTES.path), page_token=token
        )
        reply = yield from call(methods.LIST_DISPUTES, request)
        disputes = yield from verified(context, reply.disputes, reply.proofs, reply.keys)
        return disputes, reply.next_page_token

    return (yield from collect(LABEL, page, as_it_is, NEWEST_FIRST, limit))


def list_disputed(context: SigningContext, limit: int | None) -> Operation[list[Dispute]]:
    """List the disputes against the calling member's records, oldest first, each verified."""

    def page(token: str) -> Operation[tuple[Sequence[Dispute], str]]:
        request = furnishing_pb2.ListDisputedRecordsRequest(page_token=token)
        reply = yield from call(methods.LIST_DISPUTED_RECORDS, request)
        disputes = yield from verified(context, reply.disputes, reply.proofs, reply.keys)
        return disputes, reply.next_page_token

    return (yield from collect(LABEL, page, as_it_is, OLDEST_FIRST, limit))


def verified(
    context: SigningContext,
    disputes: Sequence[dispute_pb2.Dispute],
    proofs: Sequence[dispute_pb2.DisputeProof],
    keys: Sequence[LoggedStatement],
) -> Operation[list[Dispute]]:
    """Return the caller's disputes, each as the subject and the furnisher signed it.

    Raises:
        VerificationFailed: A dispute is shown otherwise, or is of another caller.
    """
    check_size(LABEL, disputes)
    with verifying("The dispute"):
        needed = disputes_signed_by(disputes, proofs, keys)

    def check(members: Mapping[str, Vouched]) -> list[bool]:
        keys_of = {name: logged_keys_of(members[name].member) for name in needed}
        with verifying("The dispute"):
            return check_disputes(disputes, proofs, keys, keys_of, context.trust)

    proved = yield from check_with_members(context, needed, check)
    caller = context.signer.name
    for shown in disputes:
        parties = (subject_signer(shown.subject_id), member_signer(shown.member_id))
        if caller not in parties:
            check_equal("The party of the dispute", " and ".join(parties), caller)
    with verifying("The dispute"):
        return [
            replace(read_dispute(shown), proved=each)
            for shown, each in zip(disputes, proved, strict=True)
        ]
