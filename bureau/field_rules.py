"""The contract's own rules for fields, run by protovalidate, and the reasons
under which the bureau answers a breach.
"""

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
from creditbureau.v1.reason import Reason

if TYPE_CHECKING:
    from protovalidate import Validator, Violation

M = TypeVar("M", bound=Message)

# More would make the answer itself a flood; it travels in the headers, which are few
# kilobytes.
MAX_VIOLATIONS = 100
MAX_VIOLATION_BYTES = 4000
# After so many breaches no more are looked for; of one field so many items are looked at.
MAX_FOUND = 1000
MAX_ITEMS = 100
# Of a page token: what surely fits into 64 bits.
MAX_DIGITS = 18
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
    if found := [*violations(message, at), *bad_times(message, at)]:
        raise refusal(found)


def number_in(token: str, otherwise: int) -> int:
    """The number that a page token is; `otherwise` for none.

    Raises:
        Refusal: BAD_PAGE_TOKEN.
    """
    if not token:
        return otherwise
    if not (token.isascii() and token.isdigit()) or len(token) > MAX_DIGITS:
        raise Refusal.of_field("BAD_PAGE_TOKEN", "page_token", "not one that this method gave out")
    return int(token)


def violation(field: str, reason: Reason, message: str) -> tuple[Reason, FieldViolation]:
    """A breach of one of the bureau's own rules."""
    return reason, FieldViolation(field, reason.lower(), message)


def refusal(found: list[tuple[Reason, FieldViolation]]) -> Refusal:
    """One refusal for all violations, under the first one's reason."""
    reason, first = found[0]
    count = len(found) - 1 if len(found) <= MAX_FOUND else f"at least {MAX_FOUND}"
    more = f" (and {count} more)" if len(found) > 1 else ""
    shown: list[FieldViolation] = []
    size = 0
    for _, violation in found[:MAX_VIOLATIONS]:
        size += len(violation.field) + len(violation.rule) + 4 * len(violation.message) + 12
        if shown and size > MAX_VIOLATION_BYTES:
            break
        shown.append(violation)
    return Refusal(reason, f"{first.field}: {first.message}{more}", shown)


def check_all(message: Message) -> bool:
    """Whether a message breaks no field rule."""
    return not validator().collect_violations(message, fail_fast=True)


def violations(message: Message, at: str = "") -> list[tuple[Reason, FieldViolation]]:
    """Each breach of a field rule, with its reason; in a field with very many items,
    those of the first items.
    """
    found = validator().collect_violations(message, fail_fast=True)
    if found:
        # Two bytes can break several rules, and each breach takes thousands to tell.
        found = validator().collect_violations(_trimmed(message)) or found
    return [_breach(violation, at) for violation in found]


def bad_text(text: str) -> bool:
    """Whether a text has control, format (bidirectional) or private characters."""
    return any(unicodedata.category(c) in {"Cc", "Cf", "Co", "Cs", "Cn"} for c in text)


def bad_times(message: Message, at: str) -> Iterator[tuple[Reason, FieldViolation]]:
    """Times that are no times: protobuf lets any seconds and nanos through."""
    for name, is_list in _timed(message.DESCRIPTOR):
        if not is_list and not message.HasField(name):
            continue
        path, value = f"{at}.{name}".lstrip("."), getattr(message, name)
        for part in value if is_list else (value,):
            if not isinstance(part, (Timestamp, Duration)):
                yield from bad_times(part, path)
            elif not (0 <= part.seconds < END_OF_TIME_S and 0 <= part.nanos < NANOS):
                yield violation(path, "INVALID_FIELD", "must lie between 1970 and 9999")


@cache
def _timed(message: Descriptor) -> tuple[tuple[str, bool], ...]:
    """The fields of a message that hold times, or messages that do: name, and whether
    there can be several.
    """
    return tuple(
        (field.name, field.is_repeated)
        for field in message.fields
        if (kind := field.message_type) and not kind.GetOptions().map_entry
        if kind.full_name in TIMES or _timed(kind)
    )


def _trimmed(message: M) -> M:
    """A copy with the first items of each field only."""
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


def _breach(violation: Violation, at: str) -> tuple[Reason, FieldViolation]:
    proto = violation.proto
    field = "".join((at, *_path(violation))).lstrip(".")
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
