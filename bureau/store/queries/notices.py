"""Queries of the notices to subjects."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import and_, func, or_, select

from bureau.store import tables as t
from bureau.store.compiled import Query
from bureau.store.queries.builders import bind, entry, insert, notice, subject_key, tradeline

add_notice = insert(t.NoticeRow)
NOTICE_COLUMNS = tuple(c.name for c in notice.columns)


class LoggedNotice(NamedTuple):
    """A notice, its place in the log, and the time from which its key counts."""

    entry_key: int
    leaf_index: int
    ordinal: int
    kind: int
    member_id: str
    tradeline_id: str
    key_id: str
    time_us: int
    start_us: int


_notices = (
    select(
        entry.c.entry_key,
        entry.c.leaf_index,
        notice.c.ordinal,
        notice.c.kind,
        notice.c.member_id,
        notice.c.tradeline_id,
        notice.c.key_id,
        entry.c.time_us,
        func.coalesce(subject_key.c.start_us, 0).label("start_us"),
    )
    .join_from(notice, entry, notice.c.entry_key == entry.c.entry_key)
    .join(subject_key, subject_key.c.key_id == notice.c.key_id, isouter=True)
    .where(notice.c.subject_id == bind("subject_id"))
    .limit(bind("limit"))
)
notices_before = Query(
    _notices.where(
        or_(
            entry.c.leaf_index < bind("leaf_index"),
            and_(entry.c.leaf_index == bind("leaf_index"), notice.c.ordinal < bind("ordinal")),
        ),
    ).order_by(entry.c.leaf_index.desc(), notice.c.ordinal.desc()),
    LoggedNotice,
)
notices_after = Query(
    _notices.where(
        notice.c.entry_key >= bind("floor"),
        or_(
            entry.c.leaf_index > bind("leaf_index"),
            and_(entry.c.leaf_index == bind("leaf_index"), notice.c.ordinal > bind("ordinal")),
        ),
    ).order_by(entry.c.leaf_index, notice.c.ordinal),
    LoggedNotice,
)
# The trail of an account, by its id.
trail_of = Query[tuple[bytes]](
    select(tradeline.c.trail).where(tradeline.c.tradeline_id == bind("tradeline_id"))
)
