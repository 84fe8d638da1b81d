"""Signed envelopes."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message

from bureau_keys.envelope import MAX_PAYLOAD_BYTES, digest, pae, payload_type_of, seal
from bureau_keys.signing import SigningKey
from creditbureau.v1 import (
    codes_pb2,
    complaint_pb2,
    consent_event_pb2,
    consent_pb2,
    consent_request_pb2,
    consents_pb2,
    decision_pb2,
    directory_pb2,
    dispute_pb2,
    erasure_pb2,
    hold_pb2,
    members_pb2,
    notices_pb2,
    record_pb2,
    report_pb2,
    reporting_pb2,
    standard_pb2,
    subjects_pb2,
)
from creditbureau.v1.envelope_pb2 import Envelope, Signature
from tests.vectors.cast import SUBJECT, encoded, flipped, header, key, secret

# Field 99, which no message has, with the value 1.
UNKNOWN = b"\x98\x06\x01"
PAYLOADS: tuple[type[Message], ...] = (
    members_pb2.Admission,
    complaint_pb2.ComplaintAnswer,
    complaint_pb2.ComplaintDecision,
    complaint_pb2.ComplaintEscalation,
    complaint_pb2.ComplaintOpening,
    consent_pb2.Consent,
    consent_pb2.ConsentChange,
    consent_request_pb2.ConsentRequest,
    consent_request_pb2.ConsentRequestDecline,
    consent_request_pb2.ConsentRequestWithdrawal,
    members_pb2.CredentialChange,
    decision_pb2.DecisionReceipt,
    consent_event_pb2.DeletionConfirmation,
    dispute_pb2.DisputeAddition,
    dispute_pb2.DisputeAnswer,
    dispute_pb2.DisputeOpening,
    erasure_pb2.Erasure,
    directory_pb2.Evaluation,
    hold_pb2.HoldLift,
    hold_pb2.HoldPlacement,
    reporting_pb2.Inquiry,
    subjects_pb2.KeyApproval,
    subjects_pb2.KeyAttestation,
    subjects_pb2.KeyBinding,
    members_pb2.KeyPossession,
    subjects_pb2.KeyRepudiation,
    subjects_pb2.KeyRotation,
    members_pb2.MemberChange,
    members_pb2.MemberStateChange,
    notices_pb2.NoticeChoice,
    reporting_pb2.PortfolioInquiry,
    reporting_pb2.Replay,
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


def decision() -> decision_pb2.DecisionReceipt:
    """Return a decision of the member brook on the report that answers its inquiry."""
    return decision_pb2.DecisionReceipt(
        header=header("members/brook", "decision"),
        subject_id=SUBJECT,
        inquiry_id=inquiry().header.request_id,
        report_digest=secret("report"),
        policy_name="cards",
        policy_version="2026.1",
        policy_digest=secret("policy"),
        inputs_digest=secret("inputs"),
        outcome=decision_pb2.DECISION_OUTCOME_REDUCE,
        # A limit of zero is there, though it is zero.
        limit_minor=0,
        currency="USD",
        tradeline_id="ab" * 16,
        reasons=[
            decision_pb2.DecisionReason(
                code="regb.delinquent_elsewhere",
                attributes=["max_days_past_due", "total_balance.USD"],
                basis=[decision_pb2.DecisionBasis(tradeline_id="ab" * 16, month=202604)],
            )
        ],
    )


def vectors() -> list[dict[str, Any]]:
    own, next_key, other = key("brook"), key("brook/2"), key("acme")
    good = seal(inquiry(), own)
    by_other = seal(inquiry(), other).signatures[0]
    both = _signatures(good, good.signatures[0], by_other)
    swapped = _signatures(good, by_other, good.signatures[0])
    wrong = _signed(good, flipped(good.signatures[0].sig), own.verify_key.key_id)
    wrong_first = _signatures(good, wrong.signatures[0], good.signatures[0])
    loose = _resealed(own, good.payload + UNKNOWN)
    cut = _resealed(own, good.payload[:-1])
    other_type = _resealed(own, good.payload, payload_type_of(reporting_pb2.PortfolioInquiry))
    large = inquiry()
    large.consent_id = "c" * MAX_PAYLOAD_BYTES
    beside = Envelope.FromString(good.SerializeToString() + UNKNOWN)
    in_signature = _signatures(
        good, Signature.FromString(good.signatures[0].SerializeToString() + UNKNOWN)
    )
    cases: dict[str, tuple[Envelope, str]] = {
        "one signature": (good, ""),
        "a second signature": (both, "BAD_SIGNATURE"),
        "the same, in another order": (swapped, "BAD_SIGNATURE"),
        "a second signature, after a wrong one under the same key id": (
            wrong_first,
            "BAD_SIGNATURE",
        ),
        "an unknown field in the envelope": (beside, "NON_CANONICAL"),
        "an unknown field in the signature": (in_signature, "NON_CANONICAL"),
        "a payload that is larger than its message allows": (seal(large, own), "TOO_LARGE"),
        "the signature of another message": (
            _signed(good, seal(inquiry("other"), own).signatures[0].sig, own.verify_key.key_id),
            "BAD_SIGNATURE",
        ),
        "one bit of the signature": (wrong, "BAD_SIGNATURE"),
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
    signed = seal(decision(), own)
    raised = decision()
    raised.outcome = decision_pb2.DECISION_OUTCOME_INCREASE
    decisions: dict[str, tuple[Envelope, str]] = {
        "a decision": (signed, ""),
        "a decision with another outcome than was signed": (
            Envelope(
                payload=raised.SerializeToString(deterministic=True),
                payload_type=signed.payload_type,
                signatures=signed.signatures,
            ),
            "BAD_SIGNATURE",
        ),
    }
    keys = [own.verify_key.raw.hex(), next_key.verify_key.raw.hex()]
    return [
        {
            "name": name,
            "message": "DecisionReceipt" if name in decisions else "Inquiry",
            "envelope": encoded(envelope),
            "public_keys": keys,
            "pae": pae(envelope.payload_type, envelope.payload).hex(),
            "digest": digest(envelope).hex(),
            "valid": not reason,
            "reason": reason,
            # Where the envelope is what signing gives: the seed and the payload.
            **({"seed": own.seed.hex()} if name in {"one signature", "a decision"} else {}),
        }
        for name, (envelope, reason) in (cases | decisions).items()
    ]


def _resealed(key: SigningKey, payload: bytes, kind: str = "") -> Envelope:
    """Sign bytes as the payload of an inquiry, or of another kind."""
    kind = kind or payload_type_of(reporting_pb2.Inquiry)
    signature = Signature(sig=key.sign(pae(kind, payload)), keyid=key.verify_key.key_id)
    return Envelope(payload=payload, payload_type=kind, signatures=[signature])


def _signatures(envelope: Envelope, *signatures: Signature) -> Envelope:
    """Return an envelope with other signatures."""
    return Envelope(
        payload=envelope.payload, payload_type=envelope.payload_type, signatures=signatures
    )


def _signed(envelope: Envelope, sig: bytes, key_id: str) -> Envelope:
    return Envelope(
        payload=envelope.payload,
        payload_type=envelope.payload_type,
        signatures=[Signature(sig=sig, keyid=key_id)],
    )
