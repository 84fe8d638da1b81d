"""For expanding revisions: an index that is built while nodes serve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from alembic import op


def build_index(name: str, table: str, columns: Sequence[str]) -> None:
    """Builds an index, which nobody waits for, and which waits for everybody.

    It is the only step of its revision: what came before it would be committed with it,
    and made again if it had to be tried again. What an earlier try left goes first.
    """
    context = op.get_context()
    with context.autocommit_block(), _unlimited(context.dialect.name == "postgresql"):
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(name, table, list(columns), postgresql_concurrently=True)


@contextmanager
def _unlimited(postgresql: bool) -> Iterator[None]:
    """Waits as long as it takes: the limit is for what others wait behind."""
    if not postgresql:
        yield
        return
    limit = op.get_bind().exec_driver_sql("SHOW lock_timeout").scalar_one()
    op.execute("SET lock_timeout = 0")
    yield
    op.execute(f"SET lock_timeout = '{limit}'")
