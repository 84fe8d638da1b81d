"""Calls that wait together: each is served once, by the thread of one of them."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass

import pytest

from bureau.call_batches import MAX_TOGETHER, CallBatches, WaitingCall
from bureau.errors import Refusal

LONG_S = 30.0
number: ContextVar[int] = ContextVar("number", default=-1)


@dataclass(slots=True, eq=False)
class Counted(WaitingCall):
    """A call that notes how it was served."""

    served: int = 0
    together: int = 0
    thread: int = 0


class Server:
    """Serves calls, the first ones not before the gate opens."""

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads
        self.batches = CallBatches[Counted](threads)
        self.gate = threading.Event()
        self.begun = threading.Event()
        self.at_work, self.counting = 0, threading.Lock()

    def serve(self, calls: Sequence[Counted]) -> None:
        """Serve calls."""
        with self.counting:
            self.at_work += 1
            assert self.at_work <= self.threads, "too many threads serve"
        self.begun.set()
        assert self.gate.wait(LONG_S)
        for call in calls:
            call.served += 1
            call.together, call.thread = len(calls), threading.get_ident()
            call.waker.wake()
        with self.counting:
            self.at_work -= 1

    def call(self, end_s: float = LONG_S) -> Counted:
        """Make a call, and wait for it."""
        call = Counted()
        self.batches.serve(call, self.serve, time.monotonic() + end_s)
        return call

    def waiting(self) -> int:
        """Number of calls that nobody serves yet."""
        return len(self.batches._waiting)


def _until_waiting(server: Server, count: int) -> None:
    end = time.monotonic() + LONG_S
    while server.waiting() < count:
        assert time.monotonic() < end
        time.sleep(0.001)


def test_a_call_alone_is_served_by_its_own_thread() -> None:
    server = Server()
    server.gate.set()
    call = server.call()
    assert (call.served, call.together, call.thread) == (1, 1, threading.get_ident())


def test_calls_that_come_meanwhile_are_served_together_by_one_of_them() -> None:
    server, count = Server(), MAX_TOGETHER + 5
    with ThreadPoolExecutor(count + 1) as pool:
        first = pool.submit(server.call)
        assert server.begun.wait(LONG_S)
        others = [pool.submit(server.call) for _ in range(count)]
        _until_waiting(server, count)
        server.gate.set()
        calls = [other.result(LONG_S) for other in others]
    assert first.result().together == 1
    assert [call.served for call in calls] == [1] * count
    sizes = sorted(call.together for call in calls)
    assert sizes == [5] * 5 + [MAX_TOGETHER] * MAX_TOGETHER
    assert len({call.thread for call in calls}) == 2


@pytest.mark.parametrize("threads", [1, 4])
def test_many_callers_are_each_served_once(threads: int) -> None:
    server = Server(threads)
    server.gate.set()
    with ThreadPoolExecutor(24) as pool:
        calls = list(pool.map(lambda _: server.call(), range(3000)))
    assert {call.served for call in calls} == {1}
    assert server.waiting() == 0


def test_a_call_whose_deadline_passes_before_it_is_served_leaves() -> None:
    server = Server()
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(server.call)
        assert server.begun.wait(LONG_S)
        with pytest.raises(Refusal) as refused:
            server.call(0.05)
        assert (refused.value.reason, server.waiting()) == ("DEADLINE", 0)
        last = pool.submit(server.call)
        _until_waiting(server, 1)
        server.gate.set()
        assert first.result(LONG_S).served == last.result(LONG_S).served == 1


def test_a_call_whose_deadline_passes_while_another_thread_serves_it_leaves() -> None:
    server = Server()
    server.gate.set()
    started, released = threading.Event(), threading.Event()

    def slow(calls: Sequence[Counted]) -> None:
        if len(calls) > 1:
            started.set()
            assert released.wait(LONG_S)
        server.serve(calls)

    def call(end_s: float) -> Counted:
        counted = Counted()
        server.batches.serve(counted, slow, time.monotonic() + end_s)
        return counted

    server.gate.clear()
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(call, LONG_S)
        assert server.begun.wait(LONG_S)
        second = pool.submit(call, LONG_S)
        _until_waiting(server, 1)
        third = pool.submit(call, 2.0)
        _until_waiting(server, 2)
        server.gate.set()
        assert started.wait(LONG_S)
        with pytest.raises(Refusal, match="no outcome in time"):
            third.result(LONG_S)
        released.set()
        assert first.result(LONG_S).served == second.result(LONG_S).served == 1


def test_what_is_done_for_a_call_is_done_in_its_context() -> None:
    batches, seen = CallBatches[Counted](), []

    def together(calls: Sequence[Counted]) -> None:
        for call in calls:
            seen.append(call.context.run(number.get))
            call.waker.wake()

    def call(own: int) -> None:
        number.set(own)
        batches.serve(Counted(), together, time.monotonic() + LONG_S)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(200)))
    assert sorted(seen) == list(range(200))


def test_no_deadline_is_a_long_wait() -> None:
    server = Server()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(server.call)
        assert server.begun.wait(LONG_S)
        second = pool.submit(server.call, math.inf)
        _until_waiting(server, 1)
        server.gate.set()
        assert first.result(LONG_S).served == second.result(LONG_S).served == 1
