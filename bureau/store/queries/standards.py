"""Queries of the consortium's standards of credit."""

from __future__ import annotations

from sqlalchemy import func, select

from bureau.store import tables as t
from bureau.store.compiled import Query
from bureau.store.queries.builders import bind, entry, insert, standard, statement

add_standard = insert(t.StandardRow)
newest_standard = Query[tuple[int | None]](select(func.max(standard.c.version)))
standard_of = Query[tuple[bytes, int]](
    select(statement.c.envelope, standard.c.entry_key)
    .join_from(standard, statement, standard.c.entry_key == statement.c.entry_key)
    .where(standard.c.version == bind("version"))
)
# The newest standard in force at a time, as of a log size.
standard_at = Query[tuple[bytes, int]](
    select(statement.c.envelope, standard.c.entry_key)
    .join_from(standard, statement, standard.c.entry_key == statement.c.entry_key)
    .join(entry, entry.c.entry_key == standard.c.entry_key)
    .where(standard.c.effective_us <= bind("now_us"), entry.c.leaf_index < bind("log_size"))
    .order_by(standard.c.version.desc())
    .limit(1)
)
