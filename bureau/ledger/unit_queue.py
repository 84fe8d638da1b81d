"""The units of work that wait for the writer: small ones together, a large one apart, in turns.

A unit of many records holds the writer for some tenths of a second, and one that waits for a lock
for seconds. It has a transaction of its own, before which go the small units that waited when the
one before it was done: a small unit waits for one such unit at most, however many there are.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from bureau.errors import Refusal
from bureau.waker import Waker


class Queued(Protocol):
    """A unit of work."""

    @property
    def is_apart(self) -> bool:
        """True if it has a transaction of its own."""
        ...


U = TypeVar("U", bound=Queued)


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
        self._apart: deque[U] = deque()
        # Small units that go before the next one that is apart.
        self._small_first = 0
        self._was_apart = False
        self._is_closed = False
        self._lock = threading.Lock()
        self._arrived = Waker()

    def __len__(self) -> int:
        return len(self._small) + len(self._apart)

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
            if unit.is_apart:
                self._append_apart(unit)
            else:
                self._small.append(unit)
            self._arrived.wake()

    def put_back(self, units: Sequence[U]) -> None:
        """Put small units that were returned before those that wait, and the others behind them;
        also after `close`.
        """
        small = [unit for unit in units if not unit.is_apart]
        with self._lock:
            self._small.extendleft(reversed(small))
            self._small_first += len(small)
            for unit in units:
                if unit.is_apart:
                    self._append_apart(unit)

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
                if self._was_apart:
                    self._small_first = len(self._small)
                is_next = self._small_first <= 0 or not self._small
                self._was_apart = bool(self._apart) and is_next
                if self._was_apart:
                    return [self._apart.popleft()]
                if self._small:
                    count = min(len(self._small), self._most_together)
                    self._small_first -= count
                    return [self._small.popleft() for _ in range(count)]
                if self._is_closed:
                    return []
            self._arrived.wait()

    def _append_apart(self, unit: U) -> None:
        if not self._apart:
            self._small_first = len(self._small)
        self._apart.append(unit)
