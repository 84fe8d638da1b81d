"""Limits of answers that their callers do not read.

gRPC keeps an answer until its caller has read it: in memory, after its call has given the worker
back. Without limits a member could call and never read, until the node has no memory left.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import grpc

from bureau.errors import Refusal
from bureau.rpc.limits import CHECK_INTERVAL_S, SharedAmounts

# Seconds in which a caller reads an answer, or one message of a stream; then the call is cancelled.
READ_S = 30.0
# Bytes that gRPC keeps for a call beside its answer: many small answers count, too.
CALL_BYTES = 4 * 1024


@dataclass(slots=True)
class UnreadAnswers:
    """The answers on one node that are not read yet, counted for each member.

    Attributes:
        limit: Bytes of one member; beyond them its calls are refused before they do anything.
        shared: The bytes in the node's other workers; None for a node of one process.
    """

    limit: int
    shared: SharedAmounts | None = None
    _bytes: Counter[str] = field(default_factory=Counter)
    _until: dict[grpc.ServicerContext, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Start cancelling calls whose answers are not read in time."""
        self._thread = threading.Thread(target=self._cancel_late, name="unread", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop cancelling calls."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def require_read(self, member_id: str) -> None:
        """Raise OVERLOADED if a member has not read what it was sent."""
        others = self.shared.others(member_id) if self.shared else 0
        if self._bytes[member_id] + others >= self.limit:
            raise Refusal("OVERLOADED", "the member reads its answers too slowly")

    def add(self, context: grpc.ServicerContext, member_id: str, size: int) -> None:
        """Count the answer of a call until its caller has read it, or the call has ended."""
        self._count(member_id, size + CALL_BYTES)
        self._until[context] = time.monotonic() + READ_S
        end = partial(self._end, context, member_id, size + CALL_BYTES)
        if not context.add_callback(end):
            end()

    @contextmanager
    def reading(self, context: grpc.ServicerContext) -> Iterator[None]:
        """Cancel a call whose caller does not read the message that the block sends."""
        self._until[context] = time.monotonic() + READ_S
        try:
            yield
        finally:
            self._until.pop(context, None)

    def _end(self, context: grpc.ServicerContext, member_id: str, size: int) -> None:
        self._until.pop(context, None)
        self._count(member_id, -size)

    def _count(self, member_id: str, size: int) -> None:
        with self._lock:
            self._bytes[member_id] += size
            if self.shared is not None:
                self.shared.publish(member_id, self._bytes[member_id])
            if not self._bytes[member_id]:
                del self._bytes[member_id]

    def _cancel_late(self) -> None:
        while not self._stopped.wait(CHECK_INTERVAL_S):
            now = time.monotonic()
            for context, until in list(self._until.items()):
                if now > until:
                    context.cancel()
