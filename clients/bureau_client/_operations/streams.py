"""Streams of the contract; a driver opens them again where they stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from bureau_client._operations.operation import Method, Operation

Item = TypeVar("Item")
# A position in a stream, given by the bureau; a stream continues after it.
Cursor = Any


@dataclass(frozen=True, slots=True)
class Stream(Generic[Item]):
    """One streaming method of the contract.

    Attributes:
        request: Makes the request for the messages after a cursor.
        read: Returns the operation that verifies and reads one message; its result is None
            for a message without an item.
        start: The first cursor.
        endless: True for a stream that is opened again when the bureau ends it: streams
            have a longest time.
        request_id: Request id of the signed statement; empty without one.
        check_end: Raises VerificationFailed if a stream that the bureau ended is not whole.
    """

    method: Method[Any, Any]
    request: Callable[[Cursor], Message]
    read: Callable[[Any], Operation[Item | None]]
    start: Cursor
    endless: bool
    request_id: str = ""
    check_end: Callable[[], None] = lambda: None


def without_calls(read: Callable[[Any], Item]) -> Callable[[Any], Operation[Item | None]]:
    """Return the operation that reads one message and makes no calls."""

    def operation(message: Any) -> Operation[Item | None]:
        yield from ()
        return read(message)

    return operation
