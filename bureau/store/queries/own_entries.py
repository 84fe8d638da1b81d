"""The state of subjects' own entries, folded from their events: disputes, holds, a statement."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, Select, and_, case, delete, func, select, update

from bureau.store import tables as t
from bureau.store.compiled import Change, InQuery, Query
from bureau.store.queries.builders import (
    bind,
    dispute,
    entry,
    hold,
    hold_lift,
    insert,
    own_statement,
    subject_event,
    tradeline,
    upsert,
)
from bureau.store.queries.records import DELETED_COLUMNS, DeletedAccount

# Disputes --------------------------------------------------------------------

# The columns of a dispute, in the order of its table.
DisputeColumns: TypeAlias = tuple[str, str, str, str, int, str, int, int, int, int | None]

add_dispute = insert(t.DisputeRow)
count_addition = Change(
    update(dispute)
    .where(dispute.c.dispute_id == bind("which"))
    .values(addition_count=dispute.c.addition_count + 1)
)
set_answered = Change(
    update(dispute)
    .where(dispute.c.dispute_id == bind("which"))
    .values(answer_key=bind("answer_key"))
)
dispute_by_id = Query[DisputeColumns](
    select(*dispute.columns).where(dispute.c.dispute_id == bind("dispute_id"))
)
_unanswered = dispute.c.answer_key.is_(None)
# The time from which the days of a dispute count: facts that are added extend them.
_extended_us = dispute.c.open_us + case(
    (dispute.c.addition_count > 0, bind("extension_us")), else_=0
)
_open: ColumnElement[bool] = _extended_us > bind("since_us")
open_disputes_of = Query[tuple[int]](
    select(func.count()).where(dispute.c.subject_id == bind("subject_id"), _unanswered, _open)
)
disputes_about = Query[tuple[int]](
    select(func.count()).where(
        dispute.c.tradeline_id == bind("tradeline_id"),
        dispute.c.subject_id == bind("subject_id"),
        dispute.c.open_us > bind("since_us"),
    )
)
same_dispute = Query[tuple[str]](
    select(dispute.c.dispute_id).where(
        dispute.c.tradeline_id == bind("tradeline_id"),
        dispute.c.subject_id == bind("subject_id"),
        dispute.c.month == bind("month"),
        dispute.c.field == bind("field"),
        _unanswered,
        _open,
    )
)
# The months about which a dispute of an account waits for an answer, also after its deadline.
disputed_months = Query[tuple[int]](
    select(dispute.c.month)
    .where(dispute.c.tradeline_id == bind("tradeline_id"), _unanswered)
    .with_for_update(read=True)
)
unanswered_disputes = Query[tuple[str]](
    select(dispute.c.dispute_id).where(dispute.c.subject_id == bind("subject_id"), _unanswered)
)
disputes_of_account = Query[tuple[str]](
    select(dispute.c.dispute_id).where(dispute.c.tradeline_id == bind("tradeline_id"))
)
unanswered_disputes_of = InQuery[tuple[str]](
    lambda subject_ids: (
        select(dispute.c.dispute_id)
        .where(dispute.c.subject_id.in_(subject_ids), _unanswered)
        .order_by(dispute.c.dispute_id)
    )
)
# The answered disputes of whole accounts that other disputes of the same person are about.
_other = dispute.alias("other_dispute")
answered_about_same = InQuery[tuple[str]](
    lambda dispute_ids: (
        select(_other.c.dispute_id)
        .join_from(
            dispute,
            _other,
            and_(
                _other.c.tradeline_id == dispute.c.tradeline_id,
                _other.c.subject_id == dispute.c.subject_id,
            ),
        )
        .where(
            dispute.c.dispute_id.in_(dispute_ids),
            _other.c.month == 0,
            _other.c.answer_key.is_not(None),
        )
    )
)
# The accounts that disputes are about, as accounts of the disputes' subjects.
disputed_accounts = InQuery(
    lambda dispute_ids: (
        select(dispute.c.subject_id, *DELETED_COLUMNS[1:])
        .join_from(dispute, tradeline, tradeline.c.tradeline_id == dispute.c.tradeline_id)
        .where(dispute.c.dispute_id.in_(dispute_ids))
        .order_by(dispute.c.subject_id, dispute.c.dispute_id)
    ),
    DeletedAccount,
)


class ListedDispute(NamedTuple):
    """A dispute in a list."""

    dispute_id: str
    entry_key: int


_listed = select(dispute.c.dispute_id, dispute.c.entry_key)
disputes_of_subject_before = Query(
    _listed.where(dispute.c.subject_id == bind("subject_id"), dispute.c.entry_key < bind("before"))
    .order_by(dispute.c.entry_key.desc())
    .limit(bind("limit")),
    ListedDispute,
)
disputes_against_after = Query(
    _listed.where(dispute.c.member_id == bind("member_id"), dispute.c.entry_key > bind("after"))
    .order_by(dispute.c.entry_key)
    .limit(bind("limit")),
    ListedDispute,
)


class DisputeEntry(NamedTuple):
    """The entry of a statement about a dispute."""

    entry_key: int
    kind: int


# Statements about a dispute, in order of the log.
entries_of_dispute = InQuery(
    lambda kinds: (
        select(subject_event.c.entry_key, subject_event.c.kind)
        .join_from(subject_event, entry, subject_event.c.entry_key == entry.c.entry_key)
        .where(subject_event.c.about == bind("dispute_id"), subject_event.c.kind.in_(kinds))
        .order_by(entry.c.leaf_index)
    ),
    DisputeEntry,
)


class DisputeNews(NamedTuple):
    """An event of a dispute against the records of a member."""

    dispute_id: str
    leaf_index: int


def _news(kinds: list[ColumnElement[int]]) -> Select[tuple[str, int]]:
    return (
        select(subject_event.c.about.label("dispute_id"), entry.c.leaf_index)
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


# Events of disputes against a member's records, in order of the log.
dispute_news = InQuery(_news, DisputeNews)

# Holds -----------------------------------------------------------------------

add_hold = insert(t.HoldRow)
end_hold = Change(
    update(hold)
    .where(hold.c.subject_id == bind("whose"), hold.c.hold_id == bind("which"))
    .values(ended=bind("ended"))
)
_lift = upsert(hold_lift).values(
    subject_id=bind("subject_id"),
    hold_id=bind("hold_id"),
    member_id=bind("member_id"),
    until_us=bind("until_us"),
)
# The newest lift for a member replaces the one before, even if it ends earlier.
put_lift = Change(
    _lift.on_conflict_do_update(
        index_elements=[hold_lift.c.subject_id, hold_lift.c.hold_id, hold_lift.c.member_id],
        set_={"until_us": _lift.excluded.until_us},
    )
)
resume_holds = Change(
    update(hold).where(hold.c.subject_id == bind("whose")).values(ended=bind("ended"))
)
drop_lifts = Change(delete(hold_lift).where(hold_lift.c.subject_id == bind("whose")))


class StoredHold(NamedTuple):
    """A hold, and the time of its entry."""

    hold_id: str
    kind: int
    create_us: int
    expire_us: int
    ended: int


_holds = (
    select(
        hold.c.hold_id,
        hold.c.kind,
        subject_event.c.time_us.label("create_us"),
        hold.c.expire_us,
        hold.c.ended,
    )
    .join_from(hold, subject_event, hold.c.entry_key == subject_event.c.entry_key)
    .where(hold.c.subject_id == bind("subject_id"))
)
_not_ended = (hold.c.ended == 0, hold.c.expire_us > bind("now_us"))
holds_not_ended = Query(_holds.where(*_not_ended).order_by(hold.c.entry_key), StoredHold)
# Which of these people have a hold that has not ended.
people_on_hold = InQuery[tuple[str]](
    lambda subject_ids: (
        select(hold.c.subject_id).where(hold.c.subject_id.in_(subject_ids), *_not_ended).distinct()
    )
)
hold_by_id = Query(_holds.where(hold.c.hold_id == bind("hold_id")), StoredHold)


class StoredLift(NamedTuple):
    """A lift of a hold that has not ended."""

    hold_id: str
    member_id: str
    until_us: int


lifts_not_ended = Query(
    select(hold_lift.c.hold_id, hold_lift.c.member_id, hold_lift.c.until_us).where(
        hold_lift.c.subject_id == bind("subject_id"), hold_lift.c.until_us > bind("now_us")
    ),
    StoredLift,
)

# A statement for readers -----------------------------------------------------

_said = upsert(own_statement).values(subject_id=bind("subject_id"), entry_key=bind("entry_key"))
put_own_statement = Change(
    _said.on_conflict_do_update(
        index_elements=[own_statement.c.subject_id], set_={"entry_key": _said.excluded.entry_key}
    )
)
own_statement_of = Query[tuple[bytes]](
    select(subject_event.c.body)
    .join_from(own_statement, subject_event, own_statement.c.entry_key == subject_event.c.entry_key)
    .where(own_statement.c.subject_id == bind("subject_id"))
)
