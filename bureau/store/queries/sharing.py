"""What members earn, what people are told, what all agreed on."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert

from bureau.store import tables as t
from bureau.store.compiled import Change, Query
from bureau.store.queries.builders import (
    bind,
    contribution,
    entry,
    insert,
    member,
    notice,
    standard,
    statement,
)

# Reciprocity -----------------------------------------------------------------

contribution_of = Query[tuple[int, int]](
    select(contribution.c.good_us, contribution.c.default_us).where(
        contribution.c.member_id == bind("member_id")
    )
)
_contributed = upsert(contribution).values(
    member_id=bind("member_id"), good_us=bind("good_us"), default_us=bind("default_us")
)


def _later(name: str) -> ColumnElement[int]:
    """The later of what is there and what comes: another node may have been faster."""
    there, comes = contribution.c[name], _contributed.excluded[name]
    return case((there > comes, there), else_=comes)


set_contribution = Change(
    _contributed.on_conflict_do_update(
        index_elements=[contribution.c.member_id],
        set_={name: _later(name) for name in ("good_us", "default_us")},
    )
)
contributor = Query[tuple[int, int, int]](
    select(
        member.c.create_us,
        func.coalesce(contribution.c.good_us, 0),
        func.coalesce(contribution.c.default_us, 0),
    )
    .join_from(member, contribution, contribution.c.member_id == member.c.member_id, isouter=True)
    .where(member.c.member_id == bind("member_id"))
)

# Notices, and standards of credit --------------------------------------------

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
add_standard = insert(t.StandardRow)
newest_standard = Query[tuple[int | None]](select(func.max(standard.c.version)))
standard_of = Query[tuple[bytes, int]](
    select(statement.c.envelope, standard.c.entry_key)
    .join_from(standard, statement, standard.c.entry_key == statement.c.entry_key)
    .where(standard.c.version == bind("version"))
)
# The newest standard in force at a time, as of a log size.
standard_at = Query[tuple[bytes, int]](
    select(statement.c.envelope, standard.c.entry_key)
    .join_from(standard, statement, standard.c.entry_key == statement.c.entry_key)
    .join(entry, entry.c.entry_key == standard.c.entry_key)
    .where(standard.c.effective_us <= bind("now_us"), entry.c.leaf_index < bind("log_size"))
    .order_by(standard.c.version.desc())
    .limit(1)
)
