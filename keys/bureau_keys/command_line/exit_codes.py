"""The exit codes of all command lines."""

from __future__ import annotations

from enum import IntEnum

from bureau_keys.errors import KeysError, LockedKey


class Exit(IntEnum):
    """Exit code of a command."""

    OK = 0
    FAULT = 1
    USAGE = 2
    AUTH = 3
    NOT_FOUND = 4
    INVALID = 5
    CONFLICT = 6
    UNAVAILABLE = 7
    PARTIAL = 8
    INTERRUPTED = 130


# The meaning of each code, for the help of every program and for docs/command-lines.md.
MEANINGS = {
    Exit.OK: "done",
    Exit.FAULT: "a fault of the program or the bureau",
    Exit.USAGE: "the command is not written so",
    Exit.AUTH: "not authenticated, or not permitted",
    Exit.NOT_FOUND: "not found",
    Exit.INVALID: "invalid, or it does not verify",
    Exit.CONFLICT: "conflict, or the present state does not allow it",
    Exit.UNAVAILABLE: "unavailable, or too much at once",
    Exit.PARTIAL: "done in part",
    Exit.INTERRUPTED: "interrupted by Ctrl-C",
}


class Stop(Exception):
    """An error that ends a command.

    Attributes:
        code: Exit code of the command.
        fix: Advice for the person at the terminal.
    """

    def __init__(self, code: Exit, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.fix = fix


# Errors that every program explains, and their codes; the first match is used. A program adds
# those of its own before them.
OF_ERROR: tuple[tuple[type[Exception], Exit], ...] = (
    (LockedKey, Exit.AUTH),
    (KeysError, Exit.INVALID),
    (FileNotFoundError, Exit.NOT_FOUND),
    (FileExistsError, Exit.CONFLICT),
    (OSError, Exit.UNAVAILABLE),
    (ValueError, Exit.INVALID),
)


def code_of(error: Exception, own: tuple[tuple[type[Exception], Exit], ...] = ()) -> Exit | None:
    """Return the exit code of an error; None for one that is a fault of the program.

    Args:
        error: The error that ended a command.
        own: Errors of the program and their codes, before those of all programs.
    """
    if isinstance(error, Stop):
        return error.code
    return next((code for kind, code in (*own, *OF_ERROR) if isinstance(error, kind)), None)
