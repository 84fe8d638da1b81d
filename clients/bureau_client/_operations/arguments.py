"""Checks of arguments before a request is sent, with clearer errors than the bureau's."""

from __future__ import annotations

import re
from uuid import UUID

from bureau_client.errors import InvalidRequest
from bureau_client.models.codes import Code
from bureau_client.models.consents import Arrangement, Consent
from bureau_client.models.violations import Violation

_SUBJECT_ID = re.compile(r"[0-9a-f]{32}")
_KEY_ID = re.compile(r"[0-9a-f]{64}")
_CONSENT_CURSOR = re.compile(r"[0-9]{1,16}\.[0-9a-f-]{0,36}\.[0-9]{1,16}\.[0-9a-f-]{0,36}")
_NOTICE_CURSOR = re.compile(r"([0-9]{1,18}\.){4}[0-9a-f-]{0,36}")
_RELAY_CURSOR = re.compile(r"[0-9]{1,18}\.[0-9a-f]{0,32}\.([0-9]{1,18}\.){3}[0-9a-f-]{0,36}")
_MEMBER_ID = re.compile(r"[a-z][a-z0-9-]{0,62}")


def refuse(field: str, rule: str, message: str, fix: str = "") -> InvalidRequest:
    """Return the exception for one wrong argument."""
    return InvalidRequest(
        "The request was not sent",
        reason="INVALID_FIELD",
        violations=[Violation(field, rule, message)],
        fix=fix,
    )


def subject_id(value: str, field: str = "subject_id") -> str:
    """Return a subject id, checked.

    Raises:
        InvalidRequest: The value is not a subject id.
    """
    if not (isinstance(value, str) and _SUBJECT_ID.fullmatch(value)):
        raise refuse(
            field,
            "INVALID_FIELD",
            "must be 32 lower-case hex characters",
            "Get it from subject_id(country, scheme, identifier); "
            "never pass the national identifier itself",
        )
    return value


def is_member_id(value: str) -> bool:
    """Return true for the spelling of a member id."""
    return isinstance(value, str) and _MEMBER_ID.fullmatch(value) is not None


def key_id(value: str, field: str = "key_id") -> str:
    """Return a key id.

    Raises:
        InvalidRequest: The value is not 64 lower-case hex characters.
    """
    if not (isinstance(value, str) and _KEY_ID.fullmatch(value)):
        raise refuse(field, "INVALID_FIELD", "must be 64 lower-case hex characters")
    return value


def member_id(value: str, field: str = "member_id") -> str:
    """Return a member id, checked.

    Raises:
        InvalidRequest: The value is not a member id.
    """
    if not is_member_id(value):
        message = f"is {value!r}; write lower-case letters, digits and dashes"
        raise refuse(field, "INVALID_FIELD", message)
    return value


def request_id(value: str, field: str) -> str:
    """Return a UUID in its canonical spelling.

    Raises:
        InvalidRequest: The value is not a UUID.
    """
    try:
        return str(UUID(value))
    except (ValueError, AttributeError, TypeError):
        raise refuse(field, "INVALID_FIELD", f"is {value!r}; write a UUID") from None


def consent_id(value: str | Consent | Arrangement) -> str:
    """Return the id of a consent or an arrangement, which may be given itself.

    Raises:
        InvalidRequest: The value is neither a consent nor an arrangement nor a UUID.
    """
    if isinstance(value, Arrangement):
        return value.arrangement_id
    return request_id(value.consent_id if isinstance(value, Consent) else value, "consent_id")


def consent_cursor(value: str) -> str:
    """Return a cursor of `watch_consents`, checked; empty for the first change.

    Raises:
        InvalidRequest: The value is no such cursor.
    """
    if value and not _CONSENT_CURSOR.fullmatch(value):
        message = f"is {value[:80]!r}; pass the cursor of a ConsentEvent, or nothing for all"
        raise refuse("after", "INVALID_FIELD", message)
    return value


def notice_cursor(value: str) -> str:
    """Return a cursor of `watch_notices`, checked; empty for the first notice.

    Raises:
        InvalidRequest: The value is no such cursor.
    """
    if value and not _NOTICE_CURSOR.fullmatch(value):
        message = f"is {value[:80]!r}; pass the cursor of a Notice, or nothing for all"
        raise refuse("after", "INVALID_FIELD", message)
    return value


def relay_cursor(value: str) -> str:
    """Return a cursor of `relayed_notices`, checked; empty for the first notice.

    Raises:
        InvalidRequest: The value is no such cursor.
    """
    if value and not _RELAY_CURSOR.fullmatch(value):
        message = f"is {value[:80]!r}; pass the cursor of a RelayedNotice, or nothing for all"
        raise refuse("after", "INVALID_FIELD", message)
    return value


def code(value: Code, field: str) -> int:
    """Return the number of a code that must be specified.

    Raises:
        InvalidRequest: The code is UNSPECIFIED.
    """
    if not value:
        raise refuse(field, "UNKNOWN_ENUM", f"is unspecified; choose a {type(value).__name__}")
    return int(value)
