"""Failures of the database in the bureau's own words: drivers' errors carry values in them,
and go no further than this.
"""

from __future__ import annotations

# Another transaction was in the way: deadlock, order, a key taken, a lock not given.
CONFLICTS = frozenset({"40001", "40P01", "23505", "55P03"})


class StorageError(Exception):
    """The database did not run a statement.

    Attributes:
        outcome_known: False where a commit may or may not have happened.
        full: The disk is full.
        fatal: The process must not go on: what is on disk is unknown.
        conflict: Another transaction was in the way; a retry helps.
        too_long: One statement was given up, and the transaction is as before it.
        unfit: The database answers and must not be used; the message says why.
    """

    def __init__(
        self,
        message: str,
        *,
        outcome_known: bool = True,
        full: bool = False,
        fatal: bool = False,
        conflict: bool = False,
        too_long: bool = False,
        unfit: bool = False,
    ) -> None:
        super().__init__(message)
        self.outcome_known = outcome_known
        self.full = full
        self.fatal = fatal
        self.conflict = conflict
        self.too_long = too_long
        self.unfit = unfit


def translate(error: Exception, *, committing: bool = False) -> StorageError:
    """Translate a driver's error into the bureau's own, without the driver's values in it."""
    code = getattr(error, "sqlite_errorname", "") or getattr(error, "sqlstate", "") or ""
    name = f"{type(error).__name__} {code}".strip()
    if code in {"SQLITE_FULL", "53100"}:
        return StorageError(name, full=True)
    if code.startswith(("SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_NOTADB")):
        # After a failed fsync SQLite would go on with pages that are not on disk.
        return StorageError(name, outcome_known=False, fatal=True)
    if code in CONFLICTS or code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CONSTRAINT")):
        return StorageError(name, conflict=True)
    if code == "57014" and not committing:
        return StorageError(name, too_long=True)
    return StorageError(name, outcome_known=not committing)


def failure_of(error: Exception, *, committing: bool = False) -> StorageError:
    """Translate a driver's error, and drop its traceback.

    A frame of psycopg keeps the error that it raises. With the traceback that circle would keep all
    frames that led to it, and so a call and its stream, until garbage is collected.
    """
    error.__traceback__ = None
    return translate(error, committing=committing)
