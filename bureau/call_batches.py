"""Serve calls that wait at the same time together: the thread of one of them works for all.

A step that is taken for many calls in a row costs up to two fifths less than for one alone, whose
code and data leave the processor's caches between two steps. A call that comes alone is served by
its own thread at once; calls that come while others are served wait, and the thread of the first of
them then serves them all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

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
        batch: The calls that its thread is to serve, itself the first; empty if another one does.
    """

    context: Context = field(init=False, default_factory=copy_context)
    waker: Waker = field(init=False, default_factory=Waker)
    batch: list[Any] = field(init=False, default_factory=list)


Call = TypeVar("Call", bound=WaitingCall)


class CallBatches(Generic[Call]):
    """The calls that wait to be served together."""

    def __init__(self, threads: int = 1) -> None:
        """Begin without calls.

        Args:
            threads: Threads that serve at the same time. More than one where they wait for
                something else than the interpreter, as for a database over a network.
        """
        self._threads = threads
        self._serving = 0
        self._waiting: list[Call] = []
        self._lock = threading.Lock()

    def serve(self, call: Call, together: Callable[[Sequence[Call]], None], end: float) -> None:
        """Serve a call, together with others that wait.

        Returns once this thread has served it, or once another one has and the call was woken.

        Args:
            together: Serves calls; sooner or later each of them is woken. It must not raise.
            end: Monotonic time at which the caller gives up.

        Raises:
            Refusal: DEADLINE.
        """
        with self._lock:
            if self._serving < self._threads:
                self._serving += 1
                call.batch = [call]
            else:
                self._waiting.append(call)
        if not call.batch:
            self._wait(call, end)
        if call.batch:
            self._serve_batch(call.batch, together)

    def _wait(self, call: Call, end: float) -> None:
        """Wait until a call is decided, or has a batch to serve."""
        if call.waker.wait(end - time.monotonic()):
            return
        with self._lock:
            if call in self._waiting:
                self._waiting.remove(call)
                raise Refusal("DEADLINE", "the deadline passed before the call was served")
            if not call.batch:  # another call's thread serves it at this moment
                raise Refusal(
                    "DEADLINE", "no outcome in time: retry with the same request id to learn it"
                )
        call.waker.wait()  # its batch came with the deadline

    def _serve_batch(self, batch: list[Call], together: Callable[[Sequence[Call]], None]) -> None:
        try:
            together(batch)
        finally:
            with self._lock:
                following = self._waiting[:MAX_TOGETHER]
                del self._waiting[:MAX_TOGETHER]
                if following:
                    following[0].batch = following
                else:
                    self._serving -= 1
            batch.clear()  # a call refers to its batch, and a batch to its calls
            if following:
                following[0].waker.wake()
