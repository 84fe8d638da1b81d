"""Queries of the notices to subjects."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import and_, or_, select

from bureau.store import tables as t
from bureau.store.compiled import Query
from bureau.store.queries.builders import bind, entry, insert, notice

add_notice = insert(t.NoticeRow)
NOTICE_COLUMNS = tuple(c.name for c in notice.columns)


class LoggedNotice(NamedTuple):
    """A notice, and its place in the log."""

    leaf_index: int
    ordinal: int
    kind: int
    member_id: str
    tradeline_id: str
    time_us: int


notices_before = Query(
    select(
        entry.c.leaf_index,
        notice.c.ordinal,
        notice.c.kind,
        notice.c.member_id,
        notice.c.tradeline_id,
        entry.c.time_us,
    )
    .join_from(notice, entry, notice.c.entry_key == entry.c.entry_key)
    .where(
        notice.c.subject_id == bind("subject_id"),
        or_(
            entry.c.leaf_index < bind("leaf_index"),
            and_(entry.c.leaf_index == bind("leaf_index"), notice.c.ordinal < bind("ordinal")),
        ),
    )
    .order_by(entry.c.leaf_index.desc(), notice.c.ordinal.desc())
    .limit(bind("limit")),
    LoggedNotice,
)
