"""Queries of the times at which members furnished, for reciprocity."""

from __future__ import annotations

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from bureau.store.compiled import Change, Query
from bureau.store.queries.builders import bind, contribution, member

contribution_of = Query[tuple[int, int]](
    select(contribution.c.good_us, contribution.c.default_us).where(
        contribution.c.member_id == bind("member_id")
    )
)
_contributed = upsert(contribution).values(
    member_id=bind("member_id"), good_us=bind("good_us"), default_us=bind("default_us")
)


def _later(name: str) -> ColumnElement[int]:
    """Select the later of the stored and the new time: another node may have been faster."""
    stored, new = contribution.c[name], _contributed.excluded[name]
    return case((stored > new, stored), else_=new)


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
