"""Queries of the times at which members furnished, for reciprocity."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import ColumnElement, case, func, select

from bureau.store.compiled import Change, Query
from bureau.store.queries.builders import bind, contribution, member, upsert


class Contribution(NamedTuple):
    """The newest times at which a member furnished."""

    good_us: int
    default_us: int


contribution_of = Query(
    select(contribution.c.good_us, contribution.c.default_us).where(
        contribution.c.member_id == bind("member_id")
    ),
    Contribution,
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


class Contributor(NamedTuple):
    """A member, and the newest times at which it furnished."""

    create_us: int
    good_us: int
    default_us: int


contributor = Query(
    select(
        member.c.create_us,
        func.coalesce(contribution.c.good_us, 0).label("good_us"),
        func.coalesce(contribution.c.default_us, 0).label("default_us"),
    )
    .join_from(member, contribution, contribution.c.member_id == member.c.member_id, isouter=True)
    .where(member.c.member_id == bind("member_id")),
    Contributor,
)
