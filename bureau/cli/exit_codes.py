"""Exit codes, and the text of each error for the operator."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from pydantic import ValidationError

from bureau.admin.bureau_folder import FolderError
from bureau.admin.forks import NoForkError
from bureau.admin.operator import CallError
from bureau.admin.report_key import ReportKeyError
from bureau.errors import Refusal
from bureau.ledger.checked_database import SchemaError
from bureau.ledger.node_checks import ForkedLogError, LogKeyError
from bureau.logs import masked_value
from bureau.store.dump import CopyError, DatabaseExistsError
from bureau.store.errors import StorageError
from bureau_keys.errors import KeysError, LockedKey
from bureau_keys.option_names import option_of, with_options


class Exit(IntEnum):
    """Exit code of a command."""

    OK = 0
    USAGE = 2
    AUTH = 3
    NOT_FOUND = 4
    INVALID = 5
    CONFLICT = 6
    UNAVAILABLE = 7
    PARTIAL = 8


class Stop(Exception):
    """An error that ends a command.

    Attributes:
        code: Exit code of the command.
        fix: Advice for the operator.
    """

    def __init__(self, code: Exit, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.fix = fix


# Errors of a command that `main` explains; any other is a bug and prints its traceback.
EXPLAINED = (
    Stop,
    CallError,
    FolderError,
    ReportKeyError,
    SchemaError,
    ForkedLogError,
    LogKeyError,
    CopyError,
    NoForkError,
    Refusal,
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
    (LogKeyError, Exit.INVALID),
    (DatabaseExistsError, Exit.CONFLICT),
    (CopyError, Exit.INVALID),
    (NoForkError, Exit.CONFLICT),
    (Refusal, Exit.CONFLICT),
    (StorageError, Exit.UNAVAILABLE),
    (FileNotFoundError, Exit.NOT_FOUND),
    (FileExistsError, Exit.CONFLICT),
    (FolderError, Exit.CONFLICT),
    (ReportKeyError, Exit.CONFLICT),
    (OSError, Exit.UNAVAILABLE),
    (ValueError, Exit.INVALID),
)


def exit_of(error: Exception) -> Exit:
    """Return the exit code for one of `EXPLAINED`."""
    if isinstance(error, Stop):
        return error.code
    if isinstance(error, CallError):
        return _OF_STATUS.get(error.status, Exit.UNAVAILABLE)
    return next(code for kind, code in _OF_ERROR if isinstance(error, kind))


def explain(error: Exception) -> list[str]:
    """Return lines with the error, its value and its fix."""
    fix = getattr(error, "fix", "")
    if isinstance(error, ValidationError):
        return [
            f"{_setting_of(wrong)}: {_problem_of(wrong)} (given: {masked_value(wrong['input'])!r})"
            for wrong in error.errors()
        ]
    lines = [str(error) or type(error).__name__]
    if isinstance(error, CallError):
        if error.reason:
            lines[0] = f"{error.reason}: {_with_option(error.message)}"
        lines += [f"  {_with_option(field)}" for field in error.fields]
    return [with_options(line) for line in ([*lines, fix] if fix else lines)]


def _with_option(violation: str) -> str:
    """Return `field: fault` with the option that sets the field."""
    field, colon, fault = violation.partition(": ")
    return f"{option_of(field)}{colon}{fault}"


def _setting_of(wrong: Mapping[str, Any]) -> str:
    """Return the option of a wrong setting, or its name in bureau.toml if it was not typed."""
    name = ".".join(map(str, wrong["loc"]))
    return option_of(name, typed=True) if name else "setting"


def _problem_of(wrong: Mapping[str, Any]) -> str:
    """Return the problem of a setting in words: a person reads no regular expression."""
    if wrong["type"] != "string_pattern_mismatch":
        return str(wrong["msg"])
    return "has characters or a form that this setting does not allow; see docs/operating.md"
