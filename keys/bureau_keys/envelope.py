"""Signed envelopes: DSSE v1 over protobuf messages.

The signature covers PAE(payload type, payload). What was signed is never encoded
again: the same bytes are verified, parsed and stored.
Source: secure-systems-lab/dsse, protocol.md and envelope.md.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Generic, TypeVar

from google.protobuf.message import DecodeError, Message

from bureau_keys.errors import BadSignature, MalformedMessage, NonCanonical, WrongPayloadType
from bureau_keys.signer_name import SignerName
from bureau_keys.signing import SigningKey, VerifyKey
from creditbureau.v1.envelope_pb2 import Envelope, Header, Signature

SCHEMA_VERSION = 1
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
        request_id=str(uuid.uuid4()),
        schema_version=SCHEMA_VERSION,
    )
    header.issue_time.FromMicroseconds(now_us)
    return header


def seal(message: Message, key: SigningKey) -> Envelope:
    """Encode a message canonically and sign it."""
    envelope = Envelope(
        payload=message.SerializeToString(deterministic=True),
        payload_type=payload_type_of(message),
    )
    add_signature(envelope, key)
    return envelope


def add_signature(envelope: Envelope, key: SigningKey) -> None:
    """Add one more signature over the same payload."""
    signature = key.sign(pae(envelope.payload_type, envelope.payload))
    envelope.signatures.append(Signature(sig=signature, keyid=key.verify_key.key_id))


def peek(envelope: Envelope, payload: type[M]) -> M:
    """Return the payload without checking signatures, to read the name of its signer.

    Raises:
        WrongPayloadType: Another payload type.
        MalformedMessage, NonCanonical: See `parse_canonical`.
    """
    _check_type(envelope, payload)
    return parse_canonical(payload, envelope.payload)


@dataclass(frozen=True, slots=True)
class OpenedEnvelope(Generic[M]):
    """A parsed envelope whose signatures are not verified yet.

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
    def key_ids(self) -> list[str]:
        """The key ids that the signatures name."""
        return [signature.keyid for signature in self.envelope.signatures]

    def verify(self, keys: Mapping[str, VerifyKey]) -> VerifyKey:
        """Verify the signature by one of the keys, and return that key.

        Raises:
            BadSignature: See `verify_envelope`.
        """
        return _verify(self.envelope, self.pae, keys.get)


def open_envelope(envelope: Envelope, payload: type[M]) -> OpenedEnvelope[M]:
    """Parse an envelope without verifying its signatures.

    Raises:
        WrongPayloadType: Another payload type.
        MalformedMessage, NonCanonical: See `parse_canonical`.
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
        WrongPayloadType: Another payload type.
        BadSignature: No signature is by one of the keys, or the first that says it
            is does not verify.
        MalformedMessage, NonCanonical: See `parse_canonical`.
    """
    _check_type(envelope, payload)
    key = verify_signature(envelope, keys)
    return parse_canonical(payload, envelope.payload), key


def verify_signature(
    envelope: Envelope, keys: Mapping[str, VerifyKey] | Callable[[str], VerifyKey | None]
) -> VerifyKey:
    """Verify the signature over the received bytes, without parsing them.

    Returns:
        The key that signed them.

    Raises:
        BadSignature: See `verify_envelope`.
    """
    find = keys.get if isinstance(keys, Mapping) else keys
    return _verify(envelope, pae(envelope.payload_type, envelope.payload), find)


def _verify(
    envelope: Envelope, signed_bytes: bytes, find: Callable[[str], VerifyKey | None]
) -> VerifyKey:
    # A signature that says it is by one of the keys. The key id is a hint.
    named = ((find(signature.keyid), signature.sig) for signature in envelope.signatures)
    key, signed = next(((key, signed) for key, signed in named if key), (None, b""))
    if key is None:
        raise BadSignature("no signature is by a key that counts for the signer")
    key.verify(signed, signed_bytes)
    return key


def _check_type(envelope: Envelope, payload: type[Message]) -> None:
    expected = payload_type_of(payload)
    if envelope.payload_type != expected:
        raise WrongPayloadType(f"payload type {envelope.payload_type!r}, expected {expected!r}")


def parse_canonical(payload: type[M], data: bytes) -> M:
    """Parse bytes that must be the canonical encoding of a message.

    Raises:
        MalformedMessage: The bytes are not the message.
        NonCanonical: Unknown fields, or another encoding of the same message.
    """
    try:
        message = payload.FromString(data)
    except DecodeError as error:
        raise MalformedMessage(f"no {payload.DESCRIPTOR.name}") from error
    message.DiscardUnknownFields()
    if message.SerializeToString(deterministic=True) != data:
        raise NonCanonical("unknown fields, or not the canonical encoding")
    return message


def digest(envelope: Envelope) -> bytes:
    """Return the statement's digest: SHA-256 of the PAE.

    Signatures are left out, because one message can have several.
    """
    return hashlib.sha256(pae(envelope.payload_type, envelope.payload)).digest()
