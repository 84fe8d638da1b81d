"""The state of a subject's own entries: holds, disputes, a statement. Pure.

The state follows from subject events in order of the log and from the time in question, so
the state of any past log size can be rebuilt. The present state is stored
(`bureau/credit_file/own_entries.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from bureau.calendar import DAY_US
from bureau.policy import Policy
from creditbureau.v1 import dispute_pb2, hold_pb2
from creditbureau.v1.dispute_pb2 import (
    Dispute,
    DisputeAddition,
    DisputeAnswer,
    DisputeFacts,
    DisputeOpening,
)
from creditbureau.v1.hold_pb2 import Hold, HoldLift, HoldPlacement
from creditbureau.v1.subjects_pb2 import SubjectStatement, Undoing

PLACEMENT, LIFT, OPENING, ANSWER, STATEMENT, ADDITION, REPUDIATION, OBJECTION = range(1, 9)
OF_DISPUTES = [OPENING, ADDITION, ANSWER]
COMPLAINT, COMPLAINT_ANSWER, ESCALATION, COMPLAINT_DECISION = range(20, 24)
OF_COMPLAINTS = [COMPLAINT, COMPLAINT_ANSWER, ESCALATION, COMPLAINT_DECISION]
NOTICE_CHOICE = 30

DELETING = frozenset({dispute_pb2.DISPUTE_OUTCOME_DELETED, dispute_pb2.DISPUTE_OUTCOME_FRAUD})


class SubjectEvent(NamedTuple):
    """A statement about a subject's own file.

    Attributes:
        kind: PLACEMENT, LIFT, OPENING, ANSWER, STATEMENT, ADDITION; REPUDIATION of a key,
            or OBJECTION: the first of two attesters' statements that repudiate it; COMPLAINT,
            COMPLAINT_ANSWER, ESCALATION, COMPLAINT_DECISION; NOTICE_CHOICE, which changes
            nothing here.
        about: Id of the hold, dispute, key or complaint; empty for a statement.
        member_id: The furnisher that a dispute is against; the attester that repudiates; the
            member that a complaint is about.
        time_us: Time of its log entry.
        body: The signed payload; of a REPUDIATION, its Undoing.
    """

    kind: int
    about: str
    member_id: str
    time_us: int
    body: bytes


@dataclass(slots=True)
class SubjectState:
    """A subject's holds, disputes and statement, as of a time.

    Attributes:
        holds: By id, ended holds included.
        disputes: By id, closed disputes included.
        lifts: By hold id, the end of each lift by member id ("" for all members). Lifts
            that have ended are left out.
        withheld_inquiries: Member id and inquiry id of the inquiries that reports for other
            members leave out because of a complaint.
    """

    holds: dict[str, Hold] = field(default_factory=dict)
    lifts: dict[str, dict[str, int]] = field(default_factory=dict)
    disputes: dict[str, Dispute] = field(default_factory=dict)
    statement: str = ""
    withheld_inquiries: frozenset[tuple[str, str]] = frozenset()


def state_of(events: Iterable[SubjectEvent], policy: Policy, now_us: int) -> SubjectState:
    """Fold subject events, in order of the log, into the state at a time."""
    state = SubjectState()
    for event in not_undone(list(events)):
        if event.kind == PLACEMENT:
            state.holds[event.about] = _placed(event)
        elif event.kind == LIFT:
            _lift(state, event.about, HoldLift.FromString(event.body))
        elif event.kind == OPENING:
            state.disputes[event.about] = _opened(event, policy)
        elif event.kind == ANSWER:
            _answer(state.disputes[event.about], event)
        elif event.kind == ADDITION:
            _add(state.disputes[event.about], event, policy)
        elif event.kind == STATEMENT:
            state.statement = SubjectStatement.FromString(event.body).text
    show_holds(state, now_us)
    _block(state.disputes.values(), policy)
    for dispute in state.disputes.values():
        _lapse(dispute, now_us)
    return state


def show_holds(state: SubjectState, now_us: int) -> None:
    """Leave out the lifts that have ended, and set the state and the lifts of every hold."""
    for hold_id, lifts in state.lifts.items():
        state.lifts[hold_id] = {
            lifted_for: until for lifted_for, until in lifts.items() if until > now_us
        }
    for hold in state.holds.values():
        # The subject sees the lifts for all members and those for single members.
        _show_lift(hold, state.lifts.get(hold.hold_id, {}))
        hold.state = _hold_state(hold, now_us)


def _lapse(dispute: Dispute, now_us: int) -> None:
    """Close a dispute that was not answered in time."""
    due = dispute.due_time.ToMicroseconds()
    if dispute.state == dispute_pb2.DISPUTE_STATE_OPEN and now_us >= due:
        dispute.state = dispute_pb2.DISPUTE_STATE_LAPSED
        dispute.close_time.CopyFrom(dispute.due_time)


def not_undone(events: list[SubjectEvent]) -> Iterator[SubjectEvent]:
    """Yield events, without the lifts that a later repudiation of a key undoes."""
    spans: list[tuple[int, int]] = []
    kept: list[SubjectEvent] = []
    for event in reversed(events):
        if event.kind == REPUDIATION:
            undoing = Undoing.FromString(event.body)
            if undoing.HasField("start_time"):
                start_us = undoing.start_time.ToMicroseconds()
                spans.append((start_us, undoing.end_time.ToMicroseconds()))
        undone = any(start <= event.time_us <= end for start, end in spans)
        if not (event.kind == LIFT and undone):
            kept.append(event)
    return reversed(kept)


def is_frozen_for(state: SubjectState, member_id: str, now_us: int) -> bool:
    """Return True if a security freeze is in force that is not lifted for a member."""
    return any(
        hold.kind == hold_pb2.HOLD_KIND_SECURITY_FREEZE
        and _in_force(state, hold, member_id, now_us)
        for hold in state.holds.values()
    )


def holds_for(state: SubjectState, member_id: str, now_us: int) -> list[Hold]:
    """Return the holds that have not ended, as a member sees them.

    Lifts for other members are left out, because they would say where the subject asks for
    credit.
    """
    holds = []
    for hold in state.holds.values():
        if _ended(hold, now_us):
            continue
        lifts = state.lifts.get(hold.hold_id, {})
        shown = Hold()
        shown.CopyFrom(hold)
        _show_lift(
            shown,
            {
                lifted_for: until
                for lifted_for, until in lifts.items()
                if lifted_for in {"", member_id}
            },
        )
        shown.state = _hold_state(shown, now_us)
        holds.append(shown)
    return holds


def _in_force(state: SubjectState, hold: Hold, member_id: str, now_us: int) -> bool:
    """Return True if a hold stops a member at a time."""
    lifts = state.lifts.get(hold.hold_id, {})
    lifted = any(now_us < lifts.get(grantee, 0) for grantee in ("", member_id))
    return not lifted and not _ended(hold, now_us)


def withdrawn_by_dispute(state: SubjectState, policy: Policy) -> set[str]:
    """Return the tradelines that no report shows because of a dispute."""
    return {
        dispute.tradeline_id for dispute in state.disputes.values() if withdraws(dispute, policy)
    }


def blocked_by_dispute(state: SubjectState) -> set[str]:
    """Return the tradelines that a dispute blocks for identity theft."""
    return {dispute.tradeline_id for dispute in state.disputes.values() if is_blocking(dispute)}


def withdraws(dispute: Dispute, policy: Policy) -> bool:
    """Return True if a dispute keeps its tradeline out of reports: it was not answered in time,
    or blocks the tradeline for identity theft.
    """
    lapsed = dispute.state == dispute_pb2.DISPUTE_STATE_LAPSED
    return is_blocking(dispute) or (lapsed and policy.unanswered == "delete")


def is_blocking(dispute: Dispute) -> bool:
    """Return True if a dispute blocks its tradeline for identity theft, until it is answered."""
    answered = dispute.state == dispute_pb2.DISPUTE_STATE_ANSWERED
    return dispute.HasField("block_time") and not answered


def dispute_for(dispute: Dispute, member_id: str) -> Dispute:
    """Return a dispute as a member sees it.

    Only the disputed furnisher and the subject see the furnisher's answer.
    """
    if dispute.member_id == member_id:
        return dispute
    shown = Dispute()
    shown.CopyFrom(dispute)
    shown.ClearField("answer_narrative")
    shown.ClearField("correction")
    return shown


def _placed(event: SubjectEvent) -> Hold:
    placement = HoldPlacement.FromString(event.body)
    hold = Hold(hold_id=event.about, kind=placement.kind)
    hold.create_time.FromMicroseconds(event.time_us)
    if placement.HasField("expire_time"):
        hold.expire_time.CopyFrom(placement.expire_time)
    return hold


def _lift(state: SubjectState, hold_id: str, lift: HoldLift) -> None:
    if not lift.HasField("until_time"):
        state.holds[hold_id].state = hold_pb2.HOLD_STATE_ENDED
    else:
        # A lift for all members and lifts for single members are kept apart; the last of
        # each replaces the one before, even if it ends earlier.
        until_us = lift.until_time.ToMicroseconds()
        state.lifts.setdefault(hold_id, {})[lift.member_id] = until_us


def _show_lift(hold: Hold, lifts: dict[str, int]) -> None:
    """Set the lifts of a hold, and the lift that opens it widest."""
    for name in ("lifted_for_member_id", "lifted_until_time", "lifts"):
        hold.ClearField(name)
    for lifted_for, until_us in sorted(lifts.items()):
        hold.lifts.add(member_id=lifted_for).until_time.FromMicroseconds(until_us)
    if lifts:
        lifted_for = "" if "" in lifts else max(lifts, key=lambda member_id: lifts[member_id])
        hold.lifted_for_member_id = lifted_for
        hold.lifted_until_time.FromMicroseconds(lifts[lifted_for])


def _ended(hold: Hold, now_us: int) -> bool:
    expired = hold.HasField("expire_time") and now_us >= hold.expire_time.ToMicroseconds()
    return expired or hold.state == hold_pb2.HOLD_STATE_ENDED


def _hold_state(hold: Hold, now_us: int) -> hold_pb2.HoldState.ValueType:
    if _ended(hold, now_us):
        return hold_pb2.HOLD_STATE_ENDED
    until = hold.lifted_until_time.ToMicroseconds()
    if hold.HasField("lifted_until_time") and now_us < until:
        return hold_pb2.HOLD_STATE_LIFTED_FOR_A_TIME
    return hold_pb2.HOLD_STATE_IN_FORCE


def _opened(event: SubjectEvent, policy: Policy) -> Dispute:
    opening = DisputeOpening.FromString(event.body)
    dispute = Dispute(
        dispute_id=event.about,
        subject_id=opening.subject_id,
        tradeline_id=opening.tradeline_id,
        month=opening.month,
        field=opening.field,
        reason=opening.reason,
        narrative=opening.narrative,
        state=dispute_pb2.DISPUTE_STATE_OPEN,
        attachment_digests=opening.attachment_digests,
        member_id=event.member_id,
    )
    dispute.create_time.FromMicroseconds(event.time_us)
    dispute.due_time.FromMicroseconds(event.time_us + policy.dispute_days * DAY_US)
    return dispute


def _block(disputes: Iterable[Dispute], policy: Policy) -> None:
    """Block the accounts of disputes that say identity theft, once they have the documents.

    The bureau declines a further block of an account that its furnisher's newest answer to such a
    dispute certified (15 U.S.C. 1681c-2(c)(1)): otherwise a person hides a debt by one dispute
    after another. The further dispute is one like any other.
    """
    documented: defaultdict[tuple[str, str], list[tuple[int, Dispute]]] = defaultdict(list)
    for dispute in disputes:
        if time_us := _documented_us(dispute, policy):
            account = dispute.subject_id, dispute.tradeline_id
            documented[account].append((time_us, dispute))
    for asked in documented.values():
        answers = [
            (dispute.close_time.ToMicroseconds(), dispute.outcome)
            for _, dispute in asked
            if dispute.state == dispute_pb2.DISPUTE_STATE_ANSWERED
        ]
        for time_us, dispute in asked:
            _, newest = max((each for each in answers if each[0] <= time_us), default=(0, 0))
            if newest in {0, *DELETING}:
                dispute.block_time.FromMicroseconds(time_us)


def _documented_us(dispute: Dispute, policy: Policy) -> int:
    """Return the time at which a dispute of a whole account for identity theft had the documents
    that the policy asks for; 0 if it has not.

    A document that is attached twice counts once.
    """
    theft = dispute.reason == dispute_pb2.DISPUTE_REASON_IDENTITY_THEFT
    if not (policy.theft_documents and theft) or dispute.month:
        return 0
    attached: set[bytes] = set()
    parts: list[Dispute | DisputeFacts] = [dispute, *dispute.additions]
    for part in parts:
        attached.update(part.attachment_digests)
        if len(attached) >= policy.theft_documents:
            return part.create_time.ToMicroseconds()
    return 0


def _answer(dispute: Dispute, event: SubjectEvent) -> None:
    answer = DisputeAnswer.FromString(event.body)
    dispute.state = dispute_pb2.DISPUTE_STATE_ANSWERED
    dispute.outcome = answer.outcome
    dispute.answer_narrative = answer.narrative
    dispute.close_time.FromMicroseconds(event.time_us)
    if answer.HasField("correction"):
        dispute.correction.CopyFrom(answer.correction)


def _add(dispute: Dispute, event: SubjectEvent, policy: Policy) -> None:
    addition = DisputeAddition.FromString(event.body)
    if not dispute.additions:
        due_us = dispute.due_time.ToMicroseconds() + policy.dispute_extension_days * DAY_US
        dispute.due_time.FromMicroseconds(due_us)
    facts = dispute.additions.add(
        narrative=addition.narrative, attachment_digests=addition.attachment_digests
    )
    facts.create_time.FromMicroseconds(event.time_us)
