"""Memory of a witness, in one SQLite file: of each log the newest checkpoint that it has cosigned,
and what speaks against a log.

Everything is on disk before a method returns: a witness that forgot what it cosigned
would cosign another history.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bureau_keys.checkpoint import Checkpoint, parse_checkpoint
from bureau_keys.note import Verifier, note_vkey, parse_note, parse_vkey
from bureau_keys.sqlite_wal import use_write_ahead_log
from bureau_keys.witness import AddCheckpoint, is_fork, nothing_of

# Pieces of evidence against one log: a holder of its key could send more.
MAX_EVIDENCE = 1000
# Seconds that one process waits for another.
MAX_WAIT_S = 10.0

SCHEMA = """
CREATE TABLE IF NOT EXISTS log (
    origin TEXT PRIMARY KEY,
    log_key TEXT NOT NULL,
    note TEXT NOT NULL,
    time_s INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS evidence (
    origin TEXT NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    seen_note TEXT NOT NULL,
    request BLOB NOT NULL,
    time_s INTEGER NOT NULL,
    PRIMARY KEY (origin, size, root)
);
"""


class Followed(NamedTuple):
    """A log that the witness follows.

    Attributes:
        log_key: Verifies its checkpoints.
        note: The newest that was cosigned, as the log signed it; empty before the first.
        time_s: When that was, seconds since 1970 UTC.
    """

    log_key: Verifier
    note: str
    time_s: int

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.log_key.name

    @property
    def seen(self) -> Checkpoint:
        """The newest checkpoint that was cosigned."""
        return _seen(self.origin, self.note)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A checkpoint that a log signed, and that does not go on from what was cosigned.

    Attributes:
        seen_note: What was cosigned.
        request: How the other came, with the proof that was sent along.
        time_s: When, seconds since 1970 UTC.
    """

    origin: str
    seen_note: str
    request: AddCheckpoint
    time_s: int

    @property
    def is_fork(self) -> bool:
        """Conviction of the log by both together; otherwise it has still to explain itself."""
        return is_fork(_seen(self.origin, self.seen_note), self.request)


class Book:
    """One witness's memory. Safe to share between threads, and between processes."""

    def __init__(self, path: Path) -> None:
        """Open the file, or create an empty one."""
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(
            path, timeout=MAX_WAIT_S, check_same_thread=False, isolation_level=None
        )
        use_write_ahead_log(self._connection, MAX_WAIT_S)
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def follow(self, log_key: Verifier) -> None:
        """Follow a log from now on.

        Raises:
            KeyError: It is followed already, by this key or another.
        """
        row = (log_key.name, note_vkey(log_key.name, log_key.key), "", 0)
        with self._change() as run:
            if run("INSERT OR IGNORE INTO log VALUES (?, ?, ?, ?)", row).rowcount == 0:
                raise KeyError(f"the log {log_key.name} is followed already")

    def logs(self) -> list[Followed]:
        """Return every log that is followed."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT log_key, note, time_s FROM log ORDER BY origin"
            ).fetchall()
        return [Followed(parse_vkey(key), note, time_s) for key, note, time_s in rows]

    def evidence(self) -> list[Evidence]:
        """Return everything that speaks against a log, the oldest first."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT origin, seen_note, request, time_s FROM evidence ORDER BY time_s, size"
            ).fetchall()
        return [
            Evidence(origin, seen_note, AddCheckpoint.from_bytes(request), time_s)
            for origin, seen_note, request, time_s in rows
        ]

    def advance(self, origin: str, step: Callable[[Followed], tuple[str, int]]) -> None:
        """Move a log to the checkpoint that a step allows; one step after another.

        Args:
            step: Given the present log, returns the checkpoint's note and the time
                of its cosignature. What it raises is raised, and nothing has changed.

        Raises:
            KeyError: No such log is followed.
        """
        with self._change() as run:
            row = run(
                "SELECT log_key, note, time_s FROM log WHERE origin = ?", (origin,)
            ).fetchone()
            if row is None:
                raise KeyError(f"no log {origin} is followed")
            note, time_s = step(Followed(parse_vkey(row[0]), *row[1:]))
            run("UPDATE log SET note = ?, time_s = ? WHERE origin = ?", (note, time_s, origin))
            # Cosigned, so nothing speaks against it any more.
            checkpoint = _seen(origin, note)
            run(
                "DELETE FROM evidence WHERE origin = ? AND size = ? AND root = ?",
                (origin, checkpoint.size, checkpoint.root),
            )

    def keep(self, piece: Evidence) -> None:
        """Keep a piece of evidence; one for each checkpoint."""
        checkpoint = piece.request.checkpoint
        row = (
            piece.origin,
            checkpoint.size,
            checkpoint.root,
            piece.seen_note,
            piece.request.to_bytes(),
            piece.time_s,
        )
        with self._change() as run:
            newest = run("SELECT note FROM log WHERE origin = ?", (piece.origin,)).fetchone()
            if newest and _seen(piece.origin, newest[0]) == checkpoint:
                return  # cosigned meanwhile
            (count,) = run(
                "SELECT count(*) FROM evidence WHERE origin = ?", (piece.origin,)
            ).fetchone()
            # What convicts a log has space beyond what anyone can send.
            if count < (2 * MAX_EVIDENCE if piece.is_fork else MAX_EVIDENCE):
                run("INSERT OR IGNORE INTO evidence VALUES (?, ?, ?, ?, ?, ?)", row)

    @contextmanager
    def _change(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        """Yield a transaction that no other comes between; on disk at the block's end."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection.execute
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


def _seen(origin: str, note: str) -> Checkpoint:
    return parse_checkpoint(parse_note(note)[0]) if note else nothing_of(origin)
