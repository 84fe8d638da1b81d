"""Queries of the notices to the subjects that have ever chosen an agent, for that agent.

Each is bound on both sides, by leaves or by times: it reads what is new, of all subjects.
Which of the notices the agent learns of follows from the choice that held when each arose.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, literal, or_, select

from bureau.store import tables as t
from bureau.store.compiled import Query
from bureau.store.queries.builders import (
    bind,
    entry,
    notice,
    notice_choice,
    table,
)
from bureau.store.queries.due_notices import all_due
from bureau.store.queries.told_events import TOLD_ENTRIES

_link = table(t.EventLinkRow)


class RelayedStored(NamedTuple):
    """A stored notice, and the place of its entry in the log."""

    time_us: int
    leaf_index: int
    subject_id: str
    ordinal: int
    kind: int


class RelayedEvent(NamedTuple):
    """An event of a subject, and its entry."""

    number: int
    entry_key: int
    leaf_index: int
    kind: str
    signer: str
    request_id: str
    time_us: int
    subject_id: str


class RelayedDue(NamedTuple):
    """A notice that comes by the clock."""

    due_us: int
    kind: int
    about_id: str
    subject_id: str


def _has_named(subject_id: ColumnElement[str]) -> Any:
    """Return the condition that a subject has ever chosen the agent."""
    return exists(
        select(literal(1))
        .select_from(notice_choice)
        .where(
            notice_choice.c.agent_id == bind("agent_id"), notice_choice.c.subject_id == subject_id
        )
    )


# Stored notices after a position and before a leaf, in the order of the log, then of subjects.
relayed_notices_between = Query(
    select(
        entry.c.time_us,
        entry.c.leaf_index,
        notice.c.subject_id,
        notice.c.ordinal,
        notice.c.kind,
    )
    .join_from(entry, notice, notice.c.entry_key == entry.c.entry_key)
    .where(
        entry.c.leaf_index >= bind("leaf_index"),
        entry.c.leaf_index < bind("until_leaf"),
        or_(
            entry.c.leaf_index > bind("leaf_index"),
            notice.c.subject_id > bind("subject_id"),
            and_(
                notice.c.subject_id == bind("subject_id"),
                notice.c.ordinal > bind("ordinal"),
            ),
        ),
        _has_named(notice.c.subject_id),
    )
    .order_by(entry.c.leaf_index, notice.c.subject_id, notice.c.ordinal)
    .limit(bind("limit")),
    RelayedStored,
)
# Events from a position on and before a leaf, in the order of the log, then of subjects.
relayed_events_between = Query(
    select(
        _link.c.number,
        entry.c.entry_key,
        entry.c.leaf_index,
        entry.c.kind,
        entry.c.signer,
        entry.c.request_id,
        entry.c.time_us,
        _link.c.subject_id,
    )
    .join_from(_link, entry, entry.c.leaf_index == _link.c.leaf_index)
    .where(
        _link.c.leaf_index >= bind("leaf_index"),
        _link.c.leaf_index < bind("until_leaf"),
        or_(_link.c.leaf_index > bind("leaf_index"), _link.c.subject_id >= bind("subject_id")),
        entry.c.kind.in_(tuple(map(literal, TOLD_ENTRIES))),
        _has_named(_link.c.subject_id),
    )
    .order_by(_link.c.leaf_index, _link.c.subject_id)
    .limit(bind("limit")),
    RelayedEvent,
)
_people = select(notice_choice.c.subject_id).where(notice_choice.c.agent_id == bind("agent_id"))
_due = all_due(lambda subject_id: subject_id.in_(_people))
# Notices by the clock after a position and up to a time, in the order of time.
relayed_due_between = Query(
    select(_due.c.due_us, _due.c.kind, _due.c.about_id, _due.c.subject_id)
    .where(
        _due.c.due_us <= bind("settled_us"),
        or_(
            _due.c.due_us > bind("due_us"),
            and_(
                _due.c.due_us == bind("due_us"),
                or_(
                    _due.c.kind > bind("kind"),
                    and_(_due.c.kind == bind("kind"), _due.c.about_id > bind("about_id")),
                ),
            ),
        ),
    )
    .order_by(_due.c.due_us, _due.c.kind, _due.c.about_id)
    .limit(bind("limit")),
    RelayedDue,
)
