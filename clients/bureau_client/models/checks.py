"""The checks that a request passes, in their order, and the reasons by which each refuses.

A refused request has passed every check above the one that its reason names. Of some reasons the
check is not known: then nothing is said about the checks that may have come before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bureau_client.models.operations import OK


@dataclass(frozen=True, slots=True)
class Check:
    """A check.

    Attributes:
        name: Key of its text.
        reasons: The reasons by which it refuses.
        only_inquiries: True if inquiries alone meet it.
    """

    name: str
    reasons: frozenset[str]
    only_inquiries: bool = False


class CheckState(StrEnum):
    """The outcome of a check."""

    PASSED = "passed"
    STOPPED = "stopped"
    NOT_REACHED = "not-reached"
    UNKNOWN = "unknown"


class CheckedStep(NamedTuple):
    """A check and what it said."""

    check: Check
    state: CheckState


# The order of `bureau/rpc/guard.py`, `bureau/signed_statement.py` and, for inquiries, of
# `bureau/credit_file/consent_state.py`. Reasons that are not named are the method's own.
CHECKS: Sequence[Check] = (
    Check("node", frozenset({"NODE_UNFIT", "DATABASE_UNAVAILABLE", "SHUTTING_DOWN", "NOT_SERVED"})),
    Check("certificate", frozenset({"UNKNOWN_CERTIFICATE"})),
    Check("member", frozenset({"MEMBER_SUSPENDED"})),
    Check("role", frozenset({"ROLE_REQUIRED"})),
    Check("load", frozenset({"OVERLOADED"})),
    Check("message", frozenset({"TOO_LARGE", "MALFORMED_MESSAGE"})),
    Check(
        "envelope",
        frozenset({"WRONG_PAYLOAD_TYPE", "NON_CANONICAL", "WRONG_AUDIENCE", "SIGNER_MISMATCH"}),
    ),
    Check("signature", frozenset({"BAD_SIGNATURE"})),
    Check(
        "fields",
        frozenset(
            {
                *("INVALID_FIELD", "TOO_MANY_ITEMS", "TOO_LONG", "BAD_TEXT", "UNKNOWN_ENUM"),
                *("AMOUNT_RANGE", "UNKNOWN_CURRENCY", "WEAK_KEY"),
            }
        ),
    ),
    Check("time", frozenset({"CLOCK_SKEW", "EXPIRED_REQUEST"})),
    Check("purpose", frozenset({"PURPOSE_NOT_PERMITTED"}), only_inquiries=True),
    Check("quota", frozenset({"QUOTA_EXCEEDED", "STORAGE_FULL"})),
    Check("consent", frozenset({"CONSENT_REQUIRED"}), only_inquiries=True),
    Check(
        "consent_state",
        frozenset({"CONSENT_REVOKED", "CONSENT_REPLACED", "CONSENT_EXPIRED", "CONSENT_PAUSED"}),
        only_inquiries=True,
    ),
    Check("consent_uses", frozenset({"CONSENT_EXHAUSTED"}), only_inquiries=True),
    Check("consent_scope", frozenset({"CONSENT_SCOPE"}), only_inquiries=True),
    Check("hold", frozenset({"HOLD"}), only_inquiries=True),
)
# The rules of the method itself, which refuse by every other reason.
OWN_RULES = Check("own_rules", frozenset())
# Reasons that end a call anywhere.
ANYWHERE = frozenset({"DEADLINE", "INTERNAL", "CANCELLED"})
# The last check that was passed for certain when the method's own rules refuse.
SURELY_PASSED = "time"


def walk_checks(outcome: str, *, is_inquiry: bool) -> list[CheckedStep]:
    """Return the checks of a request with what each said.

    Args:
        outcome: OK, or the reason of the refusal.
        is_inquiry: True for a request for a report.
    """
    checks = [check for check in CHECKS if is_inquiry or not check.only_inquiries]
    checks.append(OWN_RULES)
    names = [check.name for check in checks]
    if outcome == OK:
        return [CheckedStep(check, CheckState.PASSED) for check in checks]
    if outcome in ANYWHERE:
        return [CheckedStep(check, CheckState.UNKNOWN) for check in checks]
    stop = next((check for check in checks if outcome in check.reasons), OWN_RULES)
    position = checks.index(stop)
    surely = names.index(SURELY_PASSED) + 1 if stop is OWN_RULES else position
    return [
        *(CheckedStep(check, CheckState.PASSED) for check in checks[:surely]),
        *(CheckedStep(check, CheckState.UNKNOWN) for check in checks[surely:position]),
        CheckedStep(stop, CheckState.STOPPED),
        *(CheckedStep(check, CheckState.NOT_REACHED) for check in checks[position + 1 :]),
    ]
