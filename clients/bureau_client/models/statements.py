"""What was signed, as it is sent: who keeps it can send it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Statement:
    """A signed statement on its way to the bureau.

    Attributes:
        method: The contract's method that takes it, by its full name.
        request_id: Its own; whatever is sent under it has one effect.
        envelope: The signed envelope, serialised: what its receipt speaks of.
        request: The whole request, serialised.
    """

    method: str
    request_id: str
    envelope: bytes = field(repr=False)
    request: bytes = field(repr=False)


BeforeSend: TypeAlias = Callable[[Statement], None]


def ignore(_: Statement) -> None:
    """Keeps nothing."""
