"""SQLite's write-ahead log, in files that several processes open."""

from __future__ import annotations

import sqlite3
import time

# Seconds between two attempts.
PAUSE_S = 0.01


def use_write_ahead_log(database: sqlite3.Connection, wait_s: float) -> None:
    """Set a connection to use the write-ahead log, whatever other processes do meanwhile.

    SQLite does not apply the timeout of a connection here: it answers SQLITE_BUSY at once while
    another process switches the file, or closes its last connection to it
    (https://www.sqlite.org/wal.html, "Sometimes Queries Return SQLITE_BUSY In WAL Mode").

    Args:
        database: A connection without an open transaction.
        wait_s: Seconds to wait for the others.

    Raises:
        sqlite3.OperationalError: The file is still busy after `wait_s`, or cannot be written.
    """
    give_up = time.monotonic() + wait_s
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            # The low byte is the primary code: BUSY has further kinds, for a recovery among others.
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() >= give_up:
                raise
            time.sleep(PAUSE_S)
        else:
            return
