"""Junk envelopes: a directory evaluation that the bureau would accept, spoilt in one way."""

from __future__ import annotations

from collections.abc import Callable

from bureau_keys.envelope import pae, seal
from bureau_keys.signing import SigningKey
from creditbureau.v1.directory_pb2 import Evaluation
from creditbureau.v1.envelope_pb2 import Envelope, Signature
from creditbureau.v1.record_pb2 import SubmissionManifest

Spoil = Callable[[Evaluation, SigningKey], Envelope]

# Field 1000, which no message has, of 1 byte and of 6 MiB: tag, length, bytes.
_UNKNOWN = b"\xc2\x3e\x01\x00"
_MANY = b"\xc2\x3e\x80\x80\x80\x03" + bytes(6 * 1024 * 1024)


def _field_in_envelope(evaluation: Evaluation, key: SigningKey) -> Envelope:
    return Envelope.FromString(seal(evaluation, key).SerializeToString() + _UNKNOWN)


def _field_in_signature(evaluation: Evaluation, key: SigningKey) -> Envelope:
    sealed = seal(evaluation, key)
    sealed.signatures[0].MergeFromString(_UNKNOWN)
    return sealed


def _field_in_payload(evaluation: Evaluation, key: SigningKey) -> Envelope:
    sealed = seal(evaluation, key)
    return _signed(sealed.payload_type, sealed.payload + _UNKNOWN, key)


def _two_signatures(evaluation: Evaluation, key: SigningKey) -> Envelope:
    sealed = seal(evaluation, key)
    garbage = Signature(keyid=key.verify_key.key_id, sig=bytes(64))
    signatures = [garbage, *sealed.signatures]
    return Envelope(payload=sealed.payload, payload_type=sealed.payload_type, signatures=signatures)


def _no_signature(evaluation: Evaluation, key: SigningKey) -> Envelope:
    sealed = seal(evaluation, key)
    return Envelope(payload=sealed.payload, payload_type=sealed.payload_type)


def _six_megabytes(evaluation: Evaluation, key: SigningKey) -> Envelope:
    return Envelope.FromString(seal(evaluation, key).SerializeToString() + _MANY)


def _another_message(evaluation: Evaluation, key: SigningKey) -> Envelope:
    return seal(SubmissionManifest(header=evaluation.header, record_count=1), key)


def _another_type(evaluation: Evaluation, key: SigningKey) -> Envelope:
    return _signed("application/octet-stream", seal(evaluation, key).payload, key)


def _signed(payload_type: str, payload: bytes, key: SigningKey) -> Envelope:
    """Sign any bytes as a payload of any type."""
    signature = Signature(keyid=key.verify_key.key_id, sig=key.sign(pae(payload_type, payload)))
    return Envelope(payload=payload, payload_type=payload_type, signatures=[signature])


JUNK: dict[str, Spoil] = {
    "an unknown field in the envelope": _field_in_envelope,
    "an unknown field in the signature": _field_in_signature,
    "an unknown field in the payload": _field_in_payload,
    "a garbage signature before the true one": _two_signatures,
    "no signature": _no_signature,
    "an envelope of 6 MiB": _six_megabytes,
    "another message": _another_message,
    "another payload type": _another_type,
}
