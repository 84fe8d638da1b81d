"""Streams on the command line: items for a limited time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from queue import Empty, Queue
from typing import Annotated, TypeVar

import typer

from bureau_client.errors import BureauError

Item = TypeVar("Item")
# Items read before earlier ones are written; at the limit the reading thread waits.
READ_AHEAD = 64
WaitOption = Annotated[
    float,
    typer.Option("--for", metavar="SECONDS", help="Stop after this time; 0 never stops."),
]


def within(stream: Iterator[Item], seconds: float) -> Iterator[Item]:
    """Yield the items that an endless stream delivers within a time; 0 sets no limit."""
    if not seconds:
        yield from stream
        return
    items: Queue[Item | BureauError] = Queue(READ_AHEAD)

    def read() -> None:
        try:
            for item in stream:
                items.put(item)
        except BureauError as error:
            items.put(error)

    threading.Thread(target=read, daemon=True).start()
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            item = items.get(timeout=left)
        except Empty:
            return
        if isinstance(item, BureauError):
            raise item
        yield item
