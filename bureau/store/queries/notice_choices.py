"""Queries of the choices of subjects what to hear of."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import literal, select

from bureau.store import tables as t
from bureau.store.compiled import InQuery, Query
from bureau.store.queries.builders import bind, entry, insert, notice_choice, subject_key


class StoredChoice(NamedTuple):
    """A choice of a subject, and its place in the log.

    Attributes:
        key_id: The key that signed it.
        muted: Mask of the kinds that streams leave out.
        agent_id: The agent that passes notices on; empty for none.
    """

    subject_id: str
    time_us: int
    leaf_index: int
    entry_key: int
    key_id: str
    muted: int
    agent_id: str
    language: str


add_notice_choice = insert(t.NoticeChoiceRow)
# The choices of subjects that count, in the order of the log. One that was signed with a key that
# is repudiated does not: the one before it holds again.
choices_of_subjects = InQuery(
    lambda subject_ids: (
        select(
            notice_choice.c.subject_id,
            entry.c.time_us,
            entry.c.leaf_index,
            entry.c.entry_key,
            notice_choice.c.key_id,
            notice_choice.c.muted,
            notice_choice.c.agent_id,
            notice_choice.c.language,
        )
        .join_from(notice_choice, entry, entry.c.entry_key == notice_choice.c.entry_key)
        .join(subject_key, subject_key.c.key_id == notice_choice.c.key_id)
        .where(notice_choice.c.subject_id.in_(subject_ids), subject_key.c.repudiated == literal(0))
        .order_by(entry.c.leaf_index)
    ),
    StoredChoice,
)


class FirstNaming(NamedTuple):
    """The place in the log of the first choice of all that named an agent."""

    leaf_index: int
    time_us: int


first_naming = Query(
    select(entry.c.leaf_index, entry.c.time_us)
    .join_from(notice_choice, entry, entry.c.entry_key == notice_choice.c.entry_key)
    .where(notice_choice.c.agent_id == bind("agent_id"))
    .order_by(entry.c.leaf_index)
    .limit(1),
    FirstNaming,
)
