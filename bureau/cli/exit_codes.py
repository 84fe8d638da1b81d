"""Exit codes, and what each error means for the person who typed the command."""

from __future__ import annotations

from enum import IntEnum

from pydantic import ValidationError

from bureau.admin.bureau_folder import FolderError
from bureau.admin.forks import NoForkError
from bureau.admin.operator import CallError
from bureau.admin.report_key import ReportKeyError
from bureau.ledger.checked_database import SchemaError
from bureau.ledger.node_checks import ForkedLogError
from bureau.store.dump import CopyError, DatabaseExistsError
from bureau.store.errors import StorageError
from bureau_keys.errors import KeysError, LockedKey


class Exit(IntEnum):
    """How a command ended."""

    OK = 0
    USAGE = 2
    AUTH = 3
    NOT_FOUND = 4
    INVALID = 5
    CONFLICT = 6
    UNAVAILABLE = 7
    PARTIAL = 8


class Stop(Exception):
    """Ends a command.

    Attributes:
        code: Its exit code.
        fix: What to do about it.
    """

    def __init__(self, code: Exit, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.fix = fix


# What a command may raise and `main` explains; the rest is a bug and shows itself.
EXPLAINED = (
    Stop,
    CallError,
    FolderError,
    ReportKeyError,
    SchemaError,
    ForkedLogError,
    CopyError,
    NoForkError,
    StorageError,
    KeysError,
    ValidationError,
    OSError,
    ValueError,
)

_OF_STATUS = {
    "UNAUTHENTICATED": Exit.AUTH,
    "PERMISSION_DENIED": Exit.AUTH,
    "NOT_FOUND": Exit.NOT_FOUND,
    "OUT_OF_RANGE": Exit.NOT_FOUND,
    "UNIMPLEMENTED": Exit.NOT_FOUND,
    "INVALID_ARGUMENT": Exit.INVALID,
    "FAILED_PRECONDITION": Exit.CONFLICT,
    "ALREADY_EXISTS": Exit.CONFLICT,
    "ABORTED": Exit.CONFLICT,
}
_OF_ERROR: tuple[tuple[type[Exception], Exit], ...] = (
    (LockedKey, Exit.AUTH),
    (KeysError, Exit.INVALID),
    (SchemaError, Exit.INVALID),
    (ForkedLogError, Exit.CONFLICT),
    (DatabaseExistsError, Exit.CONFLICT),
    (CopyError, Exit.INVALID),
    (NoForkError, Exit.CONFLICT),
    (StorageError, Exit.UNAVAILABLE),
    (FileNotFoundError, Exit.NOT_FOUND),
    (FileExistsError, Exit.CONFLICT),
    (FolderError, Exit.CONFLICT),
    (ReportKeyError, Exit.CONFLICT),
    (OSError, Exit.UNAVAILABLE),
    (ValueError, Exit.INVALID),
)


def exit_of(error: Exception) -> Exit:
    """The exit code for one of `EXPLAINED`."""
    if isinstance(error, Stop):
        return error.code
    if isinstance(error, CallError):
        return _OF_STATUS.get(error.status, Exit.UNAVAILABLE)
    return next(code for kind, code in _OF_ERROR if isinstance(error, kind))


def explain(error: Exception) -> list[str]:
    """Lines that say what happened, and what to do."""
    fix = getattr(error, "fix", "")
    if isinstance(error, ValidationError):
        found = error.errors()
        return [
            f"{'.'.join(map(str, at['loc'])) or 'setting'}: {at['msg']} (given: {at['input']!r})"
            for at in found
        ]
    lines = [str(error) or type(error).__name__]
    if isinstance(error, CallError):
        if error.reason:
            lines[0] = f"{error.reason}: {error.message}"
        lines += [f"  {field}" for field in error.fields]
    return [*lines, fix] if fix else lines
