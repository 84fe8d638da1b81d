"""Limits of one member: running calls, bytes of large requests, and the time in which a
request must arrive.

Threads and memory are finite. Without limits a member could open calls and send nothing,
until all threads wait; or send large requests at once, which grow when they are parsed.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import grpc

from bureau.errors import Refusal

# Seconds between two checks of the calls that wait for their request. A call is cancelled
# at most this much after its read deadline.
CHECK_INTERVAL_S = 0.5


class SharedAmounts(Protocol):
    """The amounts that the worker processes of a node share. An empty member id names the sum of
    all members.
    """

    def publish(self, member_id: str, amount: int) -> None:
        """Show the other workers the amount of this one."""

    def others(self, member_id: str) -> int:
        """Return the amount of the other workers, read after this one's was published."""


@dataclass(slots=True)
class MemberLimits:
    """Limits of calls, or of bytes, on one node.

    An amount is published before the sum is compared with the limit, and taken back if it is
    above: two workers that admit at the same moment may both refuse, and never both exceed.

    Attributes:
        limit: Largest amount of one member at a time.
        total: Largest amount of all members together; 0 for no such limit.
        shared: The amounts of the node's other workers; None for a node of one process.
    """

    limit: int
    total: int = 0
    shared: SharedAmounts | None = None
    _taken: dict[str, int] = field(default_factory=dict)
    _sum: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _waiting: dict[grpc.ServicerContext, float] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _last: float = math.inf
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Start cancelling calls whose read deadline has passed."""
        self._thread = threading.Thread(
            target=self._cancel_late, name="read-deadlines", daemon=True
        )
        self._thread.start()

    def cut_read_deadlines(self, seconds: float) -> None:
        """Limit the remaining read time of all pending calls to `seconds`."""
        self._last = time.monotonic() + seconds

    def stop(self) -> None:
        """Stop cancelling calls."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    @contextmanager
    def acquire(self, member_id: str, amount: int = 1) -> Iterator[None]:
        """Count a call of a member, or the bytes of its request, while the block runs.

        Raises:
            Refusal: OVERLOADED beyond the node's or the member's limit.
        """
        with self._lock:
            self._add(member_id, amount)
            problem = self._problem(member_id)
            if problem:
                self._add(member_id, -amount)
        if problem:
            raise Refusal("OVERLOADED", problem)
        try:
            yield
        finally:
            with self._lock:
                self._add(member_id, -amount)

    def _add(self, member_id: str, amount: int) -> None:
        """Change the amount of a member."""
        count = self._taken.get(member_id, 0) + amount
        if count:
            self._taken[member_id] = count
        else:
            self._taken.pop(member_id, None)
        self._sum += amount
        if self.shared is not None:
            self.shared.publish(member_id, count)
            if self.total:
                self.shared.publish("", self._sum)

    def _problem(self, member_id: str) -> str:
        """Return the limit that is exceeded; empty if none is."""
        count, whole = self._taken.get(member_id, 0), self._sum
        if self.shared is not None:
            count += self.shared.others(member_id)
            whole += self.shared.others("") if self.total else 0
        if self.total and whole > self.total:
            return "the node is at its limit for all members"
        if count > self.limit:
            return "the member is at its limit on this node"
        return ""

    @contextmanager
    def read_deadline(self, context: grpc.ServicerContext, seconds: float) -> Iterator[None]:
        """Cancel a call that is still in the block after `seconds`."""
        self._waiting[context] = time.monotonic() + seconds
        try:
            yield
        finally:
            del self._waiting[context]

    def _cancel_late(self) -> None:
        while not self._stopped.wait(CHECK_INTERVAL_S):
            now = time.monotonic()
            for context, until in list(self._waiting.items()):
                if now > min(until, self._last):
                    context.cancel()
