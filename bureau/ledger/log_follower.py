"""The follower of the log: it makes the checkpoints of other nodes known to this one.

A node that has written nothing for a while would otherwise take a database that lost the
entries of the others for the right one.
"""

from __future__ import annotations

import threading

from bureau.ledger import log
from bureau.ledger.known_checkpoint import KnownCheckpoint
from bureau.store.database import Database
from bureau.store.errors import StorageError

# Seconds between two readings, after n failures doubled n times up to the longest.
PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
# Seconds that a stopping node waits for a reading under way: the database may be silent.
STOP_S = 1.0


class LogFollower:
    """The follower of the log, in a thread of its own."""

    def __init__(self, database: Database, known: KnownCheckpoint) -> None:
        self._database = database
        self._known = known
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log follower", daemon=True)

    def start(self) -> None:
        """Start following."""
        self._thread.start()

    def stop(self) -> None:
        """Stop following; wait at most STOP_S for a reading under way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def follow(self) -> None:
        """Read the newest checkpoint, and know it once it is durable.

        Raises:
            StorageError: The database did not answer, or its commit was not waited for.
        """
        with self._database.snapshot() as db:
            size, note = log.size_of(db), log.newest_checkpoint(db)
        if size <= self._known.size:
            return
        if not self._database.is_sqlite:  # SQLite shows what is on disk
            with self._database.transaction() as db:
                log.confirm_durable(db)
        self._known.see(note)

    def _run(self) -> None:
        failures = 0
        while True:
            try:
                self.follow()
                failures = 0
            except StorageError:  # the ledger and the readiness check report it
                failures += 1
            if self._stopping.wait(min(PAUSE_S * 2**failures, LONGEST_PAUSE_S)):
                return
