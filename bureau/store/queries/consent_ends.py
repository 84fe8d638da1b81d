"""Queries of the ends of consents, and of the data that grantees must delete after them."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy import text as text_clause

from bureau.store import tables as t
from bureau.store.compiled import Change, Query
from bureau.store.queries.builders import bind, consent, consent_end, insert
from bureau.store.queries.log_times import end_of_consent_us


class OverdueDeletion(NamedTuple):
    """A consent whose grantee has not confirmed the deletion in time, with its due time."""

    member_id: str
    consent_id: str
    use_count: int
    due_us: int


add_consent_end = insert(t.ConsentEndRow)
deletion_of_consent = Query[tuple[int, int | None]](
    select(consent_end.c.data_life_us, consent_end.c.deletion_entry).where(
        consent_end.c.consent_id == bind("consent_id")
    )
)
set_deletion = Change(
    update(consent_end)
    .where(consent_end.c.consent_id == bind("which"))
    .values(deletion_entry=bind("deletion_entry"))
)
_due_us = end_of_consent_us + consent_end.c.data_life_us
# The consents under which members received reports that they had to delete by a time, and whose
# deletion they have not confirmed; longest overdue first.
overdue_deletions = Query(
    select(
        consent_end.c.member_id,
        consent_end.c.consent_id,
        consent.c.use_count,
        _due_us.label("due_us"),
    )
    .join_from(consent_end, consent, consent.c.consent_id == consent_end.c.consent_id)
    .where(
        # As the index says it.
        text_clause("data_life_us > 0 AND deletion_entry IS NULL"),
        consent.c.use_count > 0,
        _due_us < bind("now_us"),
    )
    .order_by(_due_us, consent_end.c.consent_id)
    .limit(bind("limit")),
    OverdueDeletion,
)
