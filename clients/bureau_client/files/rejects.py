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
CREATE TABLE reject (place INTEGER PRIMARY KEY, pickled BLOB);
BEGIN;
"""


class Rejects(Collection[Reject]):
    """Rejected rows in the order of the file, each place once, in a temporary database."""

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
        for (pickled,) in self._database.execute("SELECT pickled FROM reject ORDER BY place"):
            yield pickle.loads(pickled)  # noqa: S301 - only this process can open the database

    def __contains__(self, reject: object) -> bool:
        return any(reject == mine for mine in self)

    def add(self, reject: Reject) -> None:
        """Add a row that was not rejected before."""
        pickled = pickle.dumps(reject, pickle.HIGHEST_PROTOCOL)
        self._database.execute("INSERT INTO reject VALUES (?, ?)", (reject.row.place, pickled))
        self._count += 1
