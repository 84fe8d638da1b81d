"""The single way in which checks fail: VerificationFailed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from google.protobuf.message import DecodeError

from bureau_client.errors import VerificationFailed
from bureau_keys.errors import KeysError, RecordMismatch, UnknownReportKey, WrongAnswer

TELL = "Do not use it; keep it and tell the operator and the other members"


@contextmanager
def verifying(what: str) -> Iterator[None]:
    """Raise VerificationFailed about `what` for every error of a check.

    An error's own fix is kept where the class of the error is about reports.
    """
    try:
        yield
    except KeysError as error:
        raise VerificationFailed(
            f"{what} does not verify: {error}", reason=reason_of(error), fix=_fix(error)
        ) from error
    except (ValueError, DecodeError) as error:
        raise VerificationFailed(
            f"{what} does not verify: {error}", reason="MALFORMED_MESSAGE", fix=TELL
        ) from error


def reason_of(error: KeysError) -> str:
    """Return the SDK's reason for a failed check."""
    return "WRONG_ANSWER" if isinstance(error, WrongAnswer) else error.reason


def _fix(error: KeysError) -> str:
    return error.fix if isinstance(error, RecordMismatch | UnknownReportKey) else TELL


def check_equal(what: str, value: object, expected: object) -> None:
    """Raise VerificationFailed unless a value of an answer is the expected one."""
    if value != expected:
        raise VerificationFailed(
            f"{what} is {_shown(value)}, expected {_shown(expected)}",
            reason="WRONG_ANSWER",
            fix=TELL,
        )


def _shown(value: object) -> str:
    return (value.hex() if isinstance(value, bytes) else str(value)) or "missing"
