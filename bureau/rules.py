"""The contract's own rules for fields, run by protovalidate, and the reasons
under which the bureau answers a breach.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from google.protobuf.message import Message

from bureau.errors import FieldViolation, Refusal

if TYPE_CHECKING:
    from protovalidate import Validator, Violation

# More would make the answer itself a flood.
MAX_VIOLATIONS = 100

_REASON_OF_RULE = {
    "string.max_len": "TOO_LONG",
    "bytes.max_len": "TOO_LONG",
    "repeated.max_items": "TOO_MANY_ITEMS",
    "enum.defined_only": "UNKNOWN_ENUM",
    "enum.not_in": "UNKNOWN_ENUM",
}


@cache
def validator() -> Validator:
    """The validator. Loaded when first used, or by a node that has just begun to
    serve: it takes longer to load than the rest of the start.
    """
    from protovalidate import Validator  # noqa: PLC0415  (see above)

    return Validator()


def check(message: Message, at: str = "") -> None:
    """Checks every field rule that the contract declares for a message.

    Args:
        message: What to check.
        at: Path to put before each field's.

    Raises:
        Refusal: With all violations; its reason is that of the first.
    """
    if found := violations(message, at):
        raise refusal(found)


def breach(field: str, reason: str, message: str) -> tuple[str, FieldViolation]:
    """A breach of one of the bureau's own rules."""
    return reason, FieldViolation(field, reason.lower(), message)


def refusal(found: list[tuple[str, FieldViolation]]) -> Refusal:
    """One refusal for all violations, under the first one's reason."""
    reason, first = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return Refusal(
        reason, f"{first.field}: {first.message}{more}", [v for _, v in found[:MAX_VIOLATIONS]]
    )


def violations(message: Message, at: str = "") -> list[tuple[str, FieldViolation]]:
    """Each breach of a field rule, with its reason."""
    return [_breach(violation, at) for violation in validator().collect_violations(message)]


def bad_text(text: str) -> bool:
    """Whether a text has control, format (bidirectional) or private characters."""
    return any(unicodedata.category(c) in {"Cc", "Cf", "Co", "Cs", "Cn"} for c in text)


def _breach(violation: Violation, at: str) -> tuple[str, FieldViolation]:
    proto = violation.proto
    field = at + "".join(_path(violation)).lstrip(".")
    rule = proto.rule_id or ""
    reason = _REASON_OF_RULE.get(rule, "INVALID_FIELD")
    if field.endswith("_minor"):
        reason = "AMOUNT_RANGE"
    return reason, FieldViolation(field, rule, proto.message or rule)


def _path(violation: Violation) -> Iterator[str]:
    path = violation.proto.field
    for element in path.elements if path else []:
        yield f".{element.field_name}"
        subscript = element.subscript
        if subscript is not None:
            yield f"[{subscript.value}]"
