"""Streams of the contract: opened again where they stopped, until they end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from bureau_client._operations.operation import Method

Item = TypeVar("Item")
# Of the bureau's: behind it, a stream goes on.
Cursor = Any


@dataclass(frozen=True, slots=True)
class Stream(Generic[Item]):
    """One streaming method of the contract.

    Attributes:
        request: Asks for what comes behind a cursor.
        read: Verifies one message.
        start: The cursor to begin with.
        endless: Whether it is to go on when the bureau ends it: streams have a
            longest time.
        request_id: That of the signed statement, if any.
    """

    method: Method[Any, Any]
    request: Callable[[Cursor], Message]
    read: Callable[[Any], Item]
    start: Cursor
    endless: bool
    request_id: str = ""
