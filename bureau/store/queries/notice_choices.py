"""Queries of the choices of subjects what to hear of."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import literal, select
from sqlalchemy.dialects.postgresql import insert as upsert

from bureau.store.compiled import Change, Query
from bureau.store.queries.builders import bind, notice_choice, subject_key


class StoredChoice(NamedTuple):
    """The choice of a subject.

    Attributes:
        key_id: The key that signed it.
        muted: Mask of the kinds that streams leave out.
    """

    entry_key: int
    key_id: str
    muted: int


_chosen = upsert(notice_choice).values({c.name: bind(c.name) for c in notice_choice.columns})
put_notice_choice = Change(
    _chosen.on_conflict_do_update(
        index_elements=[notice_choice.c.subject_id],
        set_={c.name: _chosen.excluded[c.name] for c in notice_choice.columns if not c.primary_key},
    )
)
# One that was signed with a key that is repudiated does not count.
notice_choice_of = Query(
    select(notice_choice.c.entry_key, notice_choice.c.key_id, notice_choice.c.muted)
    .join_from(notice_choice, subject_key, subject_key.c.key_id == notice_choice.c.key_id)
    .where(
        notice_choice.c.subject_id == bind("subject_id"),
        subject_key.c.repudiated == literal(0),
    ),
    StoredChoice,
)
