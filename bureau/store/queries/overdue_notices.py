"""Queries of the deadlines that passed without an answer or a decision: notices by the clock.

A deadline follows from the policy's days, which the caller gives. What is logged at the deadline
itself comes after it. A notice that came once stays.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Table, and_, case, exists, literal, or_, select

from bureau.store.queries.builders import bind, complaint, dispute, entry, subject_event

__all__: list[str] = []

# NoticeKind of each.
_DISPUTE, _COMPLAINT, _UNDECIDED = literal(42), literal(43), literal(44)
# `subject_event.kind` of facts that were added to a dispute.
_ADDITION = literal(6)


def disputes_overdue(whose: ColumnElement[bool]) -> Any:
    """Return the deadlines of disputes that passed without an answer: facts that were logged before
    a deadline extend it.
    """
    due = dispute.c.open_us + bind("dispute_us")
    added = entry.alias("added")
    extends = exists(
        select(literal(1))
        .select_from(subject_event)
        .join(added, added.c.entry_key == subject_event.c.entry_key)
        .where(
            subject_event.c.about == dispute.c.dispute_id,
            subject_event.c.kind == _ADDITION,
            added.c.time_us < due,
        )
    )
    is_extended = and_(dispute.c.addition_count > literal(0), extends)
    due += case((is_extended, bind("extension_us")), else_=literal(0))
    return (
        _passed(due, _DISPUTE, dispute, dispute.c.dispute_id, dispute.c.entry_key)
        .join_from(dispute, entry, entry.c.entry_key == dispute.c.answer_key, isouter=True)
        .where(whose, or_(dispute.c.answer_key.is_(None), entry.c.time_us >= due))
    )


def complaints_overdue(whose: ColumnElement[bool]) -> Any:
    """Return the deadlines of complaints that passed without the member's answer; none where the
    policy gives none.
    """
    due = complaint.c.open_us + bind("complaint_us")
    return (
        _passed(due, _COMPLAINT, complaint, complaint.c.complaint_id, complaint.c.entry_key)
        .join_from(complaint, entry, entry.c.entry_key == complaint.c.answer_key, isouter=True)
        .where(
            whose,
            due > complaint.c.open_us,
            or_(complaint.c.answer_key.is_(None), entry.c.time_us >= due),
        )
    )


def complaints_undecided(whose: ColumnElement[bool]) -> Any:
    """Return the deadlines of complaints that passed without the operator's decision; none where
    the policy gives none.
    """
    due = subject_event.c.time_us + bind("decision_us")
    return (
        _passed(due, _UNDECIDED, complaint, complaint.c.complaint_id, complaint.c.escalation_key)
        .join_from(
            complaint, subject_event, subject_event.c.entry_key == complaint.c.escalation_key
        )
        .join(entry, entry.c.entry_key == complaint.c.decision_key, isouter=True)
        .where(
            whose,
            due > subject_event.c.time_us,
            or_(complaint.c.decision_key.is_(None), entry.c.time_us >= due),
        )
    )


def _passed(
    due: ColumnElement[int],
    kind: ColumnElement[int],
    table: Table,
    about_id: ColumnElement[str],
    entry_key: ColumnElement[int],
) -> Any:
    """Select a deadline, what it is about, and the parties of its row."""
    return select(
        due.label("due_us"),
        kind.label("kind"),
        about_id.label("about_id"),
        table.c.member_id,
        entry_key.label("entry_key"),
        literal(0).label("end_us"),
        table.c.subject_id,
    )
