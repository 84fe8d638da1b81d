"""Serve calls that wait at the same time together: the thread of one of them works for all.

A step that is taken for many calls in a row costs half of what it costs for one alone, whose code
and data leave the processor's caches between two steps. A call that comes alone is served by its
own thread at once; calls that come while others are served wait, and the thread of the first of
them then serves them all.
"""

from __future__ import annotations

# Calls that are served together: limits the wait of the first of them.
import threading
import time
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from bureau.errors import Refusal
from bureau.waker import Waker

# Calls that are served together: limits the wait of the first of them.
MAX_TOGETHER = 32


@dataclass(slots=True, eq=False)
class WaitingCall:
    """A call that may be served together with others.

    Attributes:
        context: That of the call's thread: what is done for the call is done in it.
        waker: Wakes the call's thread when the call is decided, or when it is to serve others.
    """

    context: Context = field(init=False, default_factory=copy_context)
    waker: Waker = field(init=False, default_factory=Waker)


Call = TypeVar("Call", bound=WaitingCall)


class CallBatches(Generic[Call]):
    """The calls that wait to be served together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Call] = []
        self._leader: Call | None = None

    def serve(self, call: Call, together: Callable[[Sequence[Call]], None], end: float) -> None:
        """Serve a call, together with others that wait.

        Returns once this thread has served it, or once another one has and the call was woken, or
        at the latest at `end` while another one serves it.

        Args:
            together: Serves calls; sooner or later each of them is woken. It must not raise.
            end: Monotonic time at which the caller gives up.

        Raises:
            Refusal: DEADLINE before the call was served.
        """
        with self._lock:
            self._waiting.append(call)
            if leads := self._leader is None:
                self._leader = call
        if not leads:
            leads = self._wait(call, end)
        if leads:
            self._serve_waiting(together)

    def _wait(self, call: Call, end: float) -> bool:
        """Wait until a call is decided; return True if it is to serve the waiting calls instead."""
        if not call.waker.wait(end - time.monotonic()):
            with self._lock:
                if self._leader is not call:
                    if call not in self._waiting:
                        return False  # another call's thread serves it
                    self._waiting.remove(call)
                    raise Refusal("DEADLINE", "the deadline passed before the call was served")
            call.waker.wait()  # it has just become the one to serve
        return self._leader is call

    def _serve_waiting(self, together: Callable[[Sequence[Call]], None]) -> None:
        with self._lock:
            batch = self._waiting[:MAX_TOGETHER]
            del self._waiting[:MAX_TOGETHER]
        try:
            together(batch)
        finally:
            with self._lock:
                self._leader = self._waiting[0] if self._waiting else None
                leader = self._leader
            if leader is not None:
                leader.waker.wake()
