"""Seats: how many calls of one member may be at work at once, and how long a call may
keep one while its request has not arrived.

The workers are few. Without this a member could open calls, send nothing, and keep
everybody else out.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc

from bureau.errors import Refusal

# Seconds between two looks at the calls that wait for their request.
LOOK_S = 0.5


@dataclass(slots=True)
class Seats:
    """The seats of one node.

    Attributes:
        limit: Calls of one member at work at once.
        whole: Of all members together; 0 for as many as there are.
    """

    limit: int
    whole: int = 0
    _taken: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _waiting: dict[grpc.ServicerContext, float] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _last: float = math.inf

    def start(self) -> None:
        """Looks after calls that wait, until `stop`."""
        threading.Thread(target=self._look, name="seats", daemon=True).start()

    def hurry(self, seconds: float) -> None:
        """From now on no call waits for its request longer than so."""
        self._last = time.monotonic() + seconds

    def stop(self) -> None:
        """Looks no more."""
        self._stopped.set()

    @contextmanager
    def taken(self, member_id: str) -> Iterator[None]:
        """A seat for a call of a member.

        Raises:
            Refusal: OVERLOADED if all that the member may have are taken.
        """
        with self._lock:
            count = self._taken.get(member_id, 0)
            if self.whole and sum(self._taken.values()) >= self.whole:
                raise Refusal("OVERLOADED", "all seats of the node are taken")
            if count >= self.limit:
                raise Refusal("OVERLOADED", f"the member has {count} calls at work")
            self._taken[member_id] = count + 1
        try:
            yield
        finally:
            with self._lock:
                left = self._taken[member_id] - 1
                if left:
                    self._taken[member_id] = left
                else:
                    del self._taken[member_id]

    @contextmanager
    def patience(self, context: grpc.ServicerContext, seconds: float) -> Iterator[None]:
        """Cancels a call that is still in the block after so many seconds."""
        self._waiting[context] = time.monotonic() + seconds
        try:
            yield
        finally:
            del self._waiting[context]

    def _look(self) -> None:
        while not self._stopped.wait(LOOK_S):
            now = time.monotonic()
            for context, until in list(self._waiting.items()):
                if now > min(until, self._last):
                    context.cancel()
