"""Signed statements as they are sent; a kept one can be sent again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Statement:
    """A signed statement that is sent to the bureau.

    Attributes:
        method: Full name of the contract's method that accepts the statement.
        request_id: Request id of the statement, under which it takes effect once.
        envelope: The signed envelope, serialised; the receipt is for these bytes.
        request: The whole request, serialised.
    """

    method: str
    request_id: str
    envelope: bytes = field(repr=False)
    request: bytes = field(repr=False)


BeforeSend: TypeAlias = Callable[[Statement], None]


def ignore(_: Statement) -> None:
    """Ignore the statement: the default for `before_send`."""
