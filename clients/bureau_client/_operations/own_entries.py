"""A subject's own entries in their file: holds, and their own statement."""

from __future__ import annotations

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from bureau_client._codec.reports import read_hold
from bureau_client._codec.scalars import timestamp_of
from bureau_client._operations import arguments, methods
from bureau_client._operations.context import SigningContext
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.receipts import verify_receipt_and_witnesses
from bureau_client.models.codes import HoldKind
from bureau_client.models.receipts import Receipt
from bureau_client.models.reports import Hold
from bureau_client.verify.checks import check_equal, verifying
from bureau_keys.envelope import seal
from creditbureau.v1 import hold_pb2, subjects_pb2


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
    with verifying("The hold"):
        hold = read_hold(reply.hold)
    check_equal("The hold's id", hold.hold_id, placement.header.request_id)
    check_equal("The hold's kind", hold.kind, kind)
    check_equal("The hold's end", reply.hold.expire_time, placement.expire_time)
    return hold


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
