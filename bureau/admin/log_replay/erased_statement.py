"""Taking over: the rows of a statement that was erased, or that acts on something erased."""

from __future__ import annotations

from collections.abc import Callable

from google.protobuf.message import DecodeError

from bureau.admin.log_replay.state import ReplayState
from bureau.credit_file import consent_requests, own_entries
from bureau.credit_file.build_report import load_consent
from bureau.credit_file.consent_events import count_uses
from bureau.credit_file.stored_inquiry import StoredInquiry
from bureau.credit_file.subject_state import (
    ADDITION,
    ANSWER,
    COMPLAINT,
    COMPLAINT_ANSWER,
    COMPLAINT_DECISION,
    DELETING,
    ESCALATION,
    LIFT,
    OBJECTION,
    OPENING,
    PLACEMENT,
    REPUDIATION,
    STATEMENT,
    SubjectEvent,
)
from bureau.errors import Refusal
from bureau.journeys import consent, dispute
from bureau.ledger.units import Transaction
from bureau.store.rows import rows_of
from bureau_keys.entry_kinds import EntryKind
from bureau_keys.portfolio import ReportTree
from bureau_keys.signer_name import member_signer, subject_id_of, subject_signer
from creditbureau.v1.consent_pb2 import ConsentChange
from creditbureau.v1.consent_request_pb2 import ConsentRequest, ConsentRequestDecline
from creditbureau.v1.dispute_pb2 import DisputeAnswer

EVENTS = rows_of("subject_event")
INQUIRIES = rows_of("inquiry", ("entry_key", "subject_id"))
KIND_OF_EVENT: dict[int, EntryKind] = {
    PLACEMENT: "hold",
    LIFT: "hold-lift",
    OPENING: "dispute",
    ADDITION: "dispute-addition",
    ANSWER: "dispute-answer",
    STATEMENT: "subject-statement",
    REPUDIATION: "key-repudiation",
    OBJECTION: "key-repudiation",
    COMPLAINT: "complaint",
    COMPLAINT_ANSWER: "complaint-answer",
    ESCALATION: "complaint-escalation",
    COMPLAINT_DECISION: "complaint-decision",
}


def _apply_change(tx: Transaction, signer: str, rest: bytes) -> None:
    consent.apply_change(tx, subject_id_of(signer), ConsentChange.FromString(rest))


def _apply_request(tx: Transaction, signer: str, rest: bytes) -> None:
    request = ConsentRequest.FromString(rest)
    if request.header.signer != signer:
        raise Refusal("SIGNER_MISMATCH", "the request is another member's")
    consent_requests.add_request(tx, request)


def _apply_decline(tx: Transaction, signer: str, rest: bytes) -> None:
    decline = ConsentRequestDecline.FromString(rest)
    consent_requests.decline_request(tx, subject_id_of(signer), decline)


# What is left of a statement of each of these kinds has its effect still.
APPLIED: dict[str, Callable[[Transaction, str, bytes], None]] = {
    "consent-change": _apply_change,
    "consent-request": _apply_request,
    "consent-request-decline": _apply_decline,
}


def replay_erased(state: ReplayState) -> None:
    """Take over a statement that was erased, if a signed erasure names it."""
    index = state.entry.leaf_index
    state.erased.note(index)
    state.erased.leaves.add(index)
    rest = state.signed_erasures.rests.get(index)
    if rest is None:
        state.found("it was erased, and no signed erasure names it")
    apply = APPLIED.get(state.entry.kind)
    if apply is None:
        take_over(state)
        return
    tx = state.transaction()
    try:
        apply(tx, state.entry.signer, rest or b"")
        state.subjects |= tx.subjects
    except (Refusal, DecodeError, KeyError) as refused:
        state.found(f"what is left of it has no effect: {refused}")


def take_over(state: ReplayState) -> None:
    """Take over the event or the inquiries of the entry as they are stored."""
    if event := EVENTS.one(state.stored, (state.entry.entry_key,)):
        _take_over_event(state, *event)
    inquiries = state.stored_inquiries()
    if state.entry.kind == "portfolio-inquiry":
        tree = ReportTree([inquiry.report_digest or b"" for inquiry in inquiries])
        if tree.answer_digest != state.entry.answer_digest:
            state.found("its reports are not the ones that were logged")
    for inquiry in inquiries:
        _take_over_inquiry(state, inquiry)


def _take_over_event(
    state: ReplayState,
    key: int,
    subject_id: str,
    kind: int,
    about: str,
    member_id: str,
    time_us: int,
    body: bytes,
) -> None:
    """Take over an event, if it may be the entry's, and do what it did."""
    entry = state.entry
    signer = subject_signer(subject_id)
    if kind in {ANSWER, COMPLAINT_ANSWER}:
        signer = member_signer(member_id)
    elif kind == COMPLAINT_DECISION and state.caller().is_operator:
        signer = state.caller().signer
    if KIND_OF_EVENT.get(kind) != entry.kind or signer != entry.signer:
        state.found("the event under it is not its own")
        return
    state.checked.unproved += 1
    state.subjects.add(subject_id)
    EVENTS.put(state.db, (key, subject_id, kind, about, member_id, time_us, body))
    tx = state.transaction()
    own_entries.fold(tx, subject_id, SubjectEvent(kind, about, member_id, time_us, body))
    if tx.answer_digest and tx.answer_digest != entry.answer_digest:
        state.found("its line in the register is not the one that was logged")
    if kind == ANSWER and DisputeAnswer.FromString(body).outcome in DELETING:
        row = own_entries.find_dispute(state.db, about)
        if row is not None:
            dispute.delete_disputed(tx, row)


def _take_over_inquiry(state: ReplayState, inquiry: StoredInquiry) -> None:
    """Take over an inquiry of a portfolio, and count the use of its consent."""
    consent = load_consent(state.db, inquiry.consent_id)
    signer = member_signer(inquiry.member_id)
    if (
        consent is None
        or signer != state.entry.signer
        or (consent.subject_id, consent.grantee) != (inquiry.subject_id, inquiry.member_id)
    ):
        state.found("an inquiry under it rests on no consent of its own")
        return
    state.checked.unproved += 1
    state.subjects.add(inquiry.subject_id)
    INQUIRIES.put(state.db, tuple(inquiry))
    count_uses(state.transaction(), [consent])
