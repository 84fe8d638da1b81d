"""Queries of the notices that an agent passes on: those to the subjects whose choice names it, from
the choice on.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import and_, literal, or_, select

from bureau.store import tables as t
from bureau.store.compiled import Query
from bureau.store.queries.builders import (
    bind,
    consent,
    consent_request,
    entry,
    notice,
    notice_choice,
    subject_key,
    table,
)
from bureau.store.queries.due_notices import all_due
from bureau.store.queries.told_events import TOLD_ENTRIES

_link = table(t.EventLinkRow)
_choice_entry = entry.alias("choice_entry")


class Relayed(NamedTuple):
    """A stored notice to a subject, and the choice of that subject."""

    leaf_index: int
    subject_id: str
    ordinal: int
    kind: int
    time_us: int
    muted: int
    language: str


class RelayedEvent(NamedTuple):
    """An event of a subject, its entry, and the choice of that subject."""

    number: int
    entry_key: int
    leaf_index: int
    kind: str
    signer: str
    request_id: str
    time_us: int
    subject_id: str
    muted: int
    language: str


class RelayedDue(NamedTuple):
    """A notice that comes by the clock, and the choice of its subject."""

    due_us: int
    kind: int
    about_id: str
    subject_id: str
    muted: int
    language: str


# The choices that name an agent; one that was signed with a key that is repudiated does not count.
_named = and_(notice_choice.c.agent_id == bind("agent_id"), subject_key.c.repudiated == literal(0))
# Stored notices after a position, in the order of the log, then of subjects.
relayed_notices_after = Query(
    select(
        entry.c.leaf_index,
        notice.c.subject_id,
        notice.c.ordinal,
        notice.c.kind,
        entry.c.time_us,
        notice_choice.c.muted,
        notice_choice.c.language,
    )
    .join_from(notice, entry, entry.c.entry_key == notice.c.entry_key)
    .join(notice_choice, notice_choice.c.subject_id == notice.c.subject_id)
    .join(subject_key, subject_key.c.key_id == notice_choice.c.key_id)
    .join(_choice_entry, _choice_entry.c.entry_key == notice_choice.c.entry_key)
    .where(
        _named,
        notice.c.entry_key >= bind("floor"),
        entry.c.leaf_index > _choice_entry.c.leaf_index,
        or_(
            entry.c.leaf_index > bind("leaf_index"),
            and_(
                entry.c.leaf_index == bind("leaf_index"),
                or_(
                    notice.c.subject_id > bind("subject_id"),
                    and_(
                        notice.c.subject_id == bind("subject_id"),
                        notice.c.ordinal > bind("ordinal"),
                    ),
                ),
            ),
        ),
    )
    .order_by(entry.c.leaf_index, notice.c.subject_id, notice.c.ordinal)
    .limit(bind("limit")),
    Relayed,
)
# Events from a position on, in the order of the log, then of subjects.
relayed_events_from = Query(
    select(
        _link.c.number,
        entry.c.entry_key,
        entry.c.leaf_index,
        entry.c.kind,
        entry.c.signer,
        entry.c.request_id,
        entry.c.time_us,
        _link.c.subject_id,
        notice_choice.c.muted,
        notice_choice.c.language,
    )
    .join_from(_link, entry, entry.c.leaf_index == _link.c.leaf_index)
    .join(notice_choice, notice_choice.c.subject_id == _link.c.subject_id)
    .join(subject_key, subject_key.c.key_id == notice_choice.c.key_id)
    .join(_choice_entry, _choice_entry.c.entry_key == notice_choice.c.entry_key)
    .where(
        _named,
        entry.c.kind.in_(tuple(map(literal, TOLD_ENTRIES))),
        _link.c.leaf_index > _choice_entry.c.leaf_index,
        _link.c.leaf_index >= bind("leaf_index"),
        or_(_link.c.leaf_index > bind("leaf_index"), _link.c.subject_id >= bind("subject_id")),
    )
    .order_by(_link.c.leaf_index, _link.c.subject_id)
    .limit(bind("limit")),
    RelayedEvent,
)
_people = select(notice_choice.c.subject_id).where(notice_choice.c.agent_id == bind("agent_id"))
_due = all_due(consent.c.subject_id.in_(_people), consent_request.c.subject_id.in_(_people))
# Notices by the clock after a position, in the order of time.
relayed_due_after = Query(
    select(
        _due.c.due_us,
        _due.c.kind,
        _due.c.about_id,
        _due.c.subject_id,
        notice_choice.c.muted,
        notice_choice.c.language,
    )
    .join_from(_due, notice_choice, notice_choice.c.subject_id == _due.c.subject_id)
    .join(subject_key, subject_key.c.key_id == notice_choice.c.key_id)
    .join(_choice_entry, _choice_entry.c.entry_key == notice_choice.c.entry_key)
    .where(
        _named,
        _due.c.due_us > _choice_entry.c.time_us,
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
