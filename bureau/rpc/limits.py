"""Seats: how many calls of one member may be at work at once, how many bytes of large
requests, and how long a call may keep a seat while its request has not arrived.

Workers are few and memory is finite. Without this a member could open calls, send
nothing, and keep everybody else out; or send much at once that grows when it is parsed.
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
class MemberLimits:
    """The seats of one node, for calls or for bytes.

    Attributes:
        limit: Those of one member that may be taken at once.
        total: Of all members together; 0 for as many as there are.
    """

    limit: int
    total: int = 0
    _taken: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _waiting: dict[grpc.ServicerContext, float] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _last: float = math.inf
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Start cancelling calls whose read deadline has passed."""
        self._thread = threading.Thread(target=self._look, name="read-deadlines", daemon=True)
        self._thread.start()

    def cut_read_deadlines(self, seconds: float) -> None:
        """From now on no call waits for its request longer than so."""
        self._last = time.monotonic() + seconds

    def stop(self) -> None:
        """Stop cancelling calls."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    @contextmanager
    def acquire(self, member_id: str, amount: int = 1) -> Iterator[None]:
        """A seat for a call of a member, or as many as it has bytes.

        Raises:
            Refusal: OVERLOADED if too many are taken.
        """
        with self._lock:
            count = self._taken.get(member_id, 0) + amount
            if self.total and sum(self._taken.values()) + amount > self.total:
                raise Refusal("OVERLOADED", "the node has as much at work as it can")
            if count > self.limit:
                raise Refusal("OVERLOADED", "the member has as much at work as it may")
            self._taken[member_id] = count
        try:
            yield
        finally:
            with self._lock:
                left = self._taken[member_id] - amount
                if left:
                    self._taken[member_id] = left
                else:
                    del self._taken[member_id]

    @contextmanager
    def read_deadline(self, context: grpc.ServicerContext, seconds: float) -> Iterator[None]:
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
