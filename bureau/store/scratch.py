"""A database that one caller fills, reads and throws away: the scratch copy of a check."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path

from bureau.store import schema
from bureau.store.database import Connection, Database


class ScratchDatabase(Database):
    """A SQLite database whose reads and writes share one transaction.

    Attributes:
        connection: The connection of all reads and writes.
    """

    def __init__(self, file: Path) -> None:
        """Create the database with the newest schema."""
        file.write_bytes(_empty())
        super().__init__(f"sqlite:///{file}")
        self.connection = self._opened()
        # Nothing in it has to survive a crash.
        self.connection.execute_raw("PRAGMA synchronous=OFF")
        self.connection.execute_raw("BEGIN")

    def snapshot(self) -> AbstractContextManager[Connection]:
        """Return the connection, with all that was written so far."""
        return nullcontext(self.connection)

    def transaction(self) -> AbstractContextManager[Connection]:
        """Return the connection, inside its transaction."""
        return nullcontext(self.connection)

    def flush(self) -> None:
        """Move what was written from memory to disk."""
        self.connection.execute_raw("COMMIT")
        self.connection.execute_raw("BEGIN")

    def dispose(self) -> None:
        """Close the database."""
        self.connection.close()
        super().dispose()


@cache
def _empty() -> bytes:
    """Return the file of a database with the newest schema and nothing else."""
    with tempfile.TemporaryDirectory(prefix="bureau-schema-") as folder:
        database = Database(f"sqlite:///{folder}/empty.db")
        schema.upgrade(database)
        database.dispose()
        return database.file.read_bytes()


@contextmanager
def scratch_database() -> Iterator[ScratchDatabase]:
    """Yield a scratch database in the folder of temporary files; it is deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="bureau-check-") as folder:
        database = ScratchDatabase(Path(folder) / "scratch.db")
        try:
            yield database
        finally:
            database.dispose()
