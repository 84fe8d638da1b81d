"""Signed envelopes."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message

from bureau_keys.envelope import add_signature, digest, pae, payload_type_of, seal
from creditbureau.v1 import (
    codes_pb2,
    consent_pb2,
    consents_pb2,
    decision_pb2,
    directory_pb2,
    dispute_pb2,
    hold_pb2,
    members_pb2,
    record_pb2,
    report_pb2,
    reporting_pb2,
    standard_pb2,
    subjects_pb2,
)
from creditbureau.v1.envelope_pb2 import Envelope, Signature
from tests.vectors.cast import SUBJECT, encoded, flipped, header, key

PAYLOADS: tuple[type[Message], ...] = (
    members_pb2.Admission,
    consent_pb2.Consent,
    consent_pb2.ConsentChange,
    members_pb2.CredentialChange,
    decision_pb2.DecisionReceipt,
    dispute_pb2.DisputeAddition,
    dispute_pb2.DisputeAnswer,
    dispute_pb2.DisputeOpening,
    directory_pb2.Evaluation,
    hold_pb2.HoldLift,
    hold_pb2.HoldPlacement,
    reporting_pb2.Inquiry,
    subjects_pb2.KeyAttestation,
    subjects_pb2.KeyBinding,
    members_pb2.KeyPossession,
    subjects_pb2.KeyRotation,
    members_pb2.MemberChange,
    members_pb2.MemberStateChange,
    reporting_pb2.PortfolioInquiry,
    report_pb2.Report,
    standard_pb2.StandardOfCredit,
    consents_pb2.SubjectRequest,
    subjects_pb2.SubjectStatement,
    record_pb2.SubmissionManifest,
)


def payload_types() -> list[dict[str, Any]]:
    return [
        {"name": kind.DESCRIPTOR.name, "payload_type": payload_type_of(kind)} for kind in PAYLOADS
    ]


def inquiry(name: str = "inquiry") -> reporting_pb2.Inquiry:
    """Return an inquiry of the member brook."""
    return reporting_pb2.Inquiry(
        header=header("members/brook", name),
        subject_id=SUBJECT,
        purpose=codes_pb2.PURPOSE_CREDIT_APPLICATION,
    )


def vectors() -> list[dict[str, Any]]:
    own, next_key, other = key("brook"), key("brook/2"), key("acme")
    good = seal(inquiry(), own)
    both = _copy(good)
    add_signature(both, other)
    swapped = Envelope(
        payload=good.payload, payload_type=good.payload_type, signatures=both.signatures[::-1]
    )
    wrong_first = _signed(good, flipped(good.signatures[0].sig), own.verify_key.key_id)
    add_signature(wrong_first, next_key)
    loose = Envelope(payload=good.payload + b"\x98\x06\x01", payload_type=good.payload_type)
    add_signature(loose, own)
    cut = Envelope(payload=good.payload[:-1], payload_type=good.payload_type)
    add_signature(cut, own)
    other_type = Envelope(
        payload=good.payload, payload_type=payload_type_of(reporting_pb2.PortfolioInquiry)
    )
    add_signature(other_type, own)
    cases: dict[str, tuple[Envelope, str]] = {
        "one signature": (good, ""),
        "a second signature by somebody who does not count": (both, ""),
        "the same, in another order": (swapped, ""),
        "the signature of another message": (
            _signed(good, seal(inquiry("other"), own).signatures[0].sig, own.verify_key.key_id),
            "BAD_SIGNATURE",
        ),
        "one bit of the signature": (wrong_first, "BAD_SIGNATURE"),
        "one bit of the payload": (
            Envelope(
                payload=flipped(good.payload, len(good.payload) - 1),
                payload_type=good.payload_type,
                signatures=good.signatures,
            ),
            "BAD_SIGNATURE",
        ),
        "signed without the pre-authentication encoding": (
            _signed(good, own.sign(good.payload), own.verify_key.key_id),
            "BAD_SIGNATURE",
        ),
        "a key that does not count for the signer": (seal(inquiry(), other), "BAD_SIGNATURE"),
        "the right key under another key's id": (
            _signed(good, good.signatures[0].sig, other.verify_key.key_id),
            "BAD_SIGNATURE",
        ),
        "no signature": (
            Envelope(payload=good.payload, payload_type=good.payload_type),
            "BAD_SIGNATURE",
        ),
        "another payload type": (other_type, "WRONG_PAYLOAD_TYPE"),
        "the payload type of a later version": (
            Envelope(
                payload=good.payload,
                payload_type="application/vnd.creditbureau.inquiry.v2+protobuf",
                signatures=good.signatures,
            ),
            "WRONG_PAYLOAD_TYPE",
        ),
        "an unknown field in the payload, signed": (loose, "NON_CANONICAL"),
        "a payload that is cut off, signed": (cut, "MALFORMED_MESSAGE"),
    }
    keys = [own.verify_key.raw.hex(), next_key.verify_key.raw.hex()]
    return [
        {
            "name": name,
            "message": "Inquiry",
            "envelope": encoded(envelope),
            "public_keys": keys,
            "pae": pae(envelope.payload_type, envelope.payload).hex(),
            "digest": digest(envelope).hex(),
            "valid": not reason,
            "reason": reason,
            # Where the envelope is what signing gives: the seed and the payload.
            **({"seed": own.seed.hex()} if name == "one signature" else {}),
        }
        for name, (envelope, reason) in cases.items()
    ]


def _copy(envelope: Envelope) -> Envelope:
    return Envelope.FromString(envelope.SerializeToString())


def _signed(envelope: Envelope, sig: bytes, key_id: str) -> Envelope:
    return Envelope(
        payload=envelope.payload,
        payload_type=envelope.payload_type,
        signatures=[Signature(sig=sig, keyid=key_id)],
    )
