"""Statements sent again, to learn their outcome."""

from __future__ import annotations

from google.protobuf.message import Message

from bureau_client._operations import methods
from bureau_client._operations.context import SigningContext
from bureau_client._operations.operation import Call, DeadlineClass, Method, Operation, call
from bureau_client._operations.receipts import (
    find_receipt,
    get_receipt,
    verify_receipt_and_witnesses,
)
from bureau_client.errors import (
    BureauError,
    Conflict,
    Overloaded,
    Unavailable,
)
from bureau_client.models.receipts import Receipt
from bureau_client.models.statements import Statement
from creditbureau.v1.envelope_pb2 import Envelope

_METHODS: dict[str, Method[Message, Message]] = {
    method.path: method for method in vars(methods).values() if isinstance(method, Method)
}


def statement_of(call: Call) -> Statement | None:
    """Return the signed statement that a call submits; None for a call that only reads."""
    sealed = _envelope_of(call.request)
    if sealed is None or not call.request_id:
        return None
    return Statement(
        call.method.path,
        call.request_id,
        sealed.SerializeToString(deterministic=True),
        call.request.SerializeToString(deterministic=True),
    )


def resend(context: SigningContext, statement: Statement) -> Operation[Receipt]:
    """Send a statement again; return its receipt, of the first time or of now."""
    method = _METHODS[statement.method]
    if method.deadline_class is DeadlineClass.STREAM:
        return (yield from get_receipt(context, statement.request_id, statement.envelope))
    request = method.request.FromString(statement.request)
    try:
        # Without a request id the call is not passed to `before_send` again.
        reply = yield from call(method, request)
    except BureauError as refusal:
        refusal.request_id = refusal.request_id or statement.request_id
        if isinstance(refusal, Unavailable | Overloaded | Conflict):
            raise
        # A statement that is refused now may have been accepted before, and one with other bytes
        # under its request id. The receipt of a denied inquiry proves its denial.
        receipt = yield from find_receipt(context, statement.request_id, statement.envelope)
        if receipt is None or receipt.kind == "inquiry-denial":
            raise refusal from None
        return receipt
    sealed = Envelope.FromString(statement.envelope)
    return (yield from verify_receipt_and_witnesses(context, reply.receipt, sealed))  # type: ignore[attr-defined]


def _envelope_of(request: Message) -> Envelope | None:
    for field, value in request.ListFields():
        if field.message_type is Envelope.DESCRIPTOR:
            assert isinstance(value, Envelope)
            return value
    return None
