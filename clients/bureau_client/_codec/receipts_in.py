"""The receipts in a reply, at any depth."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from creditbureau.v1 import log_pb2


def receipts_in(message: Message) -> Iterator[log_pb2.Receipt]:
    """Yield every receipt in a message, its own fields first."""
    if isinstance(message, log_pb2.Receipt):
        yield message
        return
    leading = _fields_to_receipts(type(message).DESCRIPTOR)
    for field, value in message.ListFields():
        if field.name in leading:
            for part in value if field.is_repeated else [value]:
                yield from receipts_in(part)


@cache
def _fields_to_receipts(kind: Descriptor) -> frozenset[str]:
    """Return the names of a message's fields that may hold receipts."""
    return frozenset(
        field.name for field in kind.fields if field.message_type and _leads(field.message_type, ())
    )


def _leads(kind: Descriptor, above: tuple[Descriptor, ...]) -> bool:
    """Return True if a message may hold receipts; a kind that holds itself is read once."""
    if kind is log_pb2.Receipt.DESCRIPTOR:
        return True
    if kind in above or kind.GetOptions().map_entry:
        return False
    below = (field.message_type for field in kind.fields if field.message_type)
    return any(_leads(part, (*above, kind)) for part in below)
