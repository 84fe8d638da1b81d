"""The keys of a file's rows, on disk, so that memory does not grow with the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

_TABLE = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE seen (key TEXT PRIMARY KEY, line INT) WITHOUT ROWID;
BEGIN;
"""


class SeenKeys:
    """Keys with the lines that they were first in, in a temporary database."""

    def __init__(self) -> None:
        # An empty name is a temporary database on disk, with a small cache.
        # The reader of a file that is not read to its end may be collected in any thread.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.executescript(_TABLE)

    def first_lines(self, keys: Sequence[tuple[str, int]]) -> list[int]:
        """Return for each key the line that it was first in, its own line if it is new.

        Args:
            keys: The next keys with their lines; many at once cost a third of each alone.
        """
        before = self._database.total_changes
        self._database.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", keys)
        if self._database.total_changes - before == len(keys):  # none was ignored
            return [line for _, line in keys]
        select = "SELECT line FROM seen WHERE key = ?"
        return [self._database.execute(select, (key,)).fetchone()[0] for key, _ in keys]

    def close(self) -> None:
        """Close and remove the database."""
        self._database.close()
