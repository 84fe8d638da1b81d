"""The chains of subjects' events."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Select, func, select

from bureau.store import tables as t
from bureau.store.compiled import InQuery, Query
from bureau.store.queries.builders import bind, entry, insert, table

_link = table(t.EventLinkRow)


class EventLink(NamedTuple):
    """A link of a subject's chain, and the entry that it is of."""

    number: int
    hash: bytes
    entry_key: int
    leaf_index: int
    commitment: bytes
    signer: str


add_event_link = insert(t.EventLinkRow)
# The newest link of a subject, as of a log size.
newest_event_link = Query[tuple[int, bytes]](
    select(_link.c.number, _link.c.hash)
    .where(_link.c.subject_id == bind("subject_id"), _link.c.leaf_index < bind("log_size"))
    .order_by(_link.c.number.desc())
    .limit(1)
)


class NewestLink(NamedTuple):
    """The newest link of a subject's chain."""

    subject_id: str
    number: int
    hash: bytes


def _newest_of(subject_ids: list[Any]) -> Select[Any]:
    newest = (
        select(_link.c.subject_id, func.max(_link.c.number).label("number"))
        .where(_link.c.subject_id.in_(subject_ids))
        .group_by(_link.c.subject_id)
        .subquery()
    )
    same = (_link.c.subject_id == newest.c.subject_id) & (_link.c.number == newest.c.number)
    return select(_link.c.subject_id, _link.c.number, _link.c.hash).join_from(newest, _link, same)


newest_event_links = InQuery(_newest_of, NewestLink)
event_links_after = Query(
    select(
        _link.c.number,
        _link.c.hash,
        entry.c.entry_key,
        entry.c.leaf_index,
        entry.c.commitment,
        entry.c.signer,
    )
    .join_from(_link, entry, entry.c.leaf_index == _link.c.leaf_index)
    .where(_link.c.subject_id == bind("subject_id"), _link.c.number > bind("after"))
    .order_by(_link.c.number)
    .limit(bind("limit")),
    EventLink,
)
# The number of the link with a hash that a report showed.
event_link_of = Query[tuple[int]](
    select(_link.c.number).where(
        _link.c.subject_id == bind("subject_id"), _link.c.hash == bind("hash")
    )
)
# The leaf at which chains begin: entries before it were made by schemas without them.
first_event_leaf = Query[tuple[int | None]](select(func.min(_link.c.leaf_index)))
