"""A table that is cut by month of its time-ordered key.

The whole table becomes the default partition of a new one of its name: nothing is read for that,
and every key is welcome in it. The default partition then becomes the range of all keys up to the
last of the coming months. A CHECK constraint, which is validated while nodes write, proves that it
has no other keys, so that the change itself reads nothing either. An empty default partition
follows and takes what comes later, so that no write ever lacks a partition.

The constraint refuses keys until the range is there, and then goes. A run that fails drops it; one
that is killed leaves it behind, and the doctor names the day from which on it would refuse rows.

A later run adds months. Where it comes so late that the default partition has rows, or may get
some meanwhile, that one becomes a range in the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from bureau.store.errors import StorageError
from bureau.store.partitions.forms import Form, closing_check, closing_ends, default_of
from bureau.store.partitions.known_indexes import require_known_indexes
from bureau.store.partitions.layout import Months, UniqueKey, unique_keys_of
from bureau.store.partitions.privileges import create_like
from bureau.store.partitions.session import Session
from bureau.store.partitions.unique_keys import create_key_tables, fill_key_tables, move_triggers

# Indexes of a table apart from those of its constraints: name, True if it is unique, and its
# definition after the table's name.
INDEXES = """
SELECT relname, indisunique, substring(pg_get_indexdef(indexrelid) from ' USING .*')
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE indrelid = '{table}'::regclass AND NOT indisprimary AND indisvalid
AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
ORDER BY relname
"""
UNIQUE_CONSTRAINTS = """
SELECT conname FROM pg_constraint
WHERE conrelid = '{table}'::regclass AND contype = 'u' ORDER BY conname
"""
PRIMARY_KEY = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = '{table}'::regclass AND contype = 'p'
"""
IS_INVALID = "SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('{index}')\
 AND NOT indisvalid)"


def partition_by_month(
    session: Session, table: str, key: str, months: Months, say: Callable[[str], None]
) -> None:
    """Cut a table by month as far as it is not, and add the months that are coming.

    Raises:
        StorageError: It failed, or others did not release the table in time; a later run goes on.
    """
    if not session.forms()[table].is_partitioned:
        require_known_indexes(session, table)
        _keep_unique_keys(session, table, say)
        session.briefly(lambda: _become_default(session, table, key))
        say(f"{table}: partitioned")
    form = session.forms()[table]
    if form.end is None or form.end < months.cuts[0]:
        _close_default(session, table, key, form, months)
        say(f"{table}: its rows lie before {months.name_of(months.cuts[-1])}")
    start = session.forms()[table].end
    assert start is not None, "the default partition was closed"
    for end in months.cuts:
        if end > start:
            _add_month(session, table, months.name_of(start), start, end)
            say(f"{table}: added the partition {table}_{months.name_of(start)}")
            start = end
    # The server's own analysis leaves out partitioned tables; its commit waits for a standby.
    session.run(f"ANALYZE {table}")


def _keep_unique_keys(session: Session, table: str, say: Callable[[str], None]) -> None:
    """Keep by tables of their own what the whole table's indexes keep unique, and build the
    indexes that find its rows by these keys.
    """
    keys = unique_keys_of(table)
    if not keys:
        return
    if keys[0].name not in session.forms():
        session.briefly(lambda: create_key_tables(session, table, table))
    say(f"{table}: copying its unique keys; nodes go on serving")
    fill_key_tables(session, table, say)
    say(f"{table}: building indexes; transactions that began earlier have to end first")
    for key in keys:
        _build_index(session, key)


