"""Queries of the times at which members furnished, for reciprocity."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Text, bindparam, case, exists, func, select

from bureau.store.compiled import Change, Query
from bureau.store.queries.builders import bind, contribution, member, upsert

_AMOUNTS = ("good_us", "default_us")
_is_fresh = exists().where(
    contribution.c.member_id == bind("member_id"),
    *(contribution.c[name] >= bind(f"{name}_fresh") for name in _AMOUNTS),
)
_contributed = upsert(contribution).from_select(
    ["member_id", *_AMOUNTS],
    select(
        bindparam("member_id", type_=Text),
        *(bindparam(name, type_=BigInteger) for name in _AMOUNTS),
    ).where(~_is_fresh),
)


def _later(name: str) -> ColumnElement[int]:
    """Select the later of the stored and the new time: another node may have been faster."""
    stored, new = contribution.c[name], _contributed.excluded[name]
    return case((stored > new, stored), else_=new)


# Leaves the stored times alone, and locks no row, as long as both are fresh.
add_contribution = Change(
    _contributed.on_conflict_do_update(
        index_elements=[contribution.c.member_id],
        set_={name: _later(name) for name in _AMOUNTS},
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
