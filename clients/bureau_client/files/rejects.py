"""The rejected rows of a file, on disk, so that memory does not grow with their number."""

from __future__ import annotations

import pickle
import sqlite3
import weakref
from collections.abc import Collection, Iterator

from bureau_client.files.sources import Reject

_TABLE = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE reject (place INT, pickled BLOB);
BEGIN;
"""


class Rejects(Collection[Reject]):
    """Rejected rows in the order of the file, in a temporary database that closes with them."""

    def __init__(self) -> None:
        # An empty name is a temporary database on disk, with a small cache. An import in a worker
        # thread is read in another one, after it.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.executescript(_TABLE)
        self._count = 0
        weakref.finalize(self, self._database.close)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Reject]:
        select = "SELECT pickled FROM reject ORDER BY place, rowid"
        for (pickled,) in self._database.execute(select):
            yield pickle.loads(pickled)  # noqa: S301 - only this process can open the database

    def __contains__(self, reject: object) -> bool:
        return any(reject == mine for mine in self)

    def add(self, reject: Reject) -> None:
        """Add a rejected row.

        Raises:
            OSError: The folder of temporary files is full, or cannot be written to.
        """
        row = reject.row.place, pickle.dumps(reject, pickle.HIGHEST_PROTOCOL)
        try:
            self._database.execute("INSERT INTO reject VALUES (?, ?)", row)
        except sqlite3.Error as error:
            raise OSError(f"a rejected row cannot be kept in a temporary file: {error}") from error
        self._count += 1
