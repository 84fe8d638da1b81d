"""A subject's keys, and their statements about their own file."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from sqlalchemy import exists, func, literal, select, update

from bureau.store import tables as t
from bureau.store.compiled import Change, InQuery, Query
from bureau.store.queries.builders import (
    bind,
    entry,
    insert,
    party,
    subject_event,
    subject_key,
    tradeline,
)
from bureau.store.queries.log import StatementColumns, logged_statements

# Keys ------------------------------------------------------------------------

# The columns of a key, in the order of its table.
SubjectKeyColumns: TypeAlias = tuple[
    str, str, bytes, int, int | None, int, int, int, str, str, int, int
]

add_subject_key = insert(t.SubjectKeyRow)
# Any key of the subject, in force or not.
subject_public_key = Query[tuple[bytes]](
    select(subject_key.c.public_key).where(
        subject_key.c.key_id == bind("key_id"), subject_key.c.subject_id == bind("subject_id")
    )
)
# The statement that bound a key to its subject.
statement_of_subject_key = Query[StatementColumns](
    logged_statements.join(subject_key, subject_key.c.from_entry == entry.c.entry_key).where(
        subject_key.c.key_id == bind("key_id"), subject_key.c.subject_id == bind("subject_id")
    )
)
subject_key_in_force = Query[tuple[str]](
    select(subject_key.c.key_id).where(
        subject_key.c.key_id == bind("key_id"),
        subject_key.c.subject_id == bind("subject_id"),
        subject_key.c.start_us <= bind("now_us"),
        subject_key.c.end_us > bind("now_us"),
    )
)


class KeptSubjectKey(NamedTuple):
    """The time of a key that no other node changes until the transaction ends."""

    start_us: int
    end_us: int
    to_entry: int | None


keep_subject_key = Query(
    select(subject_key.c.start_us, subject_key.c.end_us, subject_key.c.to_entry)
    .where(subject_key.c.key_id == bind("key_id"), subject_key.c.subject_id == bind("subject_id"))
    .with_for_update(read=True),
    KeptSubjectKey,
)
subject_key_owner = Query[tuple[str]](
    select(subject_key.c.subject_id).where(subject_key.c.key_id == bind("key_id"))
)
keys_bound_since = Query[tuple[int]](
    select(func.count()).where(
        subject_key.c.subject_id == bind("subject_id"), subject_key.c.start_us > bind("since_us")
    )
)
keys_attested_since = Query[tuple[int]](
    select(func.count()).where(
        subject_key.c.subject_id == bind("subject_id"),
        subject_key.c.attester == bind("attester"),
        subject_key.c.start_us > bind("since_us"),
    )
)
keys_of_subject = Query[SubjectKeyColumns](
    select(*subject_key.columns)
    .where(subject_key.c.subject_id == bind("subject_id"))
    .order_by(subject_key.c.from_entry)
)
change_subject_key = Change(
    update(subject_key)
    .where(subject_key.c.key_id == bind("which"))
    .values(
        {
            name: bind(name)
            for name in (
                *("to_entry", "start_us", "end_us", "lift_us"),
                *("previous", "approved", "repudiated"),
            )
        }
    )
)

# A subject's events ----------------------------------------------------------

add_subject_event = insert(t.SubjectEventRow)
# In order of the log, below a size of it. What was said in the same transaction has
# no leaf yet: it comes last.
_event_leaf = func.coalesce(entry.c.leaf_index, 1 << 61)
# The columns of an event, in the order of `SubjectEvent`.
EventColumns: TypeAlias = tuple[int, str, str, int, bytes]
_events = (
    select(
        subject_event.c.kind,
        subject_event.c.about,
        subject_event.c.member_id,
        subject_event.c.time_us,
        subject_event.c.body,
    )
    .join_from(subject_event, entry, subject_event.c.entry_key == entry.c.entry_key, isouter=True)
    .order_by(_event_leaf, subject_event.c.entry_key)
)
subject_events = Query[EventColumns](
    _events.where(subject_event.c.subject_id == bind("subject_id"), _event_leaf < bind("log_size"))
)
has_event = Query[tuple[int]](
    select(literal(1)).where(exists().where(subject_event.c.subject_id == bind("subject_id")))
)
subject_events_of_kinds = InQuery[EventColumns](
    lambda kinds: _events.where(
        subject_event.c.subject_id == bind("subject_id"), subject_event.c.kind.in_(kinds)
    )
)
# The events of disputes: an opening, a few additions, an answer for each.
events_about = InQuery[EventColumns](lambda about: _events.where(subject_event.c.about.in_(about)))
events_since = Query[tuple[int]](
    select(func.count()).where(
        subject_event.c.subject_id == bind("subject_id"),
        subject_event.c.time_us > bind("since_us"),
    )
)
events_about_in = Query[tuple[str]](
    select(subject_event.c.about).where(
        subject_event.c.subject_id == bind("subject_id"),
        subject_event.c.kind == bind("kind"),
        subject_event.c.time_us >= bind("start_us"),
        subject_event.c.time_us <= bind("end_us"),
    )
)


class EventEffect(NamedTuple):
    """The subject of an event, and what it did."""

    subject_id: str
    body: bytes


effect_of_event = Query(
    select(subject_event.c.subject_id, subject_event.c.body).where(
        subject_event.c.entry_key == bind("entry_key"), subject_event.c.kind == bind("kind")
    ),
    EventEffect,
)
# Members that said one thing of a subject's key since a time.
said_of_key = Query[tuple[str]](
    select(subject_event.c.member_id).where(
        subject_event.c.subject_id == bind("subject_id"),
        subject_event.c.kind == bind("kind"),
        subject_event.c.about == bind("key_id"),
        subject_event.c.time_us >= bind("since_us"),
    )
)


# Locks, and the accounts that disputes are about --------------------------------

# Taken by a call that changes what holds on a file, and shared by calls that read it to
# act on it. All of the subject's keys, in one order: the one in force may be replaced
# meanwhile, and a lock that finds no row is none.
_key_ids_of_subject = (
    select(subject_key.c.key_id)
    .where(subject_key.c.subject_id == bind("subject_id"))
    .order_by(subject_key.c.key_id)
)
lock_subject = Query[tuple[str]](_key_ids_of_subject.with_for_update())
share_subject = Query[tuple[str]](_key_ids_of_subject.with_for_update(read=True))
share_subjects = InQuery[tuple[str]](
    lambda subject_ids: (
        select(subject_key.c.key_id)
        .where(subject_key.c.subject_id.in_(subject_ids))
        .order_by(subject_key.c.subject_id, subject_key.c.key_id)
        .with_for_update(read=True)
    )
)
# The people with an event of a kind.
having_events = InQuery[tuple[str]](
    lambda subject_ids: (
        select(subject_event.c.subject_id)
        .where(subject_event.c.subject_id.in_(subject_ids), subject_event.c.kind == bind("kind"))
        .distinct()
    )
)
party_tradeline = Query[tuple[int, str]](
    select(tradeline.c.tradeline_key, tradeline.c.member_id)
    .join_from(party, tradeline, tradeline.c.tradeline_key == party.c.tradeline_key)
    .where(
        party.c.subject_id == bind("subject_id"), tradeline.c.tradeline_id == bind("tradeline_id")
    )
)


class DisputedAccount(NamedTuple):
    """An account, as its records left it."""

    tradeline_key: int
    history: bytes
    trail: bytes
    marks: int
    people: bytes
    newest_submission_key: int
    newest_record_index: int


lock_tradeline = Query(
    select(
        tradeline.c.tradeline_key,
        tradeline.c.history,
        tradeline.c.trail,
        tradeline.c.marks,
        tradeline.c.people,
        tradeline.c.newest_submission_key,
        tradeline.c.newest_record_index,
    )
    .where(tradeline.c.tradeline_id == bind("tradeline_id"))
    .with_for_update(),
    DisputedAccount,
)
