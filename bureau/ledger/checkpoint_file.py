"""The newest checkpoint, kept in a file apart from the database.

A database restored from a backup or from a lagging standby lacks entries for which members
hold receipts. A node compares the database with the file before it serves, and refuses a
database without the kept checkpoint, with both checkpoints as evidence.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

import structlog

from bureau.ledger.node_checks import ForkedLogError
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.checkpoint import open_checkpoint
from bureau_keys.secret_files import write_private
from bureau_keys.signing import VerifyKey

logger = structlog.get_logger("bureau.ledger")

# Seconds between writes: the file may lag by as much after a power cut.
PAUSE_S = 0.2


class CheckpointFile:
    """The writer of the newest checkpoint to a file, a few times a second at most."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._note = path.read_text("utf-8") if path.exists() else ""
        self._reported = False  # an error is logged once
        self._changed = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoint-file", daemon=True)

    def start(self) -> None:
        """Start writing."""
        self._thread.start()

    @property
    def newest(self) -> str:
        """Newest checkpoint given to `write`, or found in the file; empty without one."""
        return self._note

    def write(self, note: str) -> None:
        """Hand over the newest checkpoint; return before it is in the file."""
        self._note = note
        if not self._changed.is_set():
            self._changed.set()

    def stop(self) -> None:
        """Write the newest checkpoint and stop."""
        self._stopping.set()
        self._changed.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while True:
            self._changed.wait()
            self._changed.clear()
            self._write_newest()
            if self._stopping.wait(PAUSE_S):
                if self._changed.is_set():
                    self._write_newest()
                return

    def _write_newest(self) -> None:
        """Write the newest checkpoint, or try again after the pause: while the disk is
        full, the file lags.
        """
        try:
            if self._note:
                self._write(self._note)
            self._reported = False
        except OSError as error:
            if not self._reported:
                logger.error("checkpoint_not_kept", path=str(self._path), error=str(error))
            self._reported = True
            self._changed.set()

    def _write(self, note: str) -> None:
        fresh = self._path.with_name(self._path.name + ".new")
        with fresh.open("w", encoding="utf-8") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)


def check(path: Path, db: Connection, origin: str, key: VerifyKey) -> None:
    """Compare the database with the checkpoint kept apart from it.

    Raises:
        ForkedLogError: The database does not hold the kept checkpoint.
        bureau_keys.errors.BadProof: The kept checkpoint is not signed by the log's key.
    """
    if path.exists():
        check_holds(path.read_text("utf-8"), db, origin, key)


def check_holds(kept_note: str, db: Connection, origin: str, key: VerifyKey) -> None:
    """Compare the database with a checkpoint.

    Raises:
        ForkedLogError, bureau_keys.errors.BadProof: As `check`.
    """
    kept = open_checkpoint(kept_note, origin, key)
    newest = db.one(q.newest_checkpoint)
    found_note = str(newest[0]) if newest else "(no checkpoint)\n"
    same_size = db.one(q.checkpoint_at, tree_size=kept.size)
    if same_size is None or open_checkpoint(same_size[0], origin, key).root != kept.root:
        raise ForkedLogError(kept_note, found_note)


def save_evidence(path: Path, error: ForkedLogError) -> None:
    """Write both checkpoints to a file."""
    write_private(path, f"{error}\n".encode())
