"""The signal that wakes streams after a commit."""

from __future__ import annotations

import threading

import structlog

from bureau.errors import Refusal
from bureau.store.database import Database
from bureau.store.errors import StorageError

logger = structlog.get_logger("bureau.commits")

# Seconds after a lost connection until the listener connects again.
AGAIN_S = 1.0
# Seconds that a stopping node waits for the listening connection to close.
STOP_S = 1.0


class CommitSignal:
    """The signal that wakes the streams that follow commits, of this node and, through the
    database, of others. Streams also poll, so a lost signal only delays them.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._closed = False

    @property
    def count(self) -> int:
        """Number of commits signalled so far."""
        return self._count

    def notify(self) -> None:
        """Wake every waiter after a commit."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def close(self) -> None:
        """End every wait: the node stops."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait(self, since: int, seconds: float) -> None:
        """Wait until there are more commits than `since`, at most `seconds`.

        Raises:
            Refusal: SHUTTING_DOWN if the node stops.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._count > since, seconds)
            if self._closed:
                raise Refusal("SHUTTING_DOWN", "the node is stopping")


class Listener:
    """The listener for the commits of other nodes."""

    def __init__(self, database: Database, commits: CommitSignal) -> None:
        self._database = database
        self._commits = commits
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def start(self) -> None:
        """Start listening; SQLite has no other nodes."""
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
