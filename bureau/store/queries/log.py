"""The log: entries, tiles, checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from sqlalchemy import Select, and_, func, or_, select, update

from bureau.store import tables as t
from bureau.store.compiled import Change, InQuery, Query
from bureau.store.queries.builders import (
    bind,
    checkpoint,
    cosignature,
    entry,
    floor,
    head,
    insert,
    server_start,
    server_time_us,
    statement,
    tile,
    upsert,
)
from bureau_keys.signer_name import SignerName

# The columns of an entry of the log, in the order of `LoggedEntry`.
EntryColumns: TypeAlias = tuple[int, int, str, SignerName, str, bytes, bytes, bytes, bytes, int]
# Those, the bytes of its statement, and the size and note of the first checkpoint over it.
StatementColumns: TypeAlias = tuple[
    int, int, str, SignerName, str, bytes, bytes, bytes, bytes, int, bytes, int, str
]

# The log ---------------------------------------------------------------------

add_head = insert(t.LogHead)
log_size = Query[tuple[int]](select(head.c.tree_size).where(head.c.head_id == 1))
lock_head = Query[tuple[int, bytes, int, int | None]](
    select(head.c.tree_size, head.c.frontier, head.c.time_us, server_time_us())
    .where(head.c.head_id == 1)
    .with_for_update()
)
move_head = Change(
    update(head)
    .where(head.c.head_id == 1)
    .values(tree_size=bind("new_size"), frontier=bind("new_frontier"), time_us=bind("new_us"))
)
# Changes nothing; and yet the transaction is a write, whose commit waits like any.
touch_head = Change(update(head).where(head.c.head_id == 1).values(time_us=head.c.time_us))
# The oldest revision whose code may serve.
schema_floor = Query[tuple[str]](select(floor.c.revision).where(floor.c.floor_id == 1))
# The run of the server that a connection leads to; the server's time beside the log's.
server_run = Query[tuple[str | None]](select(server_start()))
times = Query[tuple[int, int | None]](
    select(head.c.time_us, server_time_us()).where(head.c.head_id == 1)
)
add_entry = insert(t.Entry)
add_statement = insert(t.StatementBytes)
add_tile = insert(t.LogTile)
add_checkpoint = insert(t.CheckpointNote)
entry_of_request = Query[EntryColumns](
    select(*entry.columns).where(
        entry.c.signer == bind("signer"), entry.c.request_id == bind("request_id")
    )
)
entries_of_requests = InQuery[EntryColumns](
    lambda names: select(*entry.columns).where(
        # SQLite reads the whole table for an IN of pairs.
        or_(
            *(
                and_(entry.c.request_id == request_id, entry.c.signer == signer)
                for request_id, signer in names
            )
        )
    ),
    pairs=True,
)
time_of_entry = Query[tuple[int]](
    select(entry.c.time_us).where(entry.c.entry_key == bind("entry_key"))
)
entry_by_key = Query[EntryColumns](
    select(*entry.columns).where(entry.c.entry_key == bind("entry_key"))
)
_first_size_over = (
    select(func.min(checkpoint.c.tree_size))
    .where(checkpoint.c.tree_size > entry.c.leaf_index)
    .correlate(entry)
    .scalar_subquery()
)
logged_statements = (
    select(*entry.columns, statement.c.envelope, checkpoint.c.tree_size, checkpoint.c.note)
    .join_from(entry, statement, statement.c.entry_key == entry.c.entry_key)
    .join(checkpoint, checkpoint.c.tree_size == _first_size_over)
)
statement_by_key = Query[StatementColumns](
    logged_statements.where(entry.c.entry_key == bind("entry_key"))
)
statements_by_key = InQuery[StatementColumns](
    lambda keys: logged_statements.where(entry.c.entry_key.in_(keys))
)
envelope_of = Query[tuple[bytes]](
    select(statement.c.envelope).where(statement.c.entry_key == bind("entry_key"))
)
commitments = Query[tuple[bytes]](
    select(entry.c.commitment)
    .where(entry.c.leaf_index >= bind("start"), entry.c.leaf_index < bind("stop"))
    .order_by(entry.c.leaf_index)
)
full_tile = Query[tuple[bytes]](
    select(tile.c.hashes).where(tile.c.level == bind("level"), tile.c.tile_index == bind("index"))
)
tile_roots = Query[tuple[bytes]](
    select(tile.c.root)
    .where(
        tile.c.level == bind("level"),
        tile.c.tile_index >= bind("start"),
        tile.c.tile_index < bind("stop"),
    )
    .order_by(tile.c.tile_index)
)
newest_checkpoint = Query[tuple[str]](
    select(checkpoint.c.note).order_by(checkpoint.c.tree_size.desc()).limit(1)
)
checkpoint_at = Query[tuple[str]](
    select(checkpoint.c.note).where(checkpoint.c.tree_size == bind("tree_size"))
)
first_checkpoint_over = Query[tuple[int, str]](
    select(checkpoint.c.tree_size, checkpoint.c.note)
    .where(checkpoint.c.tree_size > bind("leaf_index"))
    .order_by(checkpoint.c.tree_size)
    .limit(1)
)
checkpoints_after = Query[tuple[int, str]](
    select(checkpoint.c.tree_size, checkpoint.c.note)
    .where(checkpoint.c.tree_size > bind("after"))
    .order_by(checkpoint.c.tree_size)
    .limit(bind("limit"))
)

# Witnesses -------------------------------------------------------------------

newest_checkpoint_before = Query[tuple[int, str]](
    select(checkpoint.c.tree_size, checkpoint.c.note)
    .where(checkpoint.c.time_us < bind("time_us"))
    .order_by(checkpoint.c.tree_size.desc())
    .limit(1)
)
_cosigned = upsert(cosignature).values(
    tree_size=bind("tree_size"), witness=bind("witness"), line=bind("line")
)
# The later one counts: the witness's key may be another.
put_cosignature = Change(
    _cosigned.on_conflict_do_update(
        index_elements=[cosignature.c.tree_size, cosignature.c.witness],
        set_={"line": _cosigned.excluded.line},
    )
)
cosignatures_of = Query[tuple[str, str]](
    select(cosignature.c.witness, cosignature.c.line)
    .where(cosignature.c.tree_size == bind("tree_size"))
    .order_by(cosignature.c.witness)
)
touch_cosignature = Change(
    update(cosignature)
    .where(cosignature.c.tree_size == bind("which_size"), cosignature.c.witness == bind("which"))
    .values(line=cosignature.c.line)
)
cosigned_size = Query[tuple[int]](
    select(cosignature.c.tree_size)
    .where(cosignature.c.witness == bind("witness"))
    .order_by(cosignature.c.tree_size.desc())
    .limit(1)
)


def _newest_cosigned(names: Sequence[Any] = ()) -> Select[Any]:
    """Select the newest size with enough cosignatures, of the `look_back` newest cosignatures
    from size `at_least` on.
    """
    newest = (
        select(cosignature.c.tree_size)
        .where(cosignature.c.tree_size >= bind("at_least"))
        .order_by(cosignature.c.tree_size.desc())
        .limit(bind("look_back"))
        .subquery()
    )
    beside = cosignature.alias("beside")
    count = select(func.count()).where(beside.c.tree_size == newest.c.tree_size)
    if names:
        count = count.where(beside.c.witness.in_(names))
    return (
        select(newest.c.tree_size)
        .where(count.scalar_subquery() >= bind("cosignatures"))
        .order_by(newest.c.tree_size.desc())
        .limit(1)
    )


newest_cosigned = Query[tuple[int]](_newest_cosigned())
newest_cosigned_by = InQuery[tuple[int]](_newest_cosigned)

# Counts of a check of the database -------------------------------------------

entry_count = Query[tuple[int, int | None]](
    select(func.count(), func.max(entry.c.leaf_index)).select_from(entry)
)
