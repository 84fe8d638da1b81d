"""Values that no honest bureau sends, put into every field of a message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

# Seconds from 1970 to a year beyond 30,000, and to one before the first.
FAR, LONG_AGO = 10**12, -(10**12)

Hostile = Callable[[Message, Any], object]


def walk(message: Message, change: Hostile) -> None:
    """Change every field of a message, and those of the messages in it."""
    for field in message.DESCRIPTOR.fields:
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            value = getattr(message, field.name)
            for inner in value if field.is_repeated else [value]:
                walk(inner, change)
        change(message, field)


def put(message: Message, field: FieldDescriptor, value: object) -> None:
    """Set a field, or each item of a repeated one."""
    if field.is_repeated:
        values = getattr(message, field.name)
        values[:] = [value] * len(values)
    else:
        setattr(message, field.name, value)


def times(seconds: int) -> Hostile:
    def change(message: Message, field: FieldDescriptor) -> None:
        if field.message_type in {Timestamp.DESCRIPTOR, Duration.DESCRIPTOR}:
            for time in _messages(message, field):
                time.seconds, time.nanos = seconds, 999_999_999

    return change


def _messages(message: Message, field: FieldDescriptor) -> list[Any]:
    value = getattr(message, field.name)
    return list(value) if field.is_repeated else [value]


def numbers(*, largest: bool) -> Hostile:
    def change(message: Message, field: FieldDescriptor) -> None:
        if message.DESCRIPTOR in {Timestamp.DESCRIPTOR, Duration.DESCRIPTOR}:
            return
        bits = {
            FieldDescriptor.CPPTYPE_INT32: 31,
            FieldDescriptor.CPPTYPE_INT64: 63,
            FieldDescriptor.CPPTYPE_ENUM: 31,
        }.get(field.cpp_type)
        if bits is not None:
            put(message, field, 2**bits - 1 if largest else -(2**bits))

    return change


def texts(message: Message, field: FieldDescriptor) -> None:
    if field.type == FieldDescriptor.TYPE_STRING:
        put(message, field, "9" * 5000 + "\x1b[2J\n\n9\n\x00\u202e")
    elif field.type == FieldDescriptor.TYPE_BYTES:
        put(message, field, b"\xff" * 33)


def twice(message: Message, field: FieldDescriptor) -> None:
    if field.is_repeated and not (
        field.message_type is not None and field.message_type.GetOptions().map_entry
    ):
        values = getattr(message, field.name)
        values.extend(list(values))


def nothing(message: Message, field: FieldDescriptor) -> None:
    message.ClearField(field.name)


HOSTILE: dict[str, Hostile] = {
    "times beyond the year 9999": times(FAR),
    "times before the first year": times(LONG_AGO),
    "the largest numbers": numbers(largest=True),
    "the smallest numbers": numbers(largest=False),
    "texts of junk": texts,
    "everything twice": twice,
    "nothing": nothing,
}
