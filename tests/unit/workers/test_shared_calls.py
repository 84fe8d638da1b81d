"""The newest calls of the workers of one node, in memory that they share."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from itertools import pairwise

import pytest

from bureau.recent_calls import CarriedStatement, RecentCall, RecentCalls
from bureau.workers import shared_calls
from bureau.workers.shared_calls import ADDING, SLOT_BYTES, SharedCalls

WORKERS = 3
# Seconds for a busy machine to add and read the calls of a test.
PATIENCE_S = 60.0
CALL = RecentCall(
    0, 7, "Log/GetTile", "acme", "NOT_FOUND", 1500, "call-1", CarriedStatement("request-1", 3)
)
# Adds calls of the second worker, and is killed as it adds the last one.
OTHER = """
import os, signal, sys
from bureau.recent_calls import CarriedStatement, RecentCall
from bureau.workers.shared_calls import SharedCalls
calls = SharedCalls(int(sys.argv[1]), 3, 1)
for number in range(3):
    calls.add(RecentCall(0, 7, "Log/GetTile", "brook", "OK", 1, f"{number}", CarriedStatement()))
calls._own._write = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
calls.add(RecentCall(0, 7, "Log/GetTile", "brook", "OK", 1, "lost", CarriedStatement()))
"""


@pytest.fixture
def workers() -> list[SharedCalls]:
    first = SharedCalls.create(WORKERS)
    others = [SharedCalls(first.descriptor, WORKERS, worker) for worker in range(1, WORKERS)]
    return [first, *others]


def add(calls: SharedCalls, name: str) -> None:
    calls.add(CALL._replace(call_id=name))


def ids(calls: list[RecentCall]) -> list[str]:
    return [call.call_id for call in calls]


def all_of(calls: SharedCalls) -> list[RecentCall]:
    return RecentCalls(calls).newest(100_000)


def until_shown(calls: SharedCalls, count: int) -> list[RecentCall]:
    """Read until the machine's time has passed the newest calls."""
    while len(shown := all_of(calls)) < count:
        pass
    return shown


def test_every_worker_reads_the_calls_of_all_in_one_order(workers: list[SharedCalls]) -> None:
    for number in range(12):
        add(workers[number % WORKERS], f"{number}")
    lists = [until_shown(calls, 12) for calls in workers]
    assert lists[0] == lists[1] == lists[2]
    assert {one._replace(cursor=0, call_id="") for one in lists[0]} == {CALL._replace(call_id="")}
    assert sorted(ids(lists[0])) == sorted(f"{number}" for number in range(12))
    assert all(one.cursor < other.cursor for one, other in pairwise(lists[0]))


def test_a_ring_keeps_its_newest_calls(
    workers: list[SharedCalls], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_calls, "SLOTS", 11)
    add(workers[2], "of another worker")
    for number in range(35):
        add(workers[0], f"{number}")
    shown = until_shown(workers[1], 11)
    assert ids(shown) == ["of another worker", *(f"{number}" for number in range(25, 35))]


def test_a_reader_that_goes_on_from_a_cursor_misses_no_call(workers: list[SharedCalls]) -> None:
    count = 1500

    def work(calls: SharedCalls) -> None:
        for number in range(count):
            add(calls, f"{number}")

    threads = [threading.Thread(target=work, args=(calls,)) for calls in workers]
    reader, cursor, read = RecentCalls(SharedCalls(workers[0].descriptor, WORKERS)), 0, 0
    for thread in threads:
        thread.start()
    end = time.monotonic() + PATIENCE_S
    while read < WORKERS * count and time.monotonic() < end:
        if calls := reader.after(cursor, 10_000):
            read += len(calls)
            cursor = calls[-1].cursor
    for thread in threads:
        thread.join()
    assert read == WORKERS * count


def test_a_worker_that_is_killed_hides_no_call_once_it_is_cleared(
    workers: list[SharedCalls],
) -> None:
    descriptor = workers[0].descriptor
    killed = subprocess.run(
        [sys.executable, "-c", OTHER, str(descriptor)], pass_fds=[descriptor], check=False
    )
    assert killed.returncode < 0
    add(workers[0], "later")
    # Until then a call of the dead with a smaller cursor could still follow.
    assert ids(until_shown(workers[2], 3)) == ["0", "1", "2"]
    workers[0].clear(1)
    assert ids(until_shown(workers[2], 4)) == ["0", "1", "2", "later"]
    # The one that is started again continues its ring.
    add(SharedCalls(descriptor, WORKERS, 1), "again")
    assert ids(until_shown(workers[2], 5)) == ["0", "1", "2", "later", "again"]


def test_a_call_is_written_whole_before_it_counts(workers: list[SharedCalls]) -> None:
    ring = workers[1]._own
    end = ring.end_of_order(1)
    ring._numbers[ADDING] = 1
    assert ring.end_of_order(1 << 60) == end
    # What is longer than a slot is cut off.
    add(workers[0], "x" * SLOT_BYTES)
    ring.is_adding = False
    (call,) = until_shown(workers[2], 1)
    assert call.call_id == "x" * len(call.call_id)
    assert (call.method, call.member_id) == (CALL.method, CALL.member_id)
