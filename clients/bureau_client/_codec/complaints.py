"""Reads complaints."""

from __future__ import annotations

from bureau_client._codec.scalars import moment_or_none
from bureau_client.models.codes import ComplaintKind, ComplaintOutcome, ComplaintState, DeedType
from bureau_client.models.complaints import Complaint, ComplaintReply, Deed
from creditbureau.v1 import complaint_pb2


def read_complaint(message: complaint_pb2.Complaint) -> Complaint:
    """Read a complaint."""
    deed = message.deed
    return Complaint(
        complaint_id=message.complaint_id,
        subject_id=message.subject_id,
        member_id=message.member_id,
        kind=ComplaintKind(message.kind),
        deed=Deed(DeedType(deed.type), deed.id, deed.record_index),
        narrative=message.narrative,
        state=ComplaintState(message.state),
        create_time=moment_or_none(message.create_time),
        due_time=moment_or_none(message.due_time),
        answer=_reply(message.answer) if message.HasField("answer") else None,
        escalate_until_time=moment_or_none(message.escalate_until_time),
        escalate_time=moment_or_none(message.escalate_time),
        escalation_narrative=message.escalation_narrative,
        decide_until_time=moment_or_none(message.decide_until_time),
        decision=_reply(message.decision) if message.HasField("decision") else None,
    )


def _reply(message: complaint_pb2.ComplaintReply) -> ComplaintReply:
    return ComplaintReply(
        ComplaintOutcome(message.outcome),
        message.narrative,
        message.remedy,
        moment_or_none(message.create_time),
    )
