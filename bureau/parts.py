"""The parts of a node: started in order, stopped in reverse."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import NamedTuple


def nothing() -> None:
    """Do nothing: for a part that needs no start, or no stop."""


class Part(NamedTuple):
    """One part of a node.

    Attributes:
        name: Name of the part in tests and messages.
        start: Starts the part.
        stop: Stops the part. It also undoes a start that failed halfway, so it must not
            rely on the start having finished.
    """

    name: str
    start: Callable[[], None]
    stop: Callable[[], None]


def start_all(parts: Iterable[Part]) -> ExitStack:
    """Start every part in order; return the stack whose `close` stops them in reverse.

    Raises:
        Exception: A part failed to start, after it and all parts before it were stopped.
    """
    with ExitStack() as started:
        for part in parts:
            started.callback(part.stop)
            part.start()
        return started.pop_all()
