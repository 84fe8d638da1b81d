"""A lock beside a SQLite database: one process serves it at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from bureau.cli.exit_codes import Exit, Stop
from bureau.config import Settings
from bureau.store.database import Database

# Appended to the name of the database's file.
SUFFIX = ".serving"


@contextmanager
def serving_lock(settings: Settings) -> Iterator[None]:
    """Hold the lock of a SQLite database inside the block; PostgreSQL needs none.

    The operating system releases the lock when the process ends, however it ends.

    Raises:
        Stop: Another process serves the database.
    """
    database = Database(settings.database, settings.node)
    if not database.is_sqlite or not database.file.exists():
        yield
        return
    path = database.file.resolve()
    lock = FileLock(path.with_name(path.name + SUFFIX), timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise Stop(
            Exit.CONFLICT,
            f"another process serves {path}",
            "Stop it first. A SQLite database has one node; PostgreSQL takes several.",
        ) from None
    try:
        yield
    finally:
        lock.release()
