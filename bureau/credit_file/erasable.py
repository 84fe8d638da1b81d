"""Select for an erasure: accounts by their people and age, words of statements. Pure."""

from __future__ import annotations

from google.protobuf.message import Message

from bureau.credit_file.history import steps_of
from bureau_keys.entry_kinds import EntryKind
from bureau_keys.envelope import peek
from creditbureau.v1.complaint_pb2 import (
    ComplaintAnswer,
    ComplaintDecision,
    ComplaintEscalation,
    ComplaintOpening,
)
from creditbureau.v1.consent_pb2 import ConsentChange
from creditbureau.v1.consent_request_pb2 import ConsentRequest, ConsentRequestDecline
from creditbureau.v1.dispute_pb2 import DisputeAddition, DisputeAnswer, DisputeOpening
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.report_pb2 import PaymentHistory
from creditbureau.v1.subjects_pb2 import SubjectStatement

# Statements in which people write freely, and the fields of their words.
WRITTEN: dict[EntryKind, type[Message]] = {
    "complaint": ComplaintOpening,
    "complaint-answer": ComplaintAnswer,
    "complaint-decision": ComplaintDecision,
    "complaint-escalation": ComplaintEscalation,
    "consent-change": ConsentChange,
    "consent-request": ConsentRequest,
    "consent-request-decline": ConsentRequestDecline,
    "dispute": DisputeOpening,
    "dispute-addition": DisputeAddition,
    "dispute-answer": DisputeAnswer,
    "subject-statement": SubjectStatement,
}
# Statements of which an erasure keeps all but the words.
KEPT = (ConsentChange, ConsentRequest, ConsentRequestDecline)
WORDS = ("narrative", "remedy", "text", "note", "attachment_digests")


def written(kind: str, envelope: bytes) -> Message | None:
    """Return a statement's payload if people may write in it; None otherwise."""
    payload = WRITTEN.get(kind)  # type: ignore[call-overload]
    return None if payload is None else peek(Envelope.FromString(envelope), payload)


def without_words(message: Message) -> Message:
    """Return a copy of a payload without its words."""
    rest = type(message)()
    rest.CopyFrom(message)
    for name in WORDS:
        if name in rest.DESCRIPTOR.fields_by_name:
            rest.ClearField(name)
    return rest


def has_words(message: Message) -> bool:
    """Return True if somebody wrote words in a payload."""
    return without_words(message) != message


def rest_of(message: Message) -> bytes:
    """Return the part of a payload that an erasure keeps: the state of a consent follows from
    its changes, that of a consent request from the request and its answer, and that of a
    dispute from the events that are stored.
    """
    if not isinstance(message, KEPT):
        return b""
    return without_words(message).SerializeToString(deterministic=True)


def newest_month(history: bytes, trail: bytes) -> int:
    """Return an account's newest month; of one that is deleted, the newest that it ever had."""
    reported = PaymentHistory.FromString(history).newest_month
    return reported or max(step.month for step in steps_of(trail))
