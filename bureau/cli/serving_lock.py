"""A lock beside a SQLite database: one process serves it at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bureau.cli.exit_codes import Exit, Stop
from bureau.config import Settings
from bureau.process_lock import SERVING, LockHeldError, process_lock
from bureau.store.database import Database


@contextmanager
def serving_lock(settings: Settings) -> Iterator[None]:
    """Hold the lock of a SQLite database inside the block; PostgreSQL needs none.

    Raises:
        Stop: Another process serves the database.
    """
    database = Database(settings.database, settings.node)
    if not database.is_sqlite or not database.file.exists():
        yield
        return
    path = database.file.resolve()
    with ExitStack() as stack:
        try:
            stack.enter_context(process_lock(path.with_name(path.name + SERVING), "serves"))
        except LockHeldError as error:
            raise Stop(
                Exit.CONFLICT,
                f"another process serves {path}: {error.holder}",
                "Stop it first. A SQLite database has one node; PostgreSQL takes several.",
            ) from None
        yield
