"""An index that is built while nodes serve, for expanding revisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op

# The partitions of a table, or the indexes that are parts of an index.
PARTS = """
SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = to_regclass(:name) ORDER BY relname
"""


def build_index(
    name: str, table: str, columns: Sequence[str], *, unique: bool = False, where: str = ""
) -> None:
    """Build an index that waits for every transaction, and that no transaction waits for.

    It is the only step of its revision: what came before it would be committed with it,
    and made again if it had to be tried again. What an earlier try left goes first.

    Args:
        unique: Two rows may not have the same columns.
        where: Condition of the rows that are indexed; empty for all.
    """
    context = op.get_context()
    condition = sa.text(where) if where else None
    if partitions := _partitions_of(table):
        with context.autocommit_block():
            _build_in_partitions(name, table, partitions, columns, unique=unique, where=where)
        return
    with context.autocommit_block(), _unlimited(context.dialect.name == "postgresql"):
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(
            name,
            table,
            list(columns),
            unique=unique,
            sqlite_where=condition,
            postgresql_where=condition,
            postgresql_concurrently=True,
        )


def remove_index(name: str, table: str) -> None:
    """Remove an index that no transaction waits for; the only step of its revision."""
    context = op.get_context()
    if _partitions_of(table):
        op.drop_index(name, table, if_exists=True)
        return
    with context.autocommit_block(), _unlimited(context.dialect.name == "postgresql"):
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)


def _build_in_partitions(
    name: str,
    table: str,
    partitions: Sequence[str],
    columns: Sequence[str],
    *,
    unique: bool,
    where: str,
) -> None:
    """Build the index of each partition by itself: that of a partitioned table cannot be built
    while rows are written. It is valid once it has those of all partitions.
    """
    definition = f"({', '.join(columns)})" + (f" WHERE {where}" if where else "")
    kind = "UNIQUE INDEX" if unique else "INDEX"
    op.execute(f"CREATE {kind} IF NOT EXISTS {name} ON ONLY {table} {definition}")
    ready = set(_parts_of(name))
    for partition in partitions:
        part = f"{partition}_{name}"
        if part in ready:
            continue
        with _unlimited(postgresql=True):
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {part}")
            op.execute(f"CREATE {kind} CONCURRENTLY {part} ON {partition} {definition}")
        op.execute(f"ALTER INDEX {name} ATTACH PARTITION {part}")


def _partitions_of(table: str) -> list[str]:
    """Return the names of a table's partitions; none for a whole table, and on SQLite."""
    if op.get_context().dialect.name == "sqlite":
        return []
    return _parts_of(table)


def _parts_of(name: str) -> list[str]:
    return list(op.get_bind().execute(sa.text(PARTS), {"name": name}).scalars())


@contextmanager
def _unlimited(postgresql: bool) -> Iterator[None]:
    """Lift the limit of waits for locks, which is for statements that others wait for."""
    if not postgresql:
        yield
        return
    limit = op.get_bind().exec_driver_sql("SHOW lock_timeout").scalar_one()
    op.execute("SET lock_timeout = 0")
    yield
    op.execute(f"SET lock_timeout = '{limit}'")
