"""Exit codes, and the text of each error for the operator."""

from __future__ import annotations

from collections.abc import Mapping
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
from bureau.workers.folder import NodeServedError
from bureau_keys.command_line.exit_codes import Exit, Stop, code_of
from bureau_keys.command_line.messages import for_people
from bureau_keys.command_line.running import lines_of
from bureau_keys.command_line.texts import tr
from bureau_keys.option_names import option_of, with_options

__all__ = ["Exit", "Stop", "exit_of", "explain", "explained"]

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
    (SchemaError, Exit.INVALID),
    (ForkedLogError, Exit.CONFLICT),
    (LogKeyError, Exit.INVALID),
    (DatabaseExistsError, Exit.CONFLICT),
    (CopyError, Exit.INVALID),
    (NoForkError, Exit.CONFLICT),
    (Refusal, Exit.CONFLICT),
    (StorageError, Exit.UNAVAILABLE),
    (FolderError, Exit.CONFLICT),
    (ReportKeyError, Exit.CONFLICT),
    (NodeServedError, Exit.CONFLICT),
)


def explained(error: Exception) -> tuple[list[str], int] | None:
    """Return the text of an error and its exit code; None for a fault of the program."""
    code = exit_of(error)
    return None if code is None else (explain(error), code)


def exit_of(error: Exception) -> Exit | None:
    """Return the exit code of an error; None for a fault of the program."""
    if isinstance(error, CallError):
        return _OF_STATUS.get(error.status, Exit.UNAVAILABLE)
    return code_of(error, _OF_ERROR)


def explain(error: Exception) -> list[str]:
    """Return lines with the error, its value and its fix."""
    if isinstance(error, ValidationError):
        return [
            f"{_setting_of(wrong)}: {for_people(_problem_of(wrong))} "
            f"({tr('given: {0}').format(repr(masked_value(wrong['input'])))})"
            for wrong in error.errors()
        ]
    if not isinstance(error, CallError):
        return lines_of(error)
    message = for_people(_with_option(error.message))
    first = f"{error.reason}: {message}" if error.reason else str(error)
    lines = [first, *(f"  {_with_option(field)}" for field in error.fields)]
    return [with_options(line) for line in ([*lines, error.fix] if error.fix else lines)]


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
