"""The log of calls: one line each, written in batches by a thread. A call does not wait for
the reader of the log, and a batch costs a fraction of single writes.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog

from bureau.logs import iso

logger = structlog.get_logger("bureau.rpc")

# Seconds between two batches: a killed process loses the lines of one.
PAUSE_S = 0.05
# Lines that may wait; beyond it the thread of a call writes them itself, so that a slow
# reader of the log slows calls instead of filling memory.
MAX_WAITING = 10_000


class EndedCall(NamedTuple):
    """A call that has ended.

    Attributes:
        time_s: Time of its end, seconds since 1970.
        reason: OK, or the reason of its refusal.
        seconds: Duration of the call.
        request_id: Id that the caller was given.
        peer: Address of the caller, as gRPC spells it.
        trace_id: Trace of the call's span, or, if calls are not traced, of the caller's
            `traceparent`; empty without one.
    """

    time_s: float
    method: str
    member: str
    reason: str
    seconds: float
    request_id: str
    peer: str
    trace_id: str


@dataclass(slots=True)
class CallLog:
    """Ended calls that are not in the log yet."""

    _ended: deque[EndedCall] = field(default_factory=deque)
    _some: threading.Event = field(default_factory=threading.Event)
    _writing: threading.Lock = field(default_factory=threading.Lock)
    _stopped: bool = False
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Start writing."""
        self._thread = threading.Thread(target=self._run, name="call-log", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write the waiting lines and stop."""
        self._stopped = True
        self._some.set()
        if self._thread:
            self._thread.join()

    def add(self, call: EndedCall) -> None:
        """Queue the line of a call."""
        self._ended.append(call)
        if len(self._ended) > MAX_WAITING:
            self._write()
        elif not self._some.is_set():
            self._some.set()

    def _run(self) -> None:
        while not self._stopped:
            self._some.wait()
            time.sleep(PAUSE_S)
            self._some.clear()
            self._write()
        self._write()

    def _write(self) -> None:
        # The reader of the log may be gone; a call must not fail for that.
        with self._writing, suppress(OSError):
            for _ in range(len(self._ended)):
                call = self._ended.popleft()
                logger.info(
                    "call",
                    method=call.method,
                    member=call.member,
                    reason=call.reason,
                    ms=round(call.seconds * 1000, 2),
                    request_id=call.request_id,
                    peer=call.peer,
                    **({"trace_id": call.trace_id} if call.trace_id else {}),
                    timestamp=iso(call.time_s),
                )
