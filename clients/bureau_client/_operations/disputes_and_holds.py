"""A subject's rights over their file: holds, disputes, their own statement; and the
furnisher's answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from bureau_client._codec.reports import read_dispute, read_hold
from bureau_client._codec.scalars import timestamp_of
from bureau_client._operations import arguments, methods
from bureau_client._operations.context import SigningContext
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.pages import Order, collect
from bureau_client._operations.receipts import verify_receipt_and_witnesses
from bureau_client._operations.subject_requests import subject_request
from bureau_client.models.codes import DisputeOutcome, DisputeReason, HoldKind
from bureau_client.models.months import Month
from bureau_client.models.receipts import Receipt
from bureau_client.models.records import RecordRef
from bureau_client.models.reports import Dispute, Hold
from bureau_client.verify.checks import check_equal, verifying
from bureau_keys.envelope import seal
from creditbureau.v1 import dispute_pb2, furnishing_pb2, hold_pb2, record_pb2, subjects_pb2

NEWEST_FIRST = Order[Dispute](
    name=lambda dispute: dispute.dispute_id, time=lambda dispute: dispute.create_time
)
OLDEST_FIRST = replace(NEWEST_FIRST, descending=False)


def place_hold(context: SigningContext, kind: HoldKind, expire: datetime | None) -> Operation[Hold]:
    """Place a hold on the subject's own file."""
    placement = hold_pb2.HoldPlacement(
        header=context.signer.header(),
        kind=arguments.code(kind, "kind"),  # type: ignore[arg-type]
    )
    if expire is not None:
        placement.expire_time.CopyFrom(_time(expire, "expire"))
    sealed = seal(placement, context.signer.key)
    request = subjects_pb2.PlaceHoldRequest(placement=sealed)
    reply = yield from call(methods.PLACE_HOLD, request, placement.header.request_id)
    yield from verify_receipt_and_witnesses(context, reply.receipt, sealed, kind="hold")
    check_equal("The hold's id", reply.hold.hold_id, placement.header.request_id)
    with verifying("The hold"):
        return read_hold(reply.hold)


def lift_hold(
    context: SigningContext, hold_id: str, until: datetime | None, member_id: str
) -> Operation[Hold]:
    """Lift a hold of the subject."""
    hold_id = arguments.request_id(hold_id, "hold_id")
    lift = hold_pb2.HoldLift(
        header=context.signer.header(),
        hold_id=hold_id,
        member_id=arguments.member_id(member_id, "member_id") if member_id else "",
    )
    if until is not None:
        lift.until_time.CopyFrom(_time(until, "until"))
    sealed = seal(lift, context.signer.key)
    request = subjects_pb2.LiftHoldRequest(lift=sealed)
    reply = yield from call(methods.LIFT_HOLD, request, lift.header.request_id)
    yield from verify_receipt_and_witnesses(context, reply.receipt, sealed, kind="hold-lift")
    check_equal("The hold's id", reply.hold.hold_id, hold_id)
    with verifying("The hold"):
        return read_hold(reply.hold)


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
    check_equal("The dispute's id", reply.dispute.dispute_id, opening.header.request_id)
    with verifying("The dispute"):
        return read_dispute(reply.dispute)


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
    check_equal("The dispute's id", reply.dispute.dispute_id, dispute_id)
    with verifying("The dispute"):
        return read_dispute(reply.dispute)


def list_own_disputes(context: SigningContext, limit: int | None) -> Operation[list[Dispute]]:
    """List the subject's disputes, newest first."""

    def page(token: str) -> Operation[tuple[Sequence[dispute_pb2.Dispute], str]]:
        request = subjects_pb2.ListDisputesRequest(
            subject_request=subject_request(context, methods.LIST_DISPUTES.path), page_token=token
        )
        reply = yield from call(methods.LIST_DISPUTES, request)
        return reply.disputes, reply.next_page_token

    return (yield from collect("The list of disputes", page, read_dispute, NEWEST_FIRST, limit))


def list_disputed(limit: int | None) -> Operation[list[Dispute]]:
    """List the disputes against the calling member's records, oldest first."""

    def page(token: str) -> Operation[tuple[Sequence[dispute_pb2.Dispute], str]]:
        request = furnishing_pb2.ListDisputedRecordsRequest(page_token=token)
        reply = yield from call(methods.LIST_DISPUTED_RECORDS, request)
        return reply.disputes, reply.next_page_token

    return (yield from collect("The list of disputes", page, read_dispute, OLDEST_FIRST, limit))


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
    check_equal("The dispute's id", reply.dispute.dispute_id, dispute_id)
    with verifying("The dispute"):
        return read_dispute(reply.dispute)


def set_statement(context: SigningContext, text: str) -> Operation[Receipt]:
    """Set the subject's own statement on their file; an empty text removes it."""
    statement = subjects_pb2.SubjectStatement(header=context.signer.header(), text=text)
    sealed = seal(statement, context.signer.key)
    request = subjects_pb2.SetStatementRequest(statement=sealed)
    reply = yield from call(methods.SET_STATEMENT, request, statement.header.request_id)
    return (
        yield from verify_receipt_and_witnesses(
            context, reply.receipt, sealed, kind="subject-statement"
        )
    )


def _time(moment: datetime, name: str) -> Timestamp:
    if moment.tzinfo is None:
        message = "needs a time zone, for example datetime.now(UTC)"
        raise arguments.refuse(name, "INVALID_FIELD", message)
    return timestamp_of(moment)
