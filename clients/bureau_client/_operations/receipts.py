"""Receipts in replies: verified before anything else in the reply is used."""

from __future__ import annotations

from bureau_client._codec.receipts import read_receipt
from bureau_client._operations import arguments, methods
from bureau_client._operations.context import Context, SigningContext
from bureau_client._operations.cosigning import as_needed
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.subject_requests import subject_request
from bureau_client.errors import NotFound, VerificationFailed
from bureau_client.models.receipts import Receipt
from bureau_client.verify.checks import verifying
from bureau_client.verify.log_view import Sighting
from bureau_client.verify.receipts import verify_checkpoint, verify_logged, verify_receipt
from bureau_keys import envelope as envelopes
from bureau_keys import merkle
from bureau_keys.checkpoint import Checkpoint
from bureau_keys.entry_kinds import EntryKind
from creditbureau.v1 import log_pb2
from creditbureau.v1.envelope_pb2 import Envelope


def verify_receipt_and_witnesses(
    context: Context,
    message: log_pb2.Receipt,
    statement: Envelope,
    *,
    kind: EntryKind | None = None,
) -> Operation[Receipt]:
    """Return the receipt of a statement, verified, with the cosignatures that the profile
    requires.

    Raises:
        VerificationFailed: The receipt does not verify.
        NotWitnessed: Fewer witnesses cosigned in time; the write took effect.
    """
    return (
        yield from as_needed(context, verify_reply_receipt(context, message, statement, kind=kind))
    )


def verify_reply_receipt(
    context: Context,
    message: log_pb2.Receipt,
    statement: Envelope,
    *,
    kind: EntryKind | None = None,
) -> Receipt:
    """Return the receipt of a statement, verified.

    Args:
        kind: Required kind of the log entry; None for any.

    Raises:
        VerificationFailed: The receipt does not verify.
    """
    with verifying("The receipt"):
        receipt = read_receipt(message)
    digest = envelopes.digest(statement)
    checkpoint = verify_logged(receipt, digest, context.trust, kind=kind)
    context.log_view.see(sighting_of(checkpoint, receipt))
    return receipt


def sighting_of(checkpoint: Checkpoint, receipt: Receipt) -> Sighting:
    """Return the sighting of a checkpoint that a verified receipt leads to."""
    index = receipt.leaf_index
    root = merkle.root_before(index, checkpoint.size, receipt.proof)
    prefix = Checkpoint(checkpoint.origin, index, root)
    return Sighting(checkpoint, receipt.checkpoint, prefix)


def get_receipt(
    context: Context, request_id: str, statement: bytes | None, signed: Envelope | None = None
) -> Operation[Receipt]:
    """Return the receipt of a write of the caller, or of the subject who signed the request.

    Without the statement only the checkpoint's signature can be checked.
    """
    receipt, checkpoint = yield from _read(context, request_id, signed)
    if statement is None:
        context.log_view.see(Sighting(checkpoint, receipt.checkpoint))
    else:
        verify_receipt(receipt, statement, context.trust)
        context.log_view.see(sighting_of(checkpoint, receipt))
    return (yield from as_needed(context, receipt))


def find_receipt(context: Context, request_id: str, statement: bytes) -> Operation[Receipt | None]:
    """Return the receipt of a statement that may be in the log; None if the bureau shows none: of
    no statement with this request id, or of one with other bytes.
    """
    try:
        receipt, checkpoint = yield from _read(context, request_id)
    except NotFound:
        return None
    try:
        verify_receipt(receipt, statement, context.trust)
    except VerificationFailed:
        context.log_view.see(Sighting(checkpoint, receipt.checkpoint))
        return None
    context.log_view.see(sighting_of(checkpoint, receipt))
    return (yield from as_needed(context, receipt))


def _read(
    context: Context, request_id: str, signed: Envelope | None = None
) -> Operation[tuple[Receipt, Checkpoint]]:
    """Return the receipt that the bureau gives for a request id, and its verified checkpoint."""
    request_id = arguments.request_id(request_id, "request_id")
    request = log_pb2.GetReceiptRequest(request_id=request_id, subject_request=signed)
    reply = yield from call(methods.GET_RECEIPT, request, request_id)
    with verifying("The receipt"):
        receipt = read_receipt(reply.receipt)
    return receipt, verify_checkpoint(receipt.checkpoint, context.trust)


def get_own_receipt(
    context: SigningContext, request_id: str, statement: bytes | None
) -> Operation[Receipt]:
    """Return the receipt of a write of the calling subject."""
    signed = subject_request(context, methods.GET_RECEIPT.path)
    return (yield from get_receipt(context, request_id, statement, signed))
