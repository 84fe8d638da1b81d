"""Queries of the notices to subjects."""

from __future__ import annotations

from sqlalchemy import and_, or_, select

from bureau.store import tables as t
from bureau.store.compiled import Query
from bureau.store.queries.builders import bind, entry, insert, notice

add_notice = insert(t.NoticeRow)
NOTICE_COLUMNS = tuple(c.name for c in notice.columns)
notices_before = Query[tuple[int, int, int, str, str, int]](
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
    .limit(bind("limit"))
)
