"""Which of several addresses is next: round robin past those that just failed."""

from __future__ import annotations

import threading

REST_SECONDS = 5.0


class Rotation:
    """Takes turns among addresses; one that failed rests for five seconds.

    Safe to share between threads. Addresses are known by their index.
    """

    def __init__(self, count: int) -> None:
        assert count > 0
        self._rest_until = [0.0] * count
        self._next = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._rest_until)

    def pick(self, now: float) -> int:
        """The next address that does not rest; if all do, the one longest at rest."""
        count = len(self._rest_until)
        with self._lock:
            order = [(self._next + step) % count for step in range(count)]
            awake = [index for index in order if self._rest_until[index] <= now]
            chosen = awake[0] if awake else min(order, key=self._rest_until.__getitem__)
            self._next = (chosen + 1) % count
            return chosen

    def failed(self, index: int, now: float) -> None:
        """Lets an address rest that could not be reached."""
        with self._lock:
            self._rest_until[index] = now + REST_SECONDS

    def worked(self, index: int) -> None:
        """Takes an address back into the turn."""
        with self._lock:
            self._rest_until[index] = 0.0

    def has_other(self, tried: set[int]) -> bool:
        """Whether there is an address that was not tried yet."""
        return len(tried) < len(self._rest_until)
