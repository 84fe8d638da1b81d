"""One way in which all checks fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from google.protobuf.message import DecodeError

from bureau_client.errors import VerificationFailed
from bureau_keys.errors import KeysError

TELL = "Do not use it; keep it and tell the operator and the other members"


@contextmanager
def verifying(what: str) -> Iterator[None]:
    """Turns whatever a check raises into VerificationFailed about `what`."""
    try:
        yield
    except KeysError as error:
        raise VerificationFailed(
            f"{what} does not verify: {error}", reason=error.reason, fix=TELL
        ) from error
    except (ValueError, DecodeError) as error:
        raise VerificationFailed(
            f"{what} does not verify: {error}", reason="MALFORMED_MESSAGE", fix=TELL
        ) from error


def check_equal(what: str, told: object, wanted: object) -> None:
    """Refuses an answer that is about something else than was asked.

    Raises:
        VerificationFailed: `told` differs from `wanted`.
    """
    if told != wanted:
        raise VerificationFailed(
            f"{what} is {_shown(told)}, where {_shown(wanted)} is right",
            reason="WRONG_ANSWER",
            fix=TELL,
        )


def _shown(value: object) -> str:
    return (value.hex() if isinstance(value, bytes) else str(value)) or "missing"
