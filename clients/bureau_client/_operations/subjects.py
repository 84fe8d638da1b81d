"""A subject's own key and file, and the attestation of the key."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from google.protobuf.message import DecodeError

from bureau_client._codec.reports import read_undoing
from bureau_client._codec.scalars import timestamp_of
from bureau_client._operations import arguments, methods
from bureau_client._operations.context import SigningContext
from bureau_client._operations.cosigning import as_needed
from bureau_client._operations.events import hold_file
from bureau_client._operations.inquiries import SignedPage, list_inquiries
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.receipts import verify_receipt_and_witnesses, verify_reply_receipt
from bureau_client._operations.signer import Signer
from bureau_client._operations.subject_requests import subject_request
from bureau_client.errors import VerificationFailed
from bureau_client.models.codes import IdentificationMethod
from bureau_client.models.receipts import Receipt
from bureau_client.models.reports import InquiryLine, Report, Undoing
from bureau_client.verify.checks import TELL, verifying
from bureau_client.verify.event_memory import EventMemory
from bureau_client.verify.reports import verify_as_new, verify_file
from bureau_keys import envelope as envelopes
from bureau_keys.envelope import seal
from bureau_keys.errors import KeysError
from bureau_keys.signing import SigningKey
from creditbureau.v1 import subjects_pb2
from creditbureau.v1.envelope_pb2 import Envelope


def bind(signer: Signer, subject_id: str) -> Envelope:
    """Return the binding of a subject to their key, signed with that key."""
    binding = subjects_pb2.KeyBinding(
        header=signer.header(), subject_id=subject_id, public_key=signer.key.verify_key.raw
    )
    return seal(binding, signer.key)


def attest(
    context: SigningContext,
    binding: bytes,
    method: IdentificationMethod,
    identify_time: datetime,
    replaces: bool,
) -> Operation[Receipt]:
    """Attest that a key belongs to a person whom the member has identified."""
    if identify_time.tzinfo is None:
        message = "needs a time zone, for example datetime.now(UTC)"
        raise arguments.refuse("identify_time", "INVALID_FIELD", message)
    attestation = subjects_pb2.KeyAttestation(
        header=context.signer.header(),
        binding=_checked_binding(binding),
        method=arguments.code(method, "method"),  # type: ignore[arg-type]
        identify_time=timestamp_of(identify_time),
        replaces=replaces,
    )
    sealed = seal(attestation, context.signer.key)
    request = subjects_pb2.AttestKeyRequest(attestation=sealed)
    reply = yield from call(methods.ATTEST_KEY, request, attestation.header.request_id)
    return (
        yield from verify_receipt_and_witnesses(context, reply.receipt, sealed, kind="attestation")
    )


def rotate_key(context: SigningContext, subject_id: str, key: SigningKey) -> Operation[Receipt]:
    """Replace the subject's key; then the new key signs."""
    new_signer = replace(context.signer, key=key)
    rotation = subjects_pb2.KeyRotation(
        header=context.signer.header(), binding=bind(new_signer, subject_id)
    )
    sealed = seal(rotation, context.signer.key)
    request = subjects_pb2.RotateKeyRequest(rotation=sealed)
    reply = yield from call(methods.ROTATE_KEY, request, rotation.header.request_id)
    receipt = verify_reply_receipt(context, reply.receipt, sealed, kind="key-rotation")
    context.signer = new_signer  # the rotation took effect, with or without cosignatures
    return (yield from as_needed(context, receipt))


def approve_key(context: SigningContext, key_id: str) -> Operation[Receipt]:
    """Approve the key that is to replace the present one."""
    approval = subjects_pb2.KeyApproval(
        header=context.signer.header(), key_id=arguments.key_id(key_id)
    )
    sealed = seal(approval, context.signer.key)
    request = subjects_pb2.ApproveKeyRequest(approval=sealed)
    reply = yield from call(methods.APPROVE_KEY, request, approval.header.request_id)
    return (
        yield from verify_receipt_and_witnesses(context, reply.receipt, sealed, kind="key-approval")
    )


def repudiate_key(
    context: SigningContext, subject_id: str, key_id: str
) -> Operation[Undoing | None]:
    """Repudiate a key of a subject, as the earlier key or as an attester.

    Returns:
        The effects; None if another attester must repudiate the key, too.
    """
    repudiation = subjects_pb2.KeyRepudiation(
        header=context.signer.header(),
        subject_id=arguments.subject_id(subject_id),
        key_id=arguments.key_id(key_id),
    )
    sealed = seal(repudiation, context.signer.key)
    request = subjects_pb2.RepudiateKeyRequest(repudiation=sealed)
    reply = yield from call(methods.REPUDIATE_KEY, request, repudiation.header.request_id)
    yield from verify_receipt_and_witnesses(context, reply.receipt, sealed, kind="key-repudiation")
    with verifying("The effects of the repudiation"):
        return read_undoing(reply.undoing) if reply.HasField("undoing") else None


def repudiate_own_key(context: SigningContext, subject_id: str, key_id: str) -> Operation[Undoing]:
    """Repudiate a key of the subject as the key that it replaces: it takes effect at once."""
    undoing = yield from repudiate_key(context, subject_id, key_id)
    if undoing is None:
        raise VerificationFailed(
            "The answer lacks the effects of the repudiation", reason="WRONG_ANSWER", fix=TELL
        )
    return undoing


def list_own_inquiries(
    context: SigningContext, subject_id: str, limit: int | None
) -> Operation[list[InquiryLine]]:
    """List the inquiries about the subject, granted and denied, and replays, newest first."""

    def page(token: str) -> Operation[SignedPage]:
        request = subjects_pb2.ListInquiriesRequest(
            subject_request=subject_request(context, methods.LIST_INQUIRIES.path),
            page_token=token,
        )
        return (yield from call(methods.LIST_INQUIRIES, request))

    return (yield from list_inquiries(context, page, limit, subject_id=subject_id))


def get_file(context: SigningContext, memory: EventMemory) -> Operation[Report]:
    """Return the subject's whole file, signed by the bureau, held to the newest one seen."""
    newest = context.log_view.newest
    signed = subject_request(context, methods.GET_FILE.path)
    reply = yield from call(methods.GET_FILE, subjects_pb2.GetFileRequest(subject_request=signed))
    file = verify_file(
        reply.file.SerializeToString(deterministic=True),
        signed.SerializeToString(deterministic=True),
        context.trust,
    )
    verify_as_new(file, newest)
    yield from hold_file(context, memory, file)
    return file


def _checked_binding(binding: bytes) -> Envelope:
    try:
        envelope = Envelope.FromString(binding)
        envelopes.peek(envelope, subjects_pb2.KeyBinding)
    except (KeysError, DecodeError, ValueError):
        raise arguments.refuse(
            "binding",
            "MALFORMED_MESSAGE",
            "is not a signed key binding; pass the bytes of Wallet.binding()",
        ) from None
    return envelope
