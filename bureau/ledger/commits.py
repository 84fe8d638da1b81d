"""Tells who waits that something was committed."""

from __future__ import annotations

import threading

from bureau.errors import Refusal


class Commits:
    """Wakes those that follow what is committed on this node. What other nodes commit
    is found by looking again after a while.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._closed = False

    @property
    def count(self) -> int:
        """How many there were so far."""
        return self._count

    def told(self) -> None:
        """Something was committed."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def close(self) -> None:
        """The node stops: nobody waits any longer."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait(self, since: int, seconds: float) -> None:
        """Waits until there are more commits than `since`, at most so many seconds.

        Raises:
            Refusal: SHUTTING_DOWN.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._count > since, seconds)
            if self._closed:
                raise Refusal("SHUTTING_DOWN", "the node is stopping")
