"""Complaints, the deeds that they are about, and the register of complaints."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, Select, func, select, update

from bureau.store import tables as t
from bureau.store.compiled import Change, InQuery, Query
from bureau.store.queries.builders import (
    bind,
    complaint,
    complaint_line,
    decision,
    entry,
    first_index_of,
    inquiry,
    insert,
    party,
    record,
    subject_event,
    submission,
    tradeline,
)

# Complaints ------------------------------------------------------------------

# The columns of a complaint, in the order of its table.
ComplaintColumns: TypeAlias = tuple[
    str, str, str, int, str, int, int, int, int | None, int | None, int | None
]

add_complaint = insert(t.ComplaintRow)
_one = complaint.c.complaint_id == bind("which")
set_complaint_answered = Change(update(complaint).where(_one).values(answer_key=bind("entry_key")))
set_complaint_escalated = Change(
    update(complaint).where(_one).values(escalation_key=bind("entry_key"))
)
set_complaint_decided = Change(update(complaint).where(_one).values(decision_key=bind("entry_key")))
complaint_by_id = Query[ComplaintColumns](
    select(*complaint.columns).where(complaint.c.complaint_id == bind("complaint_id"))
)
_of_subject = complaint.c.subject_id == bind("subject_id")
complaint_about = Query[tuple[str]](
    select(complaint.c.complaint_id).where(
        _of_subject,
        complaint.c.member_id == bind("member_id"),
        complaint.c.deed_type == bind("deed_type"),
        complaint.c.deed_id == bind("deed_id"),
        complaint.c.record_index == bind("record_index"),
    )
)
waiting_complaints_of = Query[tuple[int]](
    select(func.count())
    .select_from(complaint)
    .where(_of_subject, complaint.c.answer_key.is_(None), complaint.c.decision_key.is_(None))
)
complaints_of_type_since = Query[tuple[int]](
    select(func.count())
    .select_from(complaint)
    .where(
        _of_subject,
        complaint.c.deed_type == bind("deed_type"),
        complaint.c.open_us > bind("since_us"),
    )
)
complaints_of_type = Query[tuple[str]](
    select(complaint.c.complaint_id).where(_of_subject, complaint.c.deed_type == bind("deed_type"))
)


class ListedComplaint(NamedTuple):
    """A complaint in a list."""

    complaint_id: str
    entry_key: int


_listed = select(complaint.c.complaint_id, complaint.c.entry_key)
complaints_of_subject_before = Query(
    _listed.where(_of_subject, complaint.c.entry_key < bind("before"))
    .order_by(complaint.c.entry_key.desc())
    .limit(bind("limit")),
    ListedComplaint,
)
complaints_about_after = Query(
    _listed.where(complaint.c.member_id == bind("member_id"), complaint.c.entry_key > bind("after"))
    .order_by(complaint.c.entry_key)
    .limit(bind("limit")),
    ListedComplaint,
)
escalated_complaints_after = Query(
    _listed.where(complaint.c.escalation_key.is_not(None), complaint.c.entry_key > bind("after"))
    .order_by(complaint.c.entry_key)
    .limit(bind("limit")),
    ListedComplaint,
)


class ComplaintNews(NamedTuple):
    """An event of a complaint about a member."""

    complaint_id: str
    leaf_index: int


def _news(kinds: list[ColumnElement[int]]) -> Select[tuple[str, int]]:
    return (
        select(subject_event.c.about.label("complaint_id"), entry.c.leaf_index)
        .join_from(subject_event, entry, subject_event.c.entry_key == entry.c.entry_key)
        .where(
            subject_event.c.member_id == bind("member_id"),
            subject_event.c.entry_key >= bind("floor"),
            subject_event.c.kind.in_(kinds),
            entry.c.leaf_index >= bind("start"),
        )
        .order_by(entry.c.leaf_index)
        .limit(bind("limit"))
    )


# Events of complaints about a member, in order of the log.
complaint_news = InQuery(_news, ComplaintNews)

# Deeds -----------------------------------------------------------------------

inquiry_deed = Query[tuple[int]](
    select(inquiry.c.inquiry_key)
    .where(
        inquiry.c.subject_id == bind("subject_id"),
        inquiry.c.member_id == bind("member_id"),
        inquiry.c.inquiry_id == bind("deed_id"),
    )
    .limit(1)
)
decision_deed = Query[tuple[int]](
    select(decision.c.entry_key)
    .join_from(entry, decision, entry.c.entry_key == decision.c.entry_key)
    .where(
        entry.c.request_id == bind("deed_id"),
        decision.c.subject_id == bind("subject_id"),
        decision.c.member_id == bind("member_id"),
    )
)


class FurnishedDeed(NamedTuple):
    """The row that a record is in."""

    submission_key: int
    record_index: int
    tradeline_key: int
    block: bytes


furnished_deed = Query(
    select(
        record.c.submission_key,
        record.c.record_index,
        record.c.tradeline_key,
        record.c.block,
    )
    .join_from(submission, record, submission.c.submission_key == record.c.submission_key)
    .where(
        submission.c.member_id == bind("member_id"),
        submission.c.submission_id == bind("deed_id"),
        record.c.record_index == first_index_of(submission.c.submission_key, bind("record_index")),
    ),
    FurnishedDeed,
)
# The trail of an account on which a subject was ever named.
trail_about = Query[tuple[bytes]](
    select(tradeline.c.trail)
    .join_from(tradeline, party, party.c.tradeline_key == tradeline.c.tradeline_key)
    .where(
        tradeline.c.tradeline_key == bind("tradeline_key"),
        party.c.subject_id == bind("subject_id"),
    )
)

# The register ----------------------------------------------------------------

# The columns of a line, in the order of its table.
LineColumns: TypeAlias = tuple[int, int, int, str, int, int]

add_complaint_line = insert(t.ComplaintLineRow)
newest_line_number = Query[tuple[int]](select(func.coalesce(func.max(complaint_line.c.number), 0)))
line_of_entry = Query[LineColumns](
    select(*complaint_line.columns).where(complaint_line.c.entry_key == bind("entry_key"))
)
lines_after = Query[LineColumns](
    select(*complaint_line.columns)
    .where(complaint_line.c.number > bind("after"))
    .order_by(complaint_line.c.number)
    .limit(bind("limit"))
)
# The statements about a complaint, in order of the log.
entries_of_complaint = InQuery[tuple[int]](
    lambda kinds: (
        select(subject_event.c.entry_key)
        .join_from(subject_event, entry, subject_event.c.entry_key == entry.c.entry_key)
        .where(subject_event.c.about == bind("complaint_id"), subject_event.c.kind.in_(kinds))
        .order_by(entry.c.leaf_index)
    )
)
