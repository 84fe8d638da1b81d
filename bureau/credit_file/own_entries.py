"""The present state of a subject's own entries, folded into rows as each event is stored.

A reader finds by index what it needs: the holds in force, one dispute, a page of disputes. A
dispute is then made of its own few events. No call folds all events of a subject but a report
of a past log size (`subject_events.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bureau.calendar import DAY_US
from bureau.credit_file import complaints
from bureau.credit_file.subject_state import (
    ADDITION,
    ANSWER,
    LIFT,
    OF_COMPLAINTS,
    OF_DISPUTES,
    OPENING,
    PLACEMENT,
    REPUDIATION,
    STATEMENT,
    SubjectEvent,
    SubjectState,
    not_undone,
    show_holds,
    state_of,
    withdraws,
)
from bureau.ledger.units import Transaction
from bureau.policy import Policy
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau.store.tables import NEVER
from creditbureau.v1.dispute_pb2 import Dispute, DisputeOpening
from creditbureau.v1.hold_pb2 import HOLD_STATE_ENDED, Hold, HoldLift, HoldPlacement
from creditbureau.v1.subjects_pb2 import SubjectStatement

# An entry key above every real one.
ALL = 1 << 62


class StoredDispute(NamedTuple):
    """The columns of a dispute, in the order of its table."""

    dispute_id: str
    subject_id: str
    member_id: str
    tradeline_id: str
    month: int
    field: str
    entry_key: int
    open_us: int
    addition_count: int
    answer_key: int | None


# Writing ---------------------------------------------------------------------


def fold(tx: Transaction, subject_id: str, event: SubjectEvent) -> None:
    """Fold an event into the stored state; the event is stored already."""
    if event.kind == OPENING:
        opening = DisputeOpening.FromString(event.body)
        row = StoredDispute(
            event.about,
            subject_id,
            event.member_id,
            opening.tradeline_id,
            opening.month,
            opening.field,
            tx.entry_key,
            event.time_us,
            0,
            None,
        )
        tx.db.execute(q.add_dispute, **row._asdict())
    elif event.kind == ADDITION:
        tx.db.execute(q.count_addition, which=event.about)
    elif event.kind == ANSWER:
        tx.db.execute(q.set_answered, which=event.about, answer_key=tx.entry_key)
    elif event.kind == STATEMENT:
        tx.db.execute(q.put_own_statement, subject_id=subject_id, entry_key=tx.entry_key)
    elif event.kind == PLACEMENT:
        placement = HoldPlacement.FromString(event.body)
        expires = placement.HasField("expire_time")
        tx.db.execute(
            q.add_hold,
            subject_id=subject_id,
            hold_id=event.about,
            kind=placement.kind,
            entry_key=tx.entry_key,
            expire_us=placement.expire_time.ToMicroseconds() if expires else NEVER,
            ended=0,
        )
    elif event.kind == LIFT:
        _fold_lift(tx.db, subject_id, event)
    elif event.kind == REPUDIATION:
        _fold_lifts_again(tx.db, subject_id)
    elif event.kind in OF_COMPLAINTS:
        complaints.fold(tx, subject_id, event)


def _fold_lift(db: Connection, subject_id: str, event: SubjectEvent) -> None:
    lift = HoldLift.FromString(event.body)
    if not lift.HasField("until_time"):
        db.execute(q.end_hold, whose=subject_id, which=event.about, ended=1)
        return
    db.execute(
        q.put_lift,
        subject_id=subject_id,
        hold_id=event.about,
        member_id=lift.member_id,
        until_us=lift.until_time.ToMicroseconds(),
    )


def _fold_lifts_again(db: Connection, subject_id: str) -> None:
    """Fold all lifts of a subject once more: a repudiation of a key undoes some of them."""
    rows = db.all_in(q.subject_events_of_kinds, [LIFT, REPUDIATION], subject_id=subject_id)
    db.execute(q.drop_lifts, whose=subject_id)
    db.execute(q.resume_holds, whose=subject_id, ended=0)
    for event in not_undone([SubjectEvent(*row) for row in rows]):
        if event.kind == LIFT:
            _fold_lift(db, subject_id, event)


# Holds -----------------------------------------------------------------------


def read_holds(db: Connection, subject_id: str, now_us: int) -> SubjectState:
    """Read the holds that have not ended, with their lifts."""
    rows = db.all(q.holds_not_ended, subject_id=subject_id, now_us=now_us)
    return _holds_of(db, subject_id, rows, now_us)


def read_hold(db: Connection, subject_id: str, hold_id: str, now_us: int) -> Hold | None:
    """Read a hold of a subject, ended or not; None if there is none."""
    rows = db.all(q.hold_by_id, subject_id=subject_id, hold_id=hold_id)
    return _holds_of(db, subject_id, rows, now_us).holds.get(hold_id)


def _holds_of(
    db: Connection, subject_id: str, rows: list[q.StoredHold], now_us: int
) -> SubjectState:
    state = SubjectState()
    for row in rows:
        hold = Hold(hold_id=row.hold_id, kind=row.kind)  # type: ignore[arg-type]
        hold.create_time.FromMicroseconds(row.create_us)
        if row.expire_us != NEVER:
            hold.expire_time.FromMicroseconds(row.expire_us)
        if row.ended:
            hold.state = HOLD_STATE_ENDED
        state.holds[row.hold_id] = hold
    if state.holds:
        for lift in db.all(q.lifts_not_ended, subject_id=subject_id, now_us=now_us):
            state.lifts.setdefault(lift.hold_id, {})[lift.member_id] = lift.until_us
    show_holds(state, now_us)
    return state


# Disputes --------------------------------------------------------------------


def find_dispute(db: Connection, dispute_id: str) -> StoredDispute | None:
    """Find a dispute by its id, without its words."""
    row = db.one(q.dispute_by_id, dispute_id=dispute_id)
    return StoredDispute(*row) if row else None


def read_disputes(
    db: Connection, dispute_ids: Iterable[str], policy: Policy, now_us: int
) -> dict[str, Dispute]:
    """Read disputes with all that was said of them, in the order of their ids."""
    wanted = list(dispute_ids)
    read = dict.fromkeys(wanted)
    if policy.theft_documents:
        # Whether a dispute blocks its account follows from the earlier ones about it.
        read |= dict.fromkeys(row[0] for row in db.all_in(q.answered_about_same, wanted))
    rows = db.all_in(q.events_about, list(read))
    events = [event for row in rows if (event := SubjectEvent(*row)).kind in OF_DISPUTES]
    disputes = state_of(events, policy, now_us).disputes
    return {dispute_id: disputes[dispute_id] for dispute_id in wanted}


def read_withdrawing(db: Connection, subject_id: str, policy: Policy, now_us: int) -> SubjectState:
    """Read the disputes that keep their tradelines out of reports."""
    rows = db.all(q.unanswered_disputes, subject_id=subject_id)
    disputes = read_disputes(db, [dispute_id for (dispute_id,) in rows], policy, now_us)
    return SubjectState(
        disputes={name: each for name, each in disputes.items() if withdraws(each, policy)}
    )


def withdrawing_disputes(
    db: Connection, subject_ids: Sequence[str], policy: Policy, now_us: int
) -> list[Dispute]:
    """Read the disputes of these subjects that keep tradelines out of reports."""
    rows = db.all_in(q.unanswered_disputes_of, subject_ids)
    disputes = read_disputes(db, [dispute_id for (dispute_id,) in rows], policy, now_us)
    return [dispute for dispute in disputes.values() if withdraws(dispute, policy)]


def thefts_of(db: Connection, tradeline_id: str, policy: Policy, now_us: int) -> list[Dispute]:
    """Read the disputes that block an account for identity theft, answered ones too."""
    rows = db.all(q.disputes_of_account, tradeline_id=tradeline_id)
    disputes = read_disputes(db, [dispute_id for (dispute_id,) in rows], policy, now_us)
    return [dispute for dispute in disputes.values() if dispute.HasField("block_time")]


def due(policy: Policy, now_us: int) -> dict[str, int]:
    """Return the parameters by which a query tells open disputes from lapsed ones."""
    return {
        "since_us": now_us - policy.dispute_days * DAY_US,
        "extension_us": policy.dispute_extension_days * DAY_US,
    }


# All of them -----------------------------------------------------------------


def read_state(
    db: Connection, subject_id: str, policy: Policy, now_us: int, *, withdrawing_only: bool = False
) -> SubjectState:
    """Read a subject's holds in force, disputes and statement, for a report.

    Args:
        withdrawing_only: Leave out the disputes that no tradeline is withdrawn for: the report
            shows none.
    """
    if not db.one(q.has_event, subject_id=subject_id):  # most people have never entered anything
        return SubjectState()
    state = read_holds(db, subject_id, now_us)
    if withdrawing_only:
        state.disputes = read_withdrawing(db, subject_id, policy, now_us).disputes
    else:
        rows = db.all_in(q.subject_events_of_kinds, OF_DISPUTES, subject_id=subject_id)
        state.disputes = state_of([SubjectEvent(*row) for row in rows], policy, now_us).disputes
    if row := db.one(q.own_statement_of, subject_id=subject_id):
        state.statement = SubjectStatement.FromString(row[0]).text
    state.withheld_inquiries = complaints.read_withheld_inquiries(db, subject_id, policy, now_us)
    return state


def read_disclosed_state(
    db: Connection, subject_id: str, policy: Policy, now_us: int, limit: int
) -> SubjectState:
    """Read a subject's entries for their own file: of the disputes the newest ones, and those
    that a tradeline is withdrawn for.
    """
    state = read_state(db, subject_id, policy, now_us, withdrawing_only=True)
    newest = db.all(q.disputes_of_subject_before, subject_id=subject_id, before=ALL, limit=limit)
    ids = [row.dispute_id for row in newest[::-1] if row.dispute_id not in state.disputes]
    state.disputes |= read_disputes(db, ids, policy, now_us)
    return state
