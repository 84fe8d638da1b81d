"""An index that is built while nodes serve, for expanding revisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op


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
    with context.autocommit_block(), _unlimited(context.dialect.name == "postgresql"):
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)


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
