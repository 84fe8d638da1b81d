"""Checks that each event of a subject is in the log, signed, and about the subject.

A statement that names other subjects comes as its digest: then its signer is the bureau's word.
A statement whose words were erased leaves its leaf alone: its kind and time are the bureau's
word, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from bureau_keys.entry_kinds import EntryKind
from bureau_keys.envelope import digest, payload_type_of, peek, verify_envelope
from bureau_keys.errors import BadProof, MalformedMessage, WrongAnswer
from bureau_keys.key_history import keys_at
from bureau_keys.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from bureau_keys.profile import Trust
from bureau_keys.receipt import LeafStatement, commitment
from bureau_keys.receipt_checks import check_checkpoint
from bureau_keys.signer_name import member_id_of, member_signer, subject_id_of, subject_signer
from bureau_keys.subject_keys import (
    MemberKeys,
    SubjectKeys,
    attesters_of,
    bound_before,
    check_header,
    prove_subject_keys,
)
from creditbureau.v1.complaint_pb2 import (
    ComplaintAnswer,
    ComplaintDecision,
    ComplaintEscalation,
    ComplaintOpening,
)
from creditbureau.v1.consent_event_pb2 import DeletionConfirmation
from creditbureau.v1.consent_pb2 import Consent, ConsentChange
from creditbureau.v1.consent_request_pb2 import (
    ConsentRequest,
    ConsentRequestDecline,
    ConsentRequestWithdrawal,
)
from creditbureau.v1.decision_pb2 import DecisionReceipt
from creditbureau.v1.dispute_pb2 import DisputeAddition, DisputeAnswer, DisputeOpening
from creditbureau.v1.erasure_pb2 import Erasure
from creditbureau.v1.hold_pb2 import HoldLift, HoldPlacement
from creditbureau.v1.members_pb2 import LoggedStatement
from creditbureau.v1.notices_pb2 import NoticeChoice
from creditbureau.v1.reporting_pb2 import Inquiry, PortfolioInquiry, Replay
from creditbureau.v1.subjects_pb2 import (
    Event,
    KeyApproval,
    KeyAttestation,
    KeyBinding,
    KeyRepudiation,
    KeyRotation,
    SubjectStatement,
)

Statement: TypeAlias = (
    ComplaintAnswer
    | ComplaintDecision
    | ComplaintEscalation
    | ComplaintOpening
    | Consent
    | ConsentChange
    | ConsentRequest
    | ConsentRequestDecline
    | ConsentRequestWithdrawal
    | DecisionReceipt
    | DeletionConfirmation
    | DisputeAddition
    | DisputeAnswer
    | DisputeOpening
    | Erasure
    | HoldLift
    | HoldPlacement
    | Inquiry
    | KeyApproval
    | KeyAttestation
    | KeyRepudiation
    | KeyRotation
    | NoticeChoice
    | PortfolioInquiry
    | Replay
    | SubjectStatement
)
# The statement of each kind of entry that is an event of a subject.
EVENTS: dict[EntryKind, type[Statement]] = {
    "attestation": KeyAttestation,
    "complaint": ComplaintOpening,
    "complaint-answer": ComplaintAnswer,
    "complaint-decision": ComplaintDecision,
    "complaint-escalation": ComplaintEscalation,
    "consent": Consent,
    "consent-change": ConsentChange,
    "consent-request": ConsentRequest,
    "consent-request-decline": ConsentRequestDecline,
    "consent-request-withdrawal": ConsentRequestWithdrawal,
    "decision": DecisionReceipt,
    "deletion": DeletionConfirmation,
    "dispute": DisputeOpening,
    "dispute-addition": DisputeAddition,
    "dispute-answer": DisputeAnswer,
    "erasure": Erasure,
    "hold": HoldPlacement,
    "hold-lift": HoldLift,
    "inquiry": Inquiry,
    "inquiry-denial": Inquiry,
    "key-approval": KeyApproval,
    "key-repudiation": KeyRepudiation,
    "key-rotation": KeyRotation,
    "notice-choice": NoticeChoice,
    "portfolio-inquiry": PortfolioInquiry,
    "replay": Replay,
    "subject-statement": SubjectStatement,
}
# Kinds whose statements can name several subjects, and come as digests then.
SHARED: frozenset[str] = frozenset({"erasure", "portfolio-inquiry"})
# Kinds whose statements have words, which can be erased.
ERASABLE: frozenset[str] = frozenset(
    {
        *("complaint", "complaint-answer", "complaint-decision", "complaint-escalation"),
        *("consent-change", "consent-request", "consent-request-decline"),
        *("dispute", "dispute-addition", "dispute-answer"),
        "subject-statement",
    }
)


class Passed(NamedTuple):
    """The part of a subject's chain before an event, as far as the checks of it need.

    Attributes:
        events: Number of events so far.
        leaf_index: Leaf of the last one; -1 without one.
        disputes: Ids of the disputes whose openings were checked.
        is_whole: False if the opening of a dispute may be missing: the check did not begin at
            the first event, or an opening was erased.
    """

    events: int = 0
    leaf_index: int = -1
    disputes: frozenset[str] = frozenset()
    is_whole: bool = True

    @classmethod
    def up_to(cls, events: int) -> Passed:
        """Return a part of which only the number of its events is known."""
        return cls(events, is_whole=not events)


class CheckedEvent(NamedTuple):
    """An event of a subject, checked.

    Attributes:
        signer: The proved signer; empty without the statement.
        proved: True if the signer signed the statement, and it is about the subject.
        passed: The part of the chain up to this event.
    """

    event: Event
    signer: str
    proved: bool
    passed: Passed


def events_signed_by(events: Iterable[Event], keys: Iterable[LoggedStatement]) -> set[str]:
    """Return the members whose keys check events, attesters of the subject's keys among them.

    Raises:
        KeysError: A statement is not of its kind.
    """
    signers = (
        peek(event.statement.envelope, _payload_of(event)).header.signer
        for event in events
        if event.statement.HasField("envelope")
    )
    return attesters_of(keys) | {name for signer in signers if (name := member_id_of(signer))}


def check_events(
    events: Iterable[Event],
    keys: Iterable[LoggedStatement],
    members: MemberKeys,
    subject_id: str,
    trust: Trust,
    passed: Passed,
) -> Sequence[CheckedEvent]:
    """Check that events are leaves of the log, signed by their signers, about the subject.

    Args:
        events: Events of one reply of the bureau.
        keys: The statements in the reply that bind keys to the subject.
        members: Keys of `events_signed_by`, proved by the log, by member id.
        subject_id: The subject whose chain it is.
        trust: The log's origin and key.
        passed: The part of the chain before these events.

    Raises:
        WrongAnswer: An event has another number, or another leaf than its statement.
        KeysError: A leaf is not in the log, or a statement is not its signer's.
    """
    bound = prove_subject_keys(keys, members, trust)
    checked: list[CheckedEvent] = []
    for event in events:
        what = f"event {passed.events + 1}"
        _check_leaf(event, passed, what, trust)
        signer, proved = "", False
        if event.statement.HasField("envelope"):
            statement = _check_signature(event, bound, members, subject_id, trust, what)
            signer = statement.header.signer
            proved = _is_about(statement, subject_id, passed, what)
            if isinstance(statement, DisputeOpening):
                opened = passed.disputes | {statement.header.request_id}
                passed = passed._replace(disputes=opened)
        elif event.statement.receipt.kind == "dispute":
            passed = passed._replace(is_whole=False)
        leaf_index = event.statement.receipt.leaf_index
        passed = passed._replace(events=passed.events + 1, leaf_index=leaf_index)
        checked.append(CheckedEvent(event, signer, proved, passed))
    return checked


def _payload_of(event: Event) -> type[Statement]:
    kind = event.statement.receipt.kind
    for name, payload in EVENTS.items():
        if name == kind:
            return payload
    raise WrongAnswer(f"event {event.number} is of kind {kind[:40]!r}, which is no event's")


def _check_leaf(event: Event, passed: Passed, what: str, trust: Trust) -> None:
    """Check that an event is the next leaf of the chain, and the leaf that it shows."""
    logged, receipt = event.statement, event.statement.receipt
    if event.number != passed.events + 1:
        raise WrongAnswer(f"event {event.number} follows event {passed.events}")
    if receipt.leaf_index <= passed.leaf_index:
        raise WrongAnswer(f"{what} is not after leaf {passed.leaf_index}, that of the event before")
    if len(event.leaf_hash) != HASH_BYTES:
        raise MalformedMessage(f"the leaf hash of {what} has not {HASH_BYTES} bytes")
    try:
        time_us = receipt.log_time.ToMicroseconds()
    except ValueError as error:
        raise MalformedMessage("the receipt's time is not in the years 1 to 9999") from error
    payload = _payload_of(event)
    statement_digest = logged.digest
    if logged.HasField("envelope"):
        if logged.envelope.payload_type != payload_type_of(payload):
            raise WrongAnswer(f"{what} is of kind {receipt.kind}, its statement is of another")
        statement_digest = digest(logged.envelope)
    elif receipt.kind not in (SHARED if logged.digest else ERASABLE):
        raise BadProof(f"the statement of {what}, of kind {receipt.kind}, is missing")
    if statement_digest:
        statement = LeafStatement(receipt.kind, statement_digest, receipt.answer_digest, time_us)
        if leaf_hash(commitment(statement, receipt.salt)) != event.leaf_hash:
            raise WrongAnswer(f"{what} has another leaf than its statement")
    checkpoint = check_checkpoint(receipt.checkpoint, trust)
    verify_inclusion(
        event.leaf_hash,
        receipt.leaf_index,
        checkpoint.size,
        list(receipt.proof),
        checkpoint.root,
    )


def _check_signature(
    event: Event,
    keys: SubjectKeys,
    members: MemberKeys,
    subject_id: str,
    trust: Trust,
    what: str,
) -> Statement:
    """Return the statement of an event, signed by the subject or by a member."""
    envelope, index = event.statement.envelope, event.statement.receipt.leaf_index
    payload = _payload_of(event)
    member_id = member_id_of(peek(envelope, payload).header.signer)
    signing = keys_at(members.get(member_id, ()), index)
    if not member_id:
        signing = bound_before(keys, subject_id, index)
    statement, _ = verify_envelope(envelope, payload, signing)
    signer = member_signer(member_id) if member_id else subject_signer(subject_id)
    check_header(statement.header, signer, trust, what)
    return statement


def _is_about(statement: Statement, subject_id: str, passed: Passed, what: str) -> bool:
    """Return True if a statement is about the subject, False if it does not say about whom.

    Raises:
        WrongAnswer: It is about others.
    """
    if isinstance(statement, DisputeAnswer):
        if statement.dispute_id not in passed.disputes and passed.is_whole:
            raise WrongAnswer(f"{what} answers a dispute that the subject did not open")
        return statement.dispute_id in passed.disputes
    named = subjects_of(statement)
    if not named:
        return False
    if subject_id not in named:
        raise WrongAnswer(f"{what} is about subject {min(named)}")
    return True


def subjects_of(statement: Statement) -> set[str]:
    """Return the subjects whom a statement names; its signer where it names none."""
    if isinstance(statement, KeyAttestation | KeyRotation):
        return {peek(statement.binding, KeyBinding).subject_id}
    single = (
        Consent
        | ConsentRequest
        | ConsentRequestWithdrawal
        | DecisionReceipt
        | DeletionConfirmation
        | DisputeOpening
        | Inquiry
        | KeyRepudiation
        | Replay
    )
    of_complaint = ComplaintAnswer | ComplaintDecision | ComplaintOpening
    if isinstance(statement, single | of_complaint):
        return {statement.subject_id}
    if isinstance(statement, PortfolioInquiry):
        return {*statement.subject_ids}
    if isinstance(statement, Erasure):
        people = {person for account in statement.accounts for person in account.subject_ids}
        return (people | {statement.subject_id}) - {""}
    return {subject_id_of(statement.header.signer)} - {""}
