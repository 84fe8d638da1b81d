"""The units of work that wait for the writer: small ones together, a large one by itself, in turns.

A unit of many records holds the writer for some tenths of a second. What waits with it goes before
it, and what comes meanwhile goes before the next large one: however many large units wait, a small
one waits for one of them at most, and a large one for one batch of small ones.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from bureau.errors import Refusal
from bureau.waker import Waker

# Bytes of a request whose unit is committed by itself: those of some 300 records.
LARGE_UNIT_BYTES = 64 * 1024


class Sized(Protocol):
    """A unit of work."""

    @property
    def size(self) -> int:
        """Bytes of its request."""
        ...


U = TypeVar("U", bound=Sized)


class UnitQueue(Generic[U]):
    """The units of one writer, in the order in which they came."""

    def __init__(self, most_waiting: int, most_together: int) -> None:
        """Begin without units.

        Args:
            most_waiting: Units that may wait; further ones are refused.
            most_together: Small units that are returned at once.
        """
        self._most_waiting = most_waiting
        self._most_together = most_together
        self._small: deque[U] = deque()
        self._large: deque[U] = deque()
        self._is_closed = False
        self._is_large_next = False
        self._lock = threading.Lock()
        self._arrived = Waker()

    def __len__(self) -> int:
        return len(self._small) + len(self._large)

    def put(self, unit: U) -> None:
        """Add a unit.

        Raises:
            Refusal: SHUTTING_DOWN, OVERLOADED.
        """
        with self._lock:
            if self._is_closed:
                raise Refusal("SHUTTING_DOWN", "the node is stopping")
            if len(self) >= self._most_waiting:
                raise Refusal("OVERLOADED", "too many writes are waiting")
            self._of_its_size(unit).append(unit)
            self._arrived.wake()

    def put_back(self, units: Sequence[U]) -> None:
        """Put units that were returned before those that wait, also after `close`."""
        with self._lock:
            for unit in reversed(units):
                self._of_its_size(unit).appendleft(unit)

    def close(self) -> None:
        """Refuse further units."""
        with self._lock:
            self._is_closed = True
            self._arrived.wake()

    def get(self) -> list[U]:
        """Wait for units, and return those of one transaction; none once the queue is closed and
        empty.
        """
        while True:
            with self._lock:
                if self._large and (self._is_large_next or not self._small):
                    self._is_large_next = False
                    return [self._large.popleft()]
                if self._small:
                    self._is_large_next = True
                    count = min(len(self._small), self._most_together)
                    return [self._small.popleft() for _ in range(count)]
                if self._is_closed:
                    return []
            self._arrived.wait()

    def _of_its_size(self, unit: U) -> deque[U]:
        return self._large if unit.size >= LARGE_UNIT_BYTES else self._small
