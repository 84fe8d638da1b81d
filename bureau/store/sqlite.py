"""Connections to SQLite: one file, one writer, every commit on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, create_engine, event

from bureau_keys.sqlite_wal import use_write_ahead_log

# Seconds that another process of the file is waited for.
WAIT_S = 10
# Bytes of the write-ahead log that stay on disk: the 4000 pages of wal_autocheckpoint.
JOURNAL_BYTES = 4000 * 4096


def engine_of(url: str) -> tuple[Engine, Callable[[], Any]]:
    """Return SQLAlchemy's engine of a file, and the function that opens the driver's own
    connections.
    """
    engine = create_engine(
        url,
        pool_reset_on_return=None,
        connect_args={"check_same_thread": False, "timeout": WAIT_S},
    )
    event.listen(engine, "connect", _prepare)

    def connect() -> Any:
        pooled = engine.raw_connection()
        raw = pooled.driver_connection
        pooled.detach()
        return raw

    return engine, connect


def _prepare(raw: sqlite3.Connection, _record: object) -> None:
    raw.isolation_level = None  # transactions are opened and closed in words
    use_write_ahead_log(raw, WAIT_S)
    for pragma in (
        "synchronous=FULL",  # NORMAL loses acknowledged commits in a power cut
        "foreign_keys=ON",
        "cache_size=-65536",
        "temp_store=MEMORY",
        "wal_autocheckpoint=4000",
        # A long reader lets the log grow; the first commit after it cuts the file to this size.
        f"journal_size_limit={JOURNAL_BYTES}",
        "trusted_schema=OFF",
    ):
        raw.execute(f"PRAGMA {pragma}")
