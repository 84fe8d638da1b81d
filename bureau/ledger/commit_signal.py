"""Tells who waits that something was committed."""

from __future__ import annotations

import threading

import structlog

from bureau.errors import Refusal
from bureau.store.database import Database
from bureau.store.errors import StorageError

logger = structlog.get_logger("bureau.commits")

# Seconds until it listens again after the database was away.
AGAIN_S = 1.0
# Seconds that a stopping node waits for the listening connection to close.
STOP_S = 1.0


class CommitSignal:
    """Wakes those that follow what is committed, on this node or, by way of the
    database, on another. Who waits looks again after a while nevertheless.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._closed = False

    @property
    def count(self) -> int:
        """How many there were so far."""
        return self._count

    def notify(self) -> None:
        """Something was committed."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def close(self) -> None:
        """The node stops: nobody waits any longer."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait(self, since: int, seconds: float) -> None:
        """Waits until there are more commits than `since`, at most so many seconds.

        Raises:
            Refusal: SHUTTING_DOWN.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._count > since, seconds)
            if self._closed:
                raise Refusal("SHUTTING_DOWN", "the node is stopping")


class Listener:
    """Tells of what other nodes commit."""

    def __init__(self, database: Database, commits: CommitSignal) -> None:
        self._database = database
        self._commits = commits
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def start(self) -> None:
        """Starts listening, if there can be other nodes."""
        if not self._database.is_sqlite:
            self._thread.start()

    def stop(self) -> None:
        """Stop listening; wait at most STOP_S for the connection to close."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._database.listen(self._commits.notify, self._stopping)
            except StorageError as error:
                logger.warning("not_listening", error=str(error))
                self._stopping.wait(AGAIN_S)
