"""Check the contract's field rules with protovalidate, and map violations to reasons."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from google.protobuf.descriptor import Descriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from bureau.errors import FieldViolation, Refusal
from bureau.pattern_words import words_of
from creditbureau.v1.reason import Reason

if TYPE_CHECKING:
    from protovalidate import Validator, Violation

M = TypeVar("M", bound=Message)

# Violations of one refusal, and their bytes: a refusal travels in gRPC trailers, which
# hold a few kilobytes. Further violations are counted, not listed.
MAX_VIOLATIONS = 100
MAX_VIOLATION_BYTES = 4000
# The search ends after MAX_FOUND violations; only the first MAX_ITEMS items of a field are
# checked.
MAX_FOUND = 1000
MAX_ITEMS = 100
# The first second of the year 10000, UTC.
END_OF_TIME_S = 253_402_300_800
NANOS = 1_000_000_000
TIMES = frozenset({Timestamp.DESCRIPTOR.full_name, Duration.DESCRIPTOR.full_name})

_REASON_OF_RULE: dict[str, Reason] = {
    "string.max_len": "TOO_LONG",
    "bytes.max_len": "TOO_LONG",
    "repeated.max_items": "TOO_MANY_ITEMS",
    "enum.defined_only": "UNKNOWN_ENUM",
    "enum.not_in": "UNKNOWN_ENUM",
}


@cache
def validator() -> Validator:
    """Return the validator, loaded on first use.

    Loading takes longer than the rest of the start, so a node loads it once it serves.
    """
    from protovalidate import Validator  # noqa: PLC0415  (see docstring)

    return Validator()


def check(message: Message, prefix: str = "") -> None:
    """Check every field rule that the contract declares for a message.

    Args:
        message: The message to check.
        prefix: Path prefix of the fields.

    Raises:
        Refusal: All violations, under the first one's reason.
    """
    if breaches := [*violations(message, prefix), *bad_times(message, prefix)]:
        raise refusal(breaches)


def violation(field: str, reason: Reason, message: str) -> tuple[Reason, FieldViolation]:
    """Return a violation of one of the bureau's own rules."""
    return reason, FieldViolation(field, reason.lower(), message)


def refusal(breaches: list[tuple[Reason, FieldViolation]]) -> Refusal:
    """Return one refusal for all violations, under the first one's reason."""
    reason, first = breaches[0]
    count = len(breaches) - 1 if len(breaches) <= MAX_FOUND else f"at least {MAX_FOUND}"
    more = f" (and {count} more)" if len(breaches) > 1 else ""
    shown: list[FieldViolation] = []
    size = 0
    for _, violation in breaches[:MAX_VIOLATIONS]:
        size += len(violation.field) + len(violation.rule) + 4 * len(violation.message) + 12
        if shown and size > MAX_VIOLATION_BYTES:
            break
        shown.append(violation)
    return Refusal(reason, f"{first.field}: {first.message}{more}", shown)


def check_all(message: Message) -> bool:
    """Return True if a message keeps every field rule."""
    return not validator().collect_violations(message, fail_fast=True)


def violations(message: Message, prefix: str = "") -> list[tuple[Reason, FieldViolation]]:
    """Find each violation of a field rule, with its reason.

    In a field with more than MAX_ITEMS items, only the first items are checked.
    """
    breaches = validator().collect_violations(message, fail_fast=True)
    if breaches:
        # Two bytes can violate several rules, and describing a violation takes thousands.
        breaches = validator().collect_violations(_trimmed(message)) or breaches
    return [_breach(violation, prefix) for violation in breaches]


def bad_text(text: str) -> bool:
    """Return True if a text has control, format (bidirectional) or private characters."""
    return any(unicodedata.category(c) in {"Cc", "Cf", "Co", "Cs", "Cn"} for c in text)


def bad_times(message: Message, prefix: str) -> Iterator[tuple[Reason, FieldViolation]]:
    """Yield the times outside 1970 to 9999: protobuf accepts any seconds and nanos."""
    for name, is_list in _timed(message.DESCRIPTOR):
        if not is_list and not message.HasField(name):
            continue
        path, value = f"{prefix}.{name}".lstrip("."), getattr(message, name)
        for part in value if is_list else (value,):
            if not isinstance(part, (Timestamp, Duration)):
                yield from bad_times(part, path)
            elif not (0 <= part.seconds < END_OF_TIME_S and 0 <= part.nanos < NANOS):
                yield violation(path, "INVALID_FIELD", "must lie between 1970 and 9999")


@cache
def _timed(message: Descriptor) -> tuple[tuple[str, bool], ...]:
    """List the fields that hold times, or messages with times: name, and True if repeated."""
    return tuple(
        (field.name, field.is_repeated)
        for field in message.fields
        if (kind := field.message_type) and not kind.GetOptions().map_entry
        if kind.full_name in TIMES or _timed(kind)
    )


def _trimmed(message: M) -> M:
    """Copy a message with the first items of each field only."""
    copy = type(message)()
    for field, value in message.ListFields():
        mine = getattr(copy, field.name)
        if field.is_repeated:
            items = value[:MAX_ITEMS]
            mine.extend(map(_trimmed, items) if field.message_type else items)
        elif field.message_type:
            mine.CopyFrom(_trimmed(value))
        else:
            setattr(copy, field.name, value)
    return copy


def _breach(violation: Violation, prefix: str) -> tuple[Reason, FieldViolation]:
    proto = violation.proto
    field = "".join((prefix, *_path(violation))).lstrip(".")
    rule = proto.rule_id or ""
    reason = _REASON_OF_RULE.get(rule, "INVALID_FIELD")
    if field.endswith("_minor"):
        reason = "AMOUNT_RANGE"
    return reason, FieldViolation(field, rule, _words_of(violation))


def _words_of(violation: Violation) -> str:
    """Return a violation in words."""
    rule = violation.proto.rule_id
    if rule == "string.pattern":
        return words_of(str(violation.rule_value))
    # The contract forbids one value of enums by this rule: the unspecified one.
    return "must be given" if rule == "enum.not_in" else violation.proto.message or rule


def _path(violation: Violation) -> Iterator[str]:
    path = violation.proto.field
    for element in path.elements if path else []:
        yield f".{element.field_name}"
        subscript = element.subscript
        if subscript is not None:
            yield f"[{subscript.value}]"
