"""Parses messages whose size in memory is in proportion to their bytes.

An empty message takes two bytes on the wire and hundreds once it is parsed: 16 MB of them
would take two gigabytes.
"""

from __future__ import annotations

from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from bureau_keys.errors import MalformedMessage

M = TypeVar("M", bound=Message)

# Strings, byte strings and messages that any message may hold; beyond them one for each
# BYTES_EACH bytes. Genuine messages stay below a half of both.
FREE_ELEMENTS = 50_000
BYTES_EACH = 16
# The shortest element: tag and length, one byte each.
LEAST_BYTES = 2
# Wire types of the protobuf encoding.
VARINT, FIXED64, DELIMITED = 0, 1, 2
MAX_VARINT_BYTES = 10


def parse(kind: type[M], data: bytes) -> M:
    """Parse a message.

    Raises:
        MalformedMessage: The bytes are not the message, or hold more elements than fit.
    """
    if len(data) >= FREE_ELEMENTS * LEAST_BYTES:
        most = FREE_ELEMENTS + len(data) // BYTES_EACH
        if _elements(kind.DESCRIPTOR, data, most) > most:
            raise MalformedMessage(
                f"no {kind.DESCRIPTOR.name}: {len(data)} bytes hold more than {most} elements"
            )
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise MalformedMessage(f"no {kind.DESCRIPTOR.name}") from error


def _elements(descriptor: Any, data: bytes, most: int) -> int:
    """Count the delimited fields at every depth; stop above `most`."""
    count = 0
    pending: list[tuple[Any, int, int]] = [(descriptor, 0, len(data))]
    try:
        while pending:
            fields, offset, end = pending.pop()
            nested = _message_fields(fields)
            while offset < end:
                tag, offset = _varint(data, offset)
                if tag & 7 == DELIMITED:
                    length, offset = _varint(data, offset)
                    count += 1
                    if count > most:
                        return count
                    if tag >> 3 in nested:
                        pending.append((nested[tag >> 3], offset, offset + length))
                    offset += length
                elif tag & 7 == VARINT:
                    _, offset = _varint(data, offset)
                else:
                    offset += 8 if tag & 7 == FIXED64 else 4
    except IndexError:
        # A field is cut off, or a number too long: the parser refuses the bytes.
        return count
    return count


def _message_fields(descriptor: Any) -> dict[int, Any]:
    return {
        field.number: field.message_type
        for field in descriptor.fields
        if field.type == FieldDescriptor.TYPE_MESSAGE and field.message_type is not None
    }


def _varint(data: bytes, offset: int) -> tuple[int, int]:
    value = 0
    for position in range(MAX_VARINT_BYTES):
        byte = data[offset + position]
        value |= (byte & 0x7F) << 7 * position
        if byte < 0x80:
            return value, offset + position + 1
    raise IndexError
