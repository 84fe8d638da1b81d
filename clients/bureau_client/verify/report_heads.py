"""The head of the chain of events in the newest report about each subject, so that a member is
shown one chain.

report-heads.sqlite         a row for each subject
event-gap-<subject>.json    a report whose chain does not extend the head that was kept
"""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from bureau_client.errors import VerificationFailed
from bureau_client.verify.checks import TELL
from bureau_keys.secret_files import write_private
from bureau_keys.sqlite_wal import use_write_ahead_log

HEADS = "report-heads.sqlite"
GAP_FORMAT = "creditbureau/report-gap/v1"
# Heads that are kept; the one that was kept first is forgotten first. About 40 MB.
REMEMBERED = 200_000
# Seconds that another process of the folder is waited for.
BUSY_S = 10.0
_TABLE = """
CREATE TABLE IF NOT EXISTS head (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    subject_id TEXT NOT NULL UNIQUE,
    request_id TEXT NOT NULL,
    log_size INTEGER NOT NULL,
    chain_hash BLOB NOT NULL,
    inquiry_index INTEGER NOT NULL,
    inquiry_hash BLOB NOT NULL
)
"""
_SELECT = """
SELECT subject_id, request_id, log_size, chain_hash, inquiry_index, inquiry_hash
FROM head WHERE subject_id = ?
"""
_REPLACE = """
INSERT OR REPLACE INTO head
    (subject_id, request_id, log_size, chain_hash, inquiry_index, inquiry_hash)
VALUES (?, ?, ?, ?, ?, ?)
"""
_FORGET = "DELETE FROM head WHERE number <= (SELECT max(number) FROM head) - ?"


class ReportHead(NamedTuple):
    """The head of a subject's chain of events in one report.

    Attributes:
        chain_hash: `Report.event_chain_hash`.
        inquiry_index: Leaf index of the report's inquiry.
        inquiry_hash: RFC 6962 leaf hash of the inquiry.
    """

    subject_id: str
    request_id: str
    log_size: int
    chain_hash: bytes
    inquiry_index: int
    inquiry_hash: bytes


class ReportHeads:
    """The newest heads that the clients of one folder have seen; safe to share between threads."""

    def __init__(self, folder: Path | None = None) -> None:
        """Remember heads.

        Args:
            folder: Where they are kept; None for as long as the client lives.
        """
        self._folder = folder
        self._lock = threading.Lock()
        self._opened: sqlite3.Connection | None = None
        self._parents: sqlite3.Connection | None = None
        self._process = os.getpid()

    def newest(self, subject_id: str) -> ReportHead | None:
        """Return the head in the newest report about a subject; None before the first.

        Raises:
            VerificationFailed: The kept file is damaged.
        """
        with self._lock:
            try:
                return self._newest(subject_id)
            except sqlite3.OperationalError as error:
                self._forget_the_folder(error)
                return self._newest(subject_id)
            except sqlite3.DatabaseError as error:
                raise self._damaged(error) from None

    def keep(self, head: ReportHead, compared: ReportHead | None) -> bool:
        """Keep the head of a verified report, if the report is the newest one.

        Args:
            compared: Kept head that this one was compared with; None if there was none.

        Returns:
            False if another client has kept another head meanwhile, with which this one must
            be compared first.

        Raises:
            VerificationFailed: The kept file is damaged.
        """
        with self._lock:
            try:
                return self._keep(head, compared)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                    # Another process writes for long: the older head stays, and holds as well.
                    return True
                self._forget_the_folder(error)
                return self._keep(head, self._newest(head.subject_id))
            except sqlite3.DatabaseError as error:
                raise self._damaged(error) from None

    def gap(self, message: str, kept: ReportHead, seen: bytes) -> VerificationFailed:
        """Return the error about a chain that lost an event, with the evidence kept.

        Args:
            message: The failure.
            kept: Head that the report contradicts.
            seen: The report, a serialised DSSE envelope.
        """
        location = ""
        if self._folder is not None:
            path = self._folder / f"event-gap-{kept.subject_id}.json"
            evidence = {
                "format": GAP_FORMAT,
                "kept": {name: _text(value) for name, value in kept._asdict().items()},
                "seen": _text(seen),
            }
            with suppress(OSError):
                write_private(path, (json.dumps(evidence, indent=2) + "\n").encode())
                location = f"; the report is in {path}"
        return VerificationFailed(message + location, reason="WRONG_ANSWER", fix=TELL)

    def close(self) -> None:
        """Close the file; a later call opens it again."""
        with self._lock:
            self._leave_the_parents()
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _newest(self, subject_id: str) -> ReportHead | None:
        row = self._database().execute(_SELECT, (subject_id,)).fetchone()
        return None if row is None else ReportHead(*row)

    def _keep(self, head: ReportHead, compared: ReportHead | None) -> bool:
        database = self._database()
        database.execute("BEGIN IMMEDIATE")
        try:
            if self._newest(head.subject_id) != compared:
                return False
            if compared is None or head.log_size >= compared.log_size:
                database.execute(_REPLACE, head)
                database.execute(_FORGET, (REMEMBERED,))
            database.execute("COMMIT")
            return True
        finally:
            if database.in_transaction:
                database.execute("ROLLBACK")

    def _database(self) -> sqlite3.Connection:
        self._leave_the_parents()
        if self._opened is None:
            path = ":memory:" if self._folder is None else str(self._folder / HEADS)
            if self._folder is not None:
                # It lists the member's customers; the journal's files get the same mode.
                with suppress(OSError):
                    (self._folder / HEADS).touch(mode=0o600)
            database = sqlite3.connect(
                path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
            )
            # No commit waits for the disk: a power failure forgets the newest heads, and leaves
            # the file whole.
            use_write_ahead_log(database, BUSY_S)
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute(_TABLE)
            self._opened = database
        return self._opened

    def _leave_the_parents(self) -> None:
        """Leave the parent's connection alone in a forked child, which opens the file itself.

        SQLite's connections do not survive a fork, and to close the parent's would harm it.
        """
        if self._process != os.getpid() and self._folder is not None:
            self._process, self._parents, self._opened = os.getpid(), self._opened, None

    def _forget_the_folder(self, error: sqlite3.Error) -> None:
        """Continue in memory where the folder cannot be read or written."""
        if self._folder is None:
            raise error
        warnings.warn(
            f"{self._folder} cannot be written ({error}): this client remembers the newest chain "
            "of events of each subject only until it ends",
            stacklevel=2,
        )
        if self._opened is not None:
            self._opened.close()
        self._folder, self._opened = None, None

    def _damaged(self, error: sqlite3.Error) -> VerificationFailed:
        return VerificationFailed(
            f"{self._folder and self._folder / HEADS} holds no heads of reports: {error}",
            reason="MALFORMED_MESSAGE",
            fix="Restore it, or remove it: then the next report on each subject is taken as it is",
        )


def _text(value: object) -> object:
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value
