"""The newest checkpoint, kept in a file apart from the database.

A database restored from a backup or from a lagging standby lacks entries for which members
hold receipts. Each node keeps a file of its own, and compares the database with the files of
every node of its folder before it serves. It refuses a database without one of the kept
checkpoints, with both checkpoints as evidence.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import structlog

from bureau.config import Settings
from bureau.ledger.known_checkpoint import KnownCheckpoint
from bureau.ledger.node_checks import ForkedLogError, LogKeyError
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau.store.turns import Turns
from bureau_keys.checkpoint import open_checkpoint, read_checkpoint
from bureau_keys.errors import BadProof
from bureau_keys.secret_files import write_private
from bureau_keys.signing import VerifyKey
from bureau_keys.whole_files import write_whole

logger = structlog.get_logger("bureau.ledger")

# Seconds between writes: the file may lag by as much after a power cut.
PAUSE_S = 0.2
DATABASE = "the database"


class CheckpointFile:
    """The writer of the newest checkpoint to a file, a few times a second at most."""

    def __init__(self, path: Path, known: KnownCheckpoint) -> None:
        self._path = path
        self._known = known
        self._reported = False  # an error is logged once
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoint-file", daemon=True)

    def start(self) -> None:
        """Start writing."""
        self._thread.start()

    def stop(self) -> None:
        """Write the newest checkpoint and stop."""
        self._stopping.set()
        self._known.changed.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while True:
            self._known.changed.wait()
            self._known.changed.clear()
            self._write_newest()
            if self._stopping.wait(PAUSE_S):
                if self._known.changed.is_set():
                    self._write_newest()
                return

    def _write_newest(self) -> None:
        """Write the newest checkpoint, or try again after the pause: while the disk is
        full, the file lags.
        """
        try:
            if note := self._known.note:
                self._write(note)
            self._reported = False
        except OSError as error:
            if not self._reported:
                logger.error("checkpoint_not_kept", path=str(self._path), error=str(error))
            self._reported = True
            self._known.changed.set()

    def _write(self, note: str) -> None:
        """Replace the file."""
        write_whole(self._path, note)


class SharedCheckpointFile(CheckpointFile):
    """The file of a node with several workers: each writes it, in turns, and none puts an earlier
    checkpoint in place of a later one.
    """

    def __init__(self, path: Path, known: KnownCheckpoint, turns: Turns) -> None:
        super().__init__(path, known)
        self._turns = turns

    def _write(self, note: str) -> None:
        """Replace the file, unless it has a later checkpoint."""
        with self._turns.take():
            kept = self._path.read_text("utf-8") if self._path.exists() else ""
            if not kept or read_checkpoint(kept).size < read_checkpoint(note).size:
                super()._write(note)


def read_all(settings: Settings) -> dict[str, str]:
    """Read the checkpoints that nodes keep in the folder, by the path of the file."""
    return {str(path): path.read_text("utf-8") for path in settings.kept_checkpoints()}


def check(settings: Settings, db: Connection, key: VerifyKey) -> None:
    """Compare the database with the checkpoints that nodes keep in the folder.

    The files are read first: a node that serves may write one meanwhile. So nothing may have
    been read in the transaction of `db` before.

    Raises:
        ForkedLogError: The database does not hold a kept checkpoint.
        LogKeyError: The log's key has not signed a kept checkpoint, or the newest one of the
            database.
    """
    check_holds(read_all(settings), db, settings.origin, key)


def check_holds(kept: Mapping[str, str], db: Connection, origin: str, key: VerifyKey) -> None:
    """Compare the database with checkpoints by the names of their places.

    Raises:
        ForkedLogError, LogKeyError: As `check`.
    """
    row = db.one(q.newest_checkpoint)
    newest = str(row[0]) if row else ""
    for location, note in {DATABASE: newest, **kept}.items():
        if note:
            check_signed(location, note, origin, key)
    for note in kept.values():
        checkpoint = read_checkpoint(note)
        logged = db.one(q.checkpoint_at, tree_size=checkpoint.size)
        if logged is None or read_checkpoint(logged[0]).root != checkpoint.root:
            raise ForkedLogError(note, newest or "(no checkpoint)\n")


def check_signed(location: str, note: str, origin: str, key: VerifyKey) -> None:
    """Raise LogKeyError unless a checkpoint is signed by the log's key under its origin."""
    try:
        open_checkpoint(note, origin, key)
    except BadProof as error:
        raise LogKeyError(location, note, origin, key) from error


def save_evidence(path: Path, error: ForkedLogError) -> None:
    """Write both checkpoints to a file."""
    write_private(path, f"{error}\n".encode())
