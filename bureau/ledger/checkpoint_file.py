"""Keeps the newest checkpoint apart from the database.

A database that comes back from a backup, or from a standby that lagged, would
make the log forget what members hold receipts for. A node compares before it
serves, and refuses such a database with both checkpoints as evidence.
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

# Seconds between writes: what a power cut may take from the evidence.
PAUSE_S = 0.2


class CheckpointFile:
    """Writes the newest checkpoint to a file, a few times a second at most."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._note = path.read_text("utf-8") if path.exists() else ""
        self._told = False  # of what hinders it, once
        self._changed = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Starts writing."""
        self._thread.start()

    @property
    def newest(self) -> str:
        """The newest checkpoint that was taken; empty if there was none."""
        return self._note

    def write(self, note: str) -> None:
        """Takes the newest checkpoint; returns at once."""
        self._note = note
        if not self._changed.is_set():
            self._changed.set()

    def stop(self) -> None:
        """Writes what it has and ends."""
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
        """Writes it, or tries again after the pause: a full disk has room some day, and
        until then the evidence lags.
        """
        try:
            if self._note:
                self._write(self._note)
            self._told = False
        except OSError as error:
            if not self._told:
                logger.error("checkpoint_not_kept", path=str(self._path), error=str(error))
            self._told = True
            self._changed.set()

    def _write(self, note: str) -> None:
        fresh = self._path.with_name(self._path.name + ".new")
        with fresh.open("w", encoding="utf-8") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)


def check(path: Path, db: Connection, origin: str, key: VerifyKey) -> None:
    """Holds the database against the checkpoint kept apart from it.

    Raises:
        ForkedLogError: The database is behind, or has another log.
        bureau_keys.errors.BadProof: The kept checkpoint is not the log's.
    """
    if path.exists():
        check_holds(path.read_text("utf-8"), db, origin, key)


def check_holds(kept_note: str, db: Connection, origin: str, key: VerifyKey) -> None:
    """Holds the database against a checkpoint.

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
    """Writes both checkpoints to a file."""
    write_private(path, f"{error}\n".encode())
