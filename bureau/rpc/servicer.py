"""The base of the servicers: one object for one call of an admitted member."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import grpc

from bureau.context import Bureau, Caller
from bureau.errors import Refusal

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
        """Yield the answers of a stream without an end, and wait for the next commit at each None.

        The stream ends with its deadline, the node, the client, and the member's
        admission.
        """
        commit_count = self.bureau.commits.count
        for answer in self._while_admitted(answers):
            if answer is not None:
                yield answer
            else:
                self.bureau.commits.wait(commit_count, POLL_S)
            commit_count = self.bureau.commits.count

    def deliver(self, answers: Iterator[Answer | None]) -> Iterator[Answer]:
        """Yield the answers of a stream that comes to an end; pass over each None.

        Raises:
            Refusal: DEADLINE if the time of the call ends first: a stream that ends without an
                error is whole.
        """
        for answer in self._while_admitted(answers):
            if answer is not None:
                yield answer
        if time.monotonic() >= self.end:
            raise Refusal("DEADLINE", "the stream has more answers: resume it from its cursor")

    def _while_admitted(self, answers: Iterator[Answer]) -> Iterator[Answer]:
        """Yield answers until the deadline, the end of the node, of the call, or of the
        member's admission.
        """
        checked = time.monotonic()
        while self.context.is_active() and time.monotonic() < self.end:
            try:
                yield next(answers)
            except StopIteration:
                return
            if time.monotonic() > checked + REAUTH_INTERVAL_S:
                checked = time.monotonic()
                self.readmit()