def _build_index(session: Session, key: UniqueKey) -> None:
    if session.value(IS_INVALID.format(index=key.lookup)):
        session.run(f"DROP INDEX CONCURRENTLY {key.lookup}")  # an earlier run was killed
    columns = ", ".join(key.columns)
    session.run(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {key.lookup} ON {key.table} ({columns})")


def _become_default(session: Session, table: str, key: str) -> None:
    """Put a partitioned table in the place of a whole one, which becomes its only partition."""
    default = default_of(table)
    session.run(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    require_known_indexes(session, table)
    ((primary, primary_definition),) = session.all(PRIMARY_KEY.format(table=table))
    indexes = session.all(INDEXES.format(table=table))
    for (name,) in session.all(UNIQUE_CONSTRAINTS.format(table=table)):
        # Kept by a table of its own: see `_keep_unique_keys`.
        session.run(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    session.run(f"ALTER TABLE {table} RENAME TO {default}")
    session.run(f"ALTER INDEX {primary} RENAME TO {default}_pkey")
    create_like(session, default, table, f"PARTITION BY RANGE ({key})")
    session.run(f"ALTER TABLE {table} ADD CONSTRAINT {primary} {primary_definition}")
    for name, is_unique, definition in indexes:
        session.run(f"ALTER INDEX {name} RENAME TO {default}_{name}")
        unique = "UNIQUE " if is_unique else ""
        session.run(f"CREATE {unique}INDEX {name} ON {table}{definition}")
    move_triggers(session, table, default)
    session.run(f"ALTER TABLE {table} ATTACH PARTITION {default} DEFAULT")


def _close_default(session: Session, table: str, key: str, form: Form, months: Months) -> None:
    """Make the default partition the range of the keys before the last of the coming months, and
    put an empty one in its place.

    Raises:
        StorageError: It failed, and the default partition takes every key unless the database is
            lost.
    """
    default, start, end = default_of(table), form.end, months.cuts[-1]
    name = f"{table}_{months.name_of(start)}" if start else f"{table}_before_{months.name_of(end)}"
    check = closing_check(table, end)
    condition = f"{key} >= {start} AND {key} < {end}" if start else f"{key} < {end}"

    def become_range() -> None:
        session.run(f"ALTER TABLE {table} DETACH PARTITION {default}")
        session.run(f"ALTER TABLE {default} RENAME TO {name}")
        session.run(f"ALTER INDEX {default}_pkey RENAME TO {name}_pkey")
        session.run(
            f"ALTER TABLE {table} ATTACH PARTITION {name}"
            f" FOR VALUES FROM ({start or 'MINVALUE'}) TO ({end})"
        )
        session.run(f"ALTER TABLE {name} DROP CONSTRAINT {check}")
        _attach(session, table, default, "DEFAULT")

    try:
        if end not in closing_ends(session.all, table):
            session.briefly(lambda: _bound(session, table, check, condition))
        session.run(f"ALTER TABLE {default} VALIDATE CONSTRAINT {check}")
        session.briefly(become_range)
    except BaseException:
        with suppress(StorageError):
            if closing_ends(session.all, table):
                session.briefly(lambda: _drop_checks(session, table))
        raise


def _bound(session: Session, table: str, check: str, condition: str) -> None:
    """Limit the default partition to keys before its coming end, instead of an earlier end."""
    _drop_checks(session, table)
    session.run(
        f"ALTER TABLE {default_of(table)} ADD CONSTRAINT {check} CHECK ({condition}) NOT VALID"
    )


def _drop_checks(session: Session, table: str) -> None:
    """Drop the constraints by which the default partition refuses rows."""
    for end in closing_ends(session.all, table):
        session.run(f"ALTER TABLE {default_of(table)} DROP CONSTRAINT {closing_check(table, end)}")


def _add_month(session: Session, table: str, month: str, start: int, end: int) -> None:
    bound = f"FOR VALUES FROM ({start}) TO ({end})"
    session.briefly(lambda: _attach(session, table, f"{table}_{month}", bound))


def _attach(session: Session, table: str, part: str, bound: str) -> None:
    """Add an empty partition, by the weakest lock on the table that there is for it."""
    create_like(session, table, part)
    session.run(f"ALTER TABLE {table} ATTACH PARTITION {part} {bound}")
