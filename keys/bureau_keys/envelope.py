"""Signed envelopes: DSSE v1 over protobuf messages.

The signature covers PAE(payload type, payload). What was signed is never encoded
again: the same bytes are verified, parsed and stored.
Source: secure-systems-lab/dsse, protocol.md and envelope.md.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Generic, TypeVar

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from bureau_keys.bounded_parsing import parse
from bureau_keys.errors import (
    BadSignature,
    NonCanonical,
    TooLarge,
    WrongPayloadType,
)
from bureau_keys.request_ids import new_request_id
from bureau_keys.signer_name import SignerName
from bureau_keys.signing import StatementKey, VerifyKey
from creditbureau.v1.envelope_pb2 import Envelope, Header, Signature
from creditbureau.v1.options_pb2 import max_payload_bytes

SCHEMA_VERSION = 1
# Bytes of the largest payload of a message without the option max_payload_bytes.
MAX_PAYLOAD_BYTES = 16384
M = TypeVar("M", bound=Message)


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the pre-authentication encoding: `DSSEv1 SP len SP type SP len SP body`."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def payload_type_of(message: Message | type[Message]) -> str:
    """Return the payload type of a message, for example
    `application/vnd.creditbureau.submission-manifest.v1+protobuf`.
    """
    return _payload_type(message.DESCRIPTOR.name)


@cache
def _payload_type(name: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
    return f"application/vnd.creditbureau.{words}.v1+protobuf"


def new_header(audience: str, signer: SignerName, now_us: int) -> Header:
    """Return the header of a new statement, with a request id of its own.

    Args:
        audience: The bureau's log origin.
        signer: The name of the member or subject who signs.
        now_us: The time of issue, microseconds since 1970 UTC.
    """
    header = Header(
        audience=audience,
        signer=signer,
        request_id=new_request_id(now_us),
        schema_version=SCHEMA_VERSION,
    )
    header.issue_time.FromMicroseconds(now_us)
    return header


def seal(message: Message, key: StatementKey) -> Envelope:
    """Encode a message canonically and sign it."""
    payload = message.SerializeToString(deterministic=True)
    payload_type = payload_type_of(message)
    signature = Signature(sig=key.sign(pae(payload_type, payload)), keyid=key.verify_key.key_id)
    return Envelope(payload=payload, payload_type=payload_type, signatures=[signature])


def peek(envelope: Envelope, payload: type[M]) -> M:
    """Return the payload without verifying the signature, to read the name of its signer.

    Raises:
        WrongPayloadType: Another payload type.
        TooLarge: More bytes than the message allows.
        BadSignature: Not exactly one signature.
        MalformedMessage, NonCanonical: See `parse_canonical`; also unknown fields in the
            envelope or its signature.
    """
    _check_type(envelope, payload)
    _signature_of(envelope)
    return parse_canonical(payload, envelope.payload)


@dataclass(frozen=True, slots=True)
class OpenedEnvelope(Generic[M]):
    """A parsed envelope whose signature is not verified yet.

    Attributes:
        message: The payload.
        pae: The signed bytes.
        digest: SHA-256 of the signed bytes, the digest of the statement.
    """

    envelope: Envelope
    message: M
    pae: bytes
    digest: bytes

    @property
    def key_id(self) -> str:
        """The key id that the signature names."""
        return self.envelope.signatures[0].keyid

    def verify(self, keys: Mapping[str, VerifyKey]) -> VerifyKey:
        """Verify the signature under one of the keys, and return that key.

        Raises:
            BadSignature: See `verify_envelope`.
        """
        return _verify(self.envelope, self.pae, keys.get)


def open_envelope(envelope: Envelope, payload: type[M]) -> OpenedEnvelope[M]:
    """Parse an envelope without verifying its signature.

    Raises:
        StatementError: See `peek`.
    """
    message = peek(envelope, payload)
    signed = pae(envelope.payload_type, envelope.payload)
    return OpenedEnvelope(envelope, message, signed, hashlib.sha256(signed).digest())


def verify_envelope(
    envelope: Envelope,
    payload: type[M],
    keys: Mapping[str, VerifyKey] | Callable[[str], VerifyKey | None],
) -> tuple[M, VerifyKey]:
    """Verify an envelope under keys of its signer.

    Args:
        envelope: The received envelope.
        payload: The message that it must hold.
        keys: The signer's keys by key id.

    Returns:
        The message, and the key that signed it.

    Raises:
        BadSignature: Not exactly one signature, it names none of the keys, or it does not
            verify.
        WrongPayloadType, TooLarge, MalformedMessage, NonCanonical: See `peek`.
    """
    _check_type(envelope, payload)
    key = verify_signature(envelope, keys)
    return parse_canonical(payload, envelope.payload), key


def verify_signature(
    envelope: Envelope, keys: Mapping[str, VerifyKey] | Callable[[str], VerifyKey | None]
) -> VerifyKey:
    """Verify the one signature over the received bytes, without parsing them.

    Returns:
        The key that signed them.

    Raises:
        BadSignature: See `verify_envelope`.
        NonCanonical: Unknown fields in the envelope or its signature.
    """
    find = keys.get if isinstance(keys, Mapping) else keys
    return _verify(envelope, pae(envelope.payload_type, envelope.payload), find)


def _verify(
    envelope: Envelope, signed_bytes: bytes, find: Callable[[str], VerifyKey | None]
) -> VerifyKey:
    signature = _signature_of(envelope)
    key = find(signature.keyid)
    if key is None:
        raise BadSignature(f"key {signature.keyid!r} does not count for the signer")
    key.verify(signature.sig, signed_bytes)
    return key


def _signature_of(envelope: Envelope) -> Signature:
    """Return the one signature of an envelope in which nothing is unsigned.

    A second signature or an unknown field would be stored and sent on, and two readers
    could judge the same statement differently.
    """
    if len(envelope.signatures) != 1:
        raise BadSignature(f"{len(envelope.signatures)} signatures, exactly one is expected")
    (signature,) = envelope.signatures
    if len(UnknownFieldSet(envelope)) or len(UnknownFieldSet(signature)):
        raise NonCanonical("unknown fields in the envelope or its signature")
    return signature


def _check_type(envelope: Envelope, payload: type[Message]) -> None:
    expected = payload_type_of(payload)
    if envelope.payload_type != expected:
        raise WrongPayloadType(f"payload type {envelope.payload_type!r}, expected {expected!r}")
    limit = payload.DESCRIPTOR.GetOptions().Extensions[max_payload_bytes] or MAX_PAYLOAD_BYTES
    if len(envelope.payload) > limit:
        size = len(envelope.payload)
        raise TooLarge(f"a {payload.DESCRIPTOR.name} of {size} bytes, {limit} are allowed")


def parse_canonical(payload: type[M], data: bytes) -> M:
    """Parse bytes that must be the canonical encoding of a message.

    Raises:
        MalformedMessage: The bytes are not the message.
        NonCanonical: Unknown fields, or another encoding of the same message.
    """
    message = parse(payload, data)
    message.DiscardUnknownFields()
    if message.SerializeToString(deterministic=True) != data:
        raise NonCanonical("unknown fields, or not the canonical encoding")
    return message


def digest(envelope: Envelope) -> bytes:
    """Return the statement's digest: SHA-256 of the PAE, which the signature covers."""
    return hashlib.sha256(pae(envelope.payload_type, envelope.payload)).digest()
