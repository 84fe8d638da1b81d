"""Rows that are copied to another table in small batches, while nodes change them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from bureau.store.partitions.session import Session

# Rows of one batch: a node that wants one of them waits for milliseconds.
BATCH = 1000
# Seconds until rows that a node held are tried again.
PAUSE_S = 0.2
# Seconds between two messages about rows that were copied.
PROGRESS_S = 60.0


class Batch(NamedTuple):
    """Rows of a table whose keys follow each other.

    Attributes:
        key: Column of the keys.
        after: The key before the first one.
        last: The last key.
    """

    key: str
    after: int
    last: int

    @property
    def condition(self) -> str:
        """The condition of its rows."""
        return f"{self.key} > {self.after} AND {self.key} <= {self.last}"


def batches(session: Session, table: str, key: str, say: Callable[[str], None]) -> Iterator[Batch]:
    """Yield each batch of a table's rows, in order of its key."""
    count, next_message = 0, time.monotonic() + PROGRESS_S
    last = session.value(f"SELECT min({key}) - 1 FROM {table}")
    while last is not None:
        if time.monotonic() > next_message:
            say(f"{table}: {count * BATCH} rows so far")
            next_message += PROGRESS_S
        count += 1
        end = session.value(
            f"SELECT max({key}) FROM (SELECT {key} FROM {table} WHERE {key} > {last}"
            f" ORDER BY {key} LIMIT {BATCH}) AS batch"
        )
        if end is not None:
            yield Batch(key, last, end)
        last = end


def copy_columns(
    session: Session, source: str, target: str, columns: str, waiting: Iterator[Batch]
) -> None:
    """Copy columns that no node changes or deletes, by batches; what is there already stays."""
    for batch in waiting:
        session.run(
            f"INSERT INTO {target} ({columns}) SELECT {columns} FROM {source}"
            f" WHERE {batch.condition} ON CONFLICT DO NOTHING"
        )


def copy_rows(session: Session, source: str, target: str, waiting: Iterator[Batch]) -> None:
    """Copy whole rows, by batches, until both tables are the same; triggers keep them so.

    A row that a node holds is left for later, so that the copy waits for no node. The rows of a
    batch stay locked until it is committed: none is deleted between its reading and its copy.
    """
    while different := [batch for batch in waiting if not _copy(session, source, target, batch)]:
        time.sleep(PAUSE_S)
        waiting = iter(different)


def _copy(session: Session, source: str, target: str, batch: Batch) -> bool:
    """Copy a batch; return True if both tables have the same rows of it."""
    key, condition = batch.key, batch.condition
    session.run(
        f"INSERT INTO {target} (SELECT source.* FROM {source} AS source"
        f" WHERE {condition} AND NOT EXISTS"
        f" (SELECT 1 FROM {target} AS target WHERE target.{key} = source.{key})"
        " FOR SHARE OF source SKIP LOCKED) ON CONFLICT DO NOTHING"
    )
    # One statement sees one moment, and a row and its copy change in one transaction.
    different = session.value(
        f"SELECT count(*) FROM (SELECT * FROM {source} WHERE {condition}) AS source"
        f" FULL JOIN (SELECT * FROM {target} WHERE {condition}) AS target"
        f" ON source.{key} = target.{key} WHERE source IS DISTINCT FROM target"
    )
    return not different


def wait_for_earlier_readers(session: Session) -> None:
    """Wait until no transaction reads a moment at which the copies were not committed: in such a
    moment the copy lacks rows.

    Of another role's session the server shows the id of its role and `backend_xmin`, and hides its
    type. Its own workers have no role: a vacuum reads no rows by its snapshot.
    """
    newest = session.value("SELECT CAST(CAST(pg_current_xact_id() AS xid) AS text)")
    earlier = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND usesysid IS NOT NULL AND pid <> pg_backend_pid()"
        f" AND age(backend_xmin) >= age(CAST('{newest}' AS xid))"
    )
    while session.value(earlier):
        time.sleep(PAUSE_S)
