"""A subject's keys, their statements about their own file, and what was erased of it."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import func, select, update

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

# Keys ------------------------------------------------------------------------

add_subject_key = insert(t.SubjectKeyRow)
_key_in_force = select(subject_key.c.public_key).where(
    subject_key.c.key_id == bind("key_id"),
    subject_key.c.subject_id == bind("subject_id"),
    subject_key.c.to_entry.is_(None),
)
subject_key_in_force = Query[tuple[bytes]](_key_in_force)
keep_subject_key_in_force = Query[tuple[bytes]](_key_in_force.with_for_update(read=True))
any_subject_key = Query[tuple[bytes]](
    select(subject_key.c.public_key).where(
        subject_key.c.key_id == bind("key_id"), subject_key.c.subject_id == bind("subject_id")
    )
)
entry_of_subject_key = Query[tuple[int]](
    select(subject_key.c.from_entry).where(
        subject_key.c.key_id == bind("key_id"), subject_key.c.subject_id == bind("subject_id")
    )
)
subject_key_owner = Query[tuple[str]](
    select(subject_key.c.subject_id).where(subject_key.c.key_id == bind("key_id"))
)
retire_subject_keys = Change(
    update(subject_key)
    .where(subject_key.c.subject_id == bind("whose"), subject_key.c.to_entry.is_(None))
    .values(to_entry=bind("until"))
)

# A subject's own holds, disputes and statement -------------------------------

add_subject_event = insert(t.SubjectEventRow)
# In order of the log, below a size of it. What was said in the same transaction has
# no leaf yet: it comes last.
_event_leaf = func.coalesce(entry.c.leaf_index, 1 << 61)
subject_events = Query[tuple[int, str, str, int, bytes]](
    select(
        subject_event.c.kind,
        subject_event.c.about,
        subject_event.c.member_id,
        subject_event.c.time_us,
        subject_event.c.body,
    )
    .join_from(subject_event, entry, subject_event.c.entry_key == entry.c.entry_key, isouter=True)
    .where(subject_event.c.subject_id == bind("subject_id"), _event_leaf < bind("log_size"))
    .order_by(_event_leaf, subject_event.c.entry_key)
)


class OpenedDispute(NamedTuple):
    """The opening of a dispute."""

    subject_id: str
    member_id: str
    body: bytes
    entry_key: int


opening_of = Query(
    select(
        subject_event.c.subject_id,
        subject_event.c.member_id,
        subject_event.c.body,
        subject_event.c.entry_key,
    ).where(subject_event.c.about == bind("about"), subject_event.c.kind == bind("kind")),
    OpenedDispute,
)


class DisputeAgainst(NamedTuple):
    """A dispute against the records of a member."""

    subject_id: str
    about: str
    leaf_index: int


# Disputes against a member's records, in order of the log, by what was said of them.
disputes_against = InQuery(
    lambda kinds: (
        select(subject_event.c.subject_id, subject_event.c.about, entry.c.leaf_index)
        .join_from(subject_event, entry, subject_event.c.entry_key == entry.c.entry_key)
        .where(
            subject_event.c.member_id == bind("member_id"),
            subject_event.c.kind.in_(kinds),
            entry.c.leaf_index >= bind("start"),
        )
        .order_by(entry.c.leaf_index)
        .limit(bind("limit"))
    ),
    DisputeAgainst,
)
# Taken by a call that changes what holds on a file, and shared by calls that read it to
# act on it. All of the subject's keys, in one order: the one in force may be replaced
# meanwhile, and a lock that finds no row is none.
_keys_of_subject = (
    select(subject_key.c.key_id)
    .where(subject_key.c.subject_id == bind("subject_id"))
    .order_by(subject_key.c.key_id)
)
lock_subject = Query[tuple[str]](_keys_of_subject.with_for_update())
share_subject = Query[tuple[str]](_keys_of_subject.with_for_update(read=True))
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
