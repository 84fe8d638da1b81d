"""The plain service's database: SQLite with the pragmas that make the bureau's commits durable."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import Engine, event
from sqlmodel import SQLModel, create_engine

# Connections: as many as callers, so that no caller waits for one.
CONNECTIONS = 16
# Seconds that a writer waits for the others.
WAIT_S = 10
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "cache_size=-65536",
    "temp_store=MEMORY",
    "wal_autocheckpoint=4000",
)


def open_database(path: Path) -> Engine:
    """Open the database of a file, and create its tables where they are missing."""
    engine = create_engine(
        f"sqlite:///{path}",
        pool_size=CONNECTIONS,
        connect_args={"check_same_thread": False, "timeout": WAIT_S},
    )
    event.listen(engine, "connect", _set_pragmas)
    SQLModel.metadata.create_all(engine)
    return engine


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
