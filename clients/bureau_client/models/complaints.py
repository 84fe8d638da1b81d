"""Complaints of people about deeds of members, and the counts of the register."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bureau_client.models.codes import ComplaintKind, ComplaintOutcome, ComplaintState, DeedType


@dataclass(frozen=True, slots=True)
class Deed:
    """A deed of a member.

    Attributes:
        id: Id of the inquiry, the decision, the dispute, the consent, or the action's submission.
        record_index: Index of the action's record in its submission; 0 for other deeds.
    """

    type: DeedType
    id: str
    record_index: int = 0


@dataclass(frozen=True, slots=True)
class ComplaintReply:
    """The answer of a member to a complaint, or the decision of the operator.

    Attributes:
        narrative: Reasons.
        remedy: What the member did; empty in a decision.
    """

    outcome: ComplaintOutcome
    narrative: str
    remedy: str
    create_time: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """A person's complaint about a deed of a member.

    Attributes:
        due_time: Until when the member must answer; None if the jurisdiction sets no time.
        answer: The member's answer; None until there is one.
        escalate_until_time: Until when a rejected complaint can be taken to the operator.
        escalate_time: Time at which the person took it to the operator; None if they did not.
        decide_until_time: Until when the operator must decide.
        decision: The operator's decision; None until there is one.
        number: Number of the opening's line in the register; 0 in the reply to an answer, an
            escalation or a decision.
        leaf_index: Index of the opening's leaf in the log; -1 where `number` is 0.
        proved: True if all statements were verified. False in the reply to an answer, an
            escalation or a decision, which has no other statement, and where one was erased.
    """

    complaint_id: str
    subject_id: str
    member_id: str
    kind: ComplaintKind
    deed: Deed
    narrative: str
    state: ComplaintState
    create_time: datetime | None
    due_time: datetime | None
    answer: ComplaintReply | None
    escalate_until_time: datetime | None
    escalate_time: datetime | None
    escalation_narrative: str
    decide_until_time: datetime | None
    decision: ComplaintReply | None
    number: int = field(default=0, compare=False)
    leaf_index: int = field(default=-1, compare=False)
    proved: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class ComplaintNews:
    """An event of a complaint about a member.

    Attributes:
        cursor: Position of the event; continues a stream after it.
    """

    cursor: int
    complaint: Complaint


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintCount:
    """Complaints of one kind about one member, counted from the lines of the register.

    Attributes:
        opened: Complaints.
        unanswered: Those of them without an answer and without a decision.
        upheld: Answers of the member that uphold a complaint.
        rejected: Answers of the member that reject one.
        escalated: Complaints that were taken to the operator.
        operator_upheld: Decisions of the operator that uphold a complaint.
        operator_rejected: Decisions of the operator that reject one.
        unproved: Lines among all of these whose statement was erased, so that no leaf of the log
            proves them any more.
    """

    member_id: str
    kind: ComplaintKind
    opened: int
    unanswered: int
    upheld: int
    rejected: int
    escalated: int
    operator_upheld: int
    operator_rejected: int
    unproved: int
