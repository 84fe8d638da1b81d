"""The base of the servicers: one object for one call of an admitted member."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import grpc

from bureau.context import Bureau, Caller

Answer = TypeVar("Answer")

# Seconds that a stream waits for a commit of this node before it reads again: a commit
# of another node may have been announced meanwhile.
POLL_S = 0.5
# Seconds between two checks that a stream's member is still admitted.
REAUTH_INTERVAL_S = 2.0


@dataclass(frozen=True, slots=True)
class Servicer:
    """The servicer of one call.

    Attributes:
        bureau: The bureau's parts.
        caller: The member that calls.
        context: The call, as gRPC hands it out.
        end: Monotonic time at which the call ends.
        readmit: Raises a refusal unless the member is still admitted.
    """

    bureau: Bureau
    caller: Caller
    context: grpc.ServicerContext
    end: float
    readmit: Callable[[], object]

    def follow(self, answers: Iterator[Answer | None]) -> Iterator[Answer]:
        """Yield the answers of a stream, and wait for the next commit at each None.

        The stream ends with its deadline, the node, the client, and the member's
        admission.
        """
        checked, seen = time.monotonic(), self.bureau.commits.count
        while self.context.is_active() and time.monotonic() < self.end:
            try:
                answer = next(answers)
            except StopIteration:
                return
            if answer is not None:
                yield answer
            else:
                self.bureau.commits.wait(seen, POLL_S)
            seen = self.bureau.commits.count
            if time.monotonic() > checked + REAUTH_INTERVAL_S:
                checked = time.monotonic()
                self.readmit()
