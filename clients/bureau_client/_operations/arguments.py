"""Checks of arguments that would only be refused later, and less clearly."""

from __future__ import annotations

import re
from uuid import UUID

from bureau_client.errors import InvalidRequest
from bureau_client.models.codes import Code
from bureau_client.models.violations import Violation

_SUBJECT_ID = re.compile(r"[0-9a-f]{32}")
_MEMBER_ID = re.compile(r"[a-z][a-z0-9-]{0,62}")


def refuse(field: str, rule: str, message: str, fix: str = "") -> InvalidRequest:
    """The exception for one wrong argument."""
    return InvalidRequest(
        "The request was not sent",
        reason="INVALID_FIELD",
        violations=[Violation(field, rule, message)],
        fix=fix,
    )


def subject_id(value: str, field: str = "subject_id") -> str:
    """The subject id, if it is one.

    Raises:
        InvalidRequest: It is none.
    """
    if not _SUBJECT_ID.fullmatch(value):
        raise refuse(
            field,
            "INVALID_FIELD",
            "must be 32 lower-case hex characters",
            "Get it from subject_id(country, scheme, identifier); "
            "never pass the national identifier itself",
        )
    return value


def member_id(value: str, field: str = "member_id") -> str:
    """The member id, if it is one.

    Raises:
        InvalidRequest: It is none.
    """
    if not _MEMBER_ID.fullmatch(value):
        message = f"is {value!r}; write lower-case letters, digits and dashes"
        raise refuse(field, "INVALID_FIELD", message)
    return value


def request_id(value: str, field: str) -> str:
    """The UUID, in its usual spelling, if it is one.

    Raises:
        InvalidRequest: It is none.
    """
    try:
        return str(UUID(value))
    except ValueError:
        raise refuse(field, "INVALID_FIELD", f"is {value!r}; write a UUID") from None


def code(value: Code, field: str) -> int:
    """The number of a coded argument that must be given.

    Raises:
        InvalidRequest: It is UNSPECIFIED.
    """
    if not value:
        raise refuse(field, "UNKNOWN_ENUM", f"is unspecified; choose a {type(value).__name__}")
    return int(value)
