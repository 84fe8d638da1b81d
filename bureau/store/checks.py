"""The statements of checks: of the whole database, and of the server that it is on."""

from __future__ import annotations

from sqlalchemy import select, text, update

from bureau.store.compiled import Change, Query
from bureau.store.queries import builders as s

# How many accounts a submission opened, where some of them were erased.
set_new_count = Change(
    update(s.submission)
    .where(s.submission.c.submission_key == s.bind("which"))
    .values(new_tradeline_count=s.bind("new_count"))
)

# Everything that the operator signed to erase.
erasures = Query[tuple[bytes]](
    select(s.statement.c.envelope)
    .join_from(s.statement, s.entry, s.statement.c.entry_key == s.entry.c.entry_key)
    .where(s.entry.c.kind == "erasure")
)

# Statements without their entry.
lost_statements = Query[tuple[int]](
    select(s.statement.c.entry_key)
    .join_from(s.statement, s.entry, s.statement.c.entry_key == s.entry.c.entry_key, isouter=True)
    .where(s.entry.c.entry_key.is_(None))
    .order_by(s.statement.c.entry_key)
)


answer_leaf = Query[tuple[int]](
    select(s.entry.c.leaf_index).where(
        s.entry.c.entry_key == s.bind("entry_key"), s.entry.c.kind == "dispute-answer"
    )
)

# Of PostgreSQL: the settings that decide whether a commit reaches a disk and a standby's, and
# the standbys that are attached. A role outside pg_monitor sees others' connections, and not
# what they are.
replication = Query[tuple[str, str, int, bool]](
    text(
        "SELECT current_setting('fsync'),"
        " current_setting('synchronous_standby_names'),"
        " (SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')),"
        " pg_has_role('pg_monitor', 'usage')"
    )
)

newest_checkpoint_time = Query[tuple[int, int]](
    select(s.checkpoint.c.tree_size, s.checkpoint.c.time_us)
    .order_by(s.checkpoint.c.tree_size.desc())
    .limit(1)
)
