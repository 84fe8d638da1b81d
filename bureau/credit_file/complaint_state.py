"""The state of a subject's complaints about deeds of members. Pure.

The state follows from subject events in order of the log and from the time in question. Which
inquiries reports leave out follows from the events alone: no report changes because time passes.
"""

from __future__ import annotations

from collections.abc import Iterable

from bureau.calendar import DAY_US
from bureau.credit_file.subject_state import (
    COMPLAINT,
    COMPLAINT_ANSWER,
    COMPLAINT_DECISION,
    ESCALATION,
    SubjectEvent,
)
from bureau.policy import Policy
from creditbureau.v1 import complaint_pb2
from creditbureau.v1.complaint_pb2 import (
    Complaint,
    ComplaintAnswer,
    ComplaintDecision,
    ComplaintEscalation,
    ComplaintOpening,
    ComplaintReply,
)

# The type of the deed that each kind of complaint is about.
DEEDS = {
    complaint_pb2.COMPLAINT_KIND_ACTION_WITHOUT_REASON: complaint_pb2.DEED_TYPE_ACTION,
    complaint_pb2.COMPLAINT_KIND_REVIEW_MISSED: complaint_pb2.DEED_TYPE_ACTION,
    complaint_pb2.COMPLAINT_KIND_INQUIRY_NOT_ASKED_FOR: complaint_pb2.DEED_TYPE_INQUIRY,
    complaint_pb2.COMPLAINT_KIND_DECISION_WITHOUT_NOTICE: complaint_pb2.DEED_TYPE_DECISION,
    complaint_pb2.COMPLAINT_KIND_EMPTY_ANSWER: complaint_pb2.DEED_TYPE_DISPUTE,
    complaint_pb2.COMPLAINT_KIND_DATA_KEPT_TOO_LONG: complaint_pb2.DEED_TYPE_CONSENT,
}
UPHELD = complaint_pb2.COMPLAINT_OUTCOME_UPHELD
REJECTED = complaint_pb2.COMPLAINT_OUTCOME_REJECTED
UNDECIDED = frozenset(
    {
        complaint_pb2.COMPLAINT_STATE_OPEN,
        complaint_pb2.COMPLAINT_STATE_OVERDUE,
        complaint_pb2.COMPLAINT_STATE_ESCALATED,
    }
)


def complaints_of(
    events: Iterable[SubjectEvent], policy: Policy, now_us: int
) -> dict[str, Complaint]:
    """Fold subject events, in order of the log, into the complaints at a time, by id."""
    complaints: dict[str, Complaint] = {}
    for event in events:
        if event.kind == COMPLAINT:
            complaints[event.about] = _opened(event, policy)
        elif event.kind == COMPLAINT_ANSWER:
            _answer(complaints[event.about], event, policy)
        elif event.kind == ESCALATION:
            _escalate(complaints[event.about], event, policy)
        elif event.kind == COMPLAINT_DECISION:
            _decide(complaints[event.about], event)
    for complaint in complaints.values():
        complaint.state = _state(complaint, now_us)
    return complaints


def may_escalate(complaint: Complaint, now_us: int) -> bool:
    """Return True if the subject can take a complaint to the operator at a time."""
    if complaint.state == complaint_pb2.COMPLAINT_STATE_OVERDUE:
        return True
    answered = complaint.state == complaint_pb2.COMPLAINT_STATE_ANSWERED
    if not answered or complaint.answer.outcome == UPHELD:
        return False
    until_us = complaint.escalate_until_time.ToMicroseconds()
    return not complaint.HasField("escalate_until_time") or now_us < until_us


def is_upheld(complaint: Complaint) -> bool:
    """Return True if the member or the operator upheld a complaint; the operator's word counts
    where there is one.
    """
    if complaint.HasField("decision"):
        return complaint.decision.outcome == UPHELD
    return complaint.answer.outcome == UPHELD


def withheld_inquiries(complaints: Iterable[Complaint]) -> frozenset[tuple[str, str]]:
    """Return the inquiries that reports for other members leave out: those with a complaint that
    waits for an answer or a decision, and those with one that was upheld.

    Returns:
        Member id and inquiry id of each.
    """
    return frozenset(
        (complaint.member_id, complaint.deed.id)
        for complaint in complaints
        if complaint.deed.type == complaint_pb2.DEED_TYPE_INQUIRY
        and (complaint.state in UNDECIDED or is_upheld(complaint))
    )


def _opened(event: SubjectEvent, policy: Policy) -> Complaint:
    opening = ComplaintOpening.FromString(event.body)
    complaint = Complaint(
        complaint_id=event.about,
        subject_id=opening.subject_id,
        member_id=opening.member_id,
        kind=opening.kind,
        deed=opening.deed,
        narrative=opening.narrative,
    )
    complaint.create_time.FromMicroseconds(event.time_us)
    if days := policy.complaint.days:
        complaint.due_time.FromMicroseconds(event.time_us + days * DAY_US)
    return complaint


def _answer(complaint: Complaint, event: SubjectEvent, policy: Policy) -> None:
    answer = ComplaintAnswer.FromString(event.body)
    reply = ComplaintReply(outcome=answer.outcome, narrative=answer.narrative, remedy=answer.remedy)
    reply.create_time.FromMicroseconds(event.time_us)
    complaint.answer.CopyFrom(reply)
    days = policy.complaint.escalation_days
    if answer.outcome == REJECTED and days and not complaint.HasField("escalate_time"):
        complaint.escalate_until_time.FromMicroseconds(event.time_us + days * DAY_US)


def _escalate(complaint: Complaint, event: SubjectEvent, policy: Policy) -> None:
    complaint.escalate_time.FromMicroseconds(event.time_us)
    complaint.escalation_narrative = ComplaintEscalation.FromString(event.body).narrative
    if days := policy.complaint.decision_days:
        complaint.decide_until_time.FromMicroseconds(event.time_us + days * DAY_US)


def _decide(complaint: Complaint, event: SubjectEvent) -> None:
    decision = ComplaintDecision.FromString(event.body)
    reply = ComplaintReply(outcome=decision.outcome, narrative=decision.narrative)
    reply.create_time.FromMicroseconds(event.time_us)
    complaint.decision.CopyFrom(reply)


def _state(complaint: Complaint, now_us: int) -> complaint_pb2.ComplaintState.ValueType:
    if complaint.HasField("decision"):
        return complaint_pb2.COMPLAINT_STATE_DECIDED
    if complaint.HasField("escalate_time"):
        return complaint_pb2.COMPLAINT_STATE_ESCALATED
    if complaint.HasField("answer"):
        return complaint_pb2.COMPLAINT_STATE_ANSWERED
    due_us = complaint.due_time.ToMicroseconds()
    if complaint.HasField("due_time") and now_us >= due_us:
        return complaint_pb2.COMPLAINT_STATE_OVERDUE
    return complaint_pb2.COMPLAINT_STATE_OPEN
