"""What the workers of one node share about members."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import pytest

from bureau.enumeration_limiter import EnumerationLimiter
from bureau.errors import Refusal
from bureau.rpc.limits import MemberLimits
from bureau.workers import shared_table
from bureau.workers.shared_table import SharedTable

WORKERS = 3
CALLS = 0

# Opens the table of the test, takes what it is told to, and waits to be killed.
OTHER = """
import sys
from bureau.rpc.limits import MemberLimits
from bureau.workers.shared_table import SharedTable
table = SharedTable(int(sys.argv[1]), 3)
limits = MemberLimits(5, 0, table.amounts(0, 1))
blocks = [limits.acquire("acme") for _ in range(int(sys.argv[2]))]
for block in blocks:
    block.__enter__()
print("taken", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def table() -> SharedTable:
    return SharedTable.create(WORKERS)


def limits_of(table: SharedTable, worker: int, limit: int, total: int = 0) -> MemberLimits:
    return MemberLimits(limit, total, table.amounts(CALLS, worker))


def test_a_limit_counts_what_every_worker_has_admitted(table: SharedTable) -> None:
    first, second, third = (limits_of(table, n, 3) for n in range(WORKERS))
    with first.acquire("acme"), second.acquire("acme", 2):
        for limits in (first, second, third):
            with pytest.raises(Refusal, match="the member is at its limit"), limits.acquire("acme"):
                pass
            with limits.acquire("brook", 3):
                pass
    # What was refused, and what has ended, is not counted.
    with third.acquire("acme", 3):
        pass


def test_an_empty_request_is_counted_as_no_bytes(table: SharedTable) -> None:
    for limits in (limits_of(table, 0, 3, 4), MemberLimits(3, 4)):
        with limits.acquire("acme", 0), limits.acquire("acme", 3), limits.acquire("acme", 0):
            pass
        with limits.acquire("acme", 3):
            pass


def test_the_total_counts_all_members_of_every_worker(table: SharedTable) -> None:
    first, second = (limits_of(table, n, 3, 4) for n in range(2))
    with (
        first.acquire("acme", 3),
        second.acquire("brook"),
        pytest.raises(Refusal, match="limit for all members"),
        second.acquire("cedar"),
    ):
        pass


def test_what_a_killed_worker_had_admitted_is_given_back(table: SharedTable) -> None:
    os.set_inheritable(table.descriptor, True)
    mine = limits_of(table, 0, 5)
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(table.descriptor), "5"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[table.descriptor],
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "taken\n"
        with pytest.raises(Refusal), mine.acquire("acme"):
            pass
        other.kill()
    with pytest.raises(Refusal), mine.acquire("acme"):
        pass
    table.clear(1)
    with mine.acquire("acme", 5):
        pass


def test_threads_of_several_workers_never_exceed_a_limit(table: SharedTable) -> None:
    limit, admitted, highest = 5, 0, 0
    counting = threading.Lock()
    workers = [limits_of(table, n, limit) for n in range(WORKERS)]

    def call(limits: MemberLimits) -> None:
        nonlocal admitted, highest
        for _ in range(300):
            with ExitStack() as stack:
                try:
                    stack.enter_context(limits.acquire("acme"))
                except Refusal:
                    continue
                with counting:
                    admitted += 1
                    highest = max(highest, admitted)
                with counting:
                    admitted -= 1

    run_all([partial(call, limits) for limits in workers * 3])
    assert 1 <= highest <= limit


def run_all(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_misses_at_one_worker_count_at_every_worker(table: SharedTable) -> None:
    times = [SharedTable(table.descriptor, WORKERS).refill_times() for _ in range(2)]
    first, second = (EnumerationLimiter(size=2, refill_s=10, times=one) for one in times)
    first.miss("acme", 1_000_000)
    second.check("acme", 1_000_000)
    second.miss("acme", 1_000_000)
    for limiter in (first, second):
        with pytest.raises(Refusal) as caught:
            limiter.check("acme", 2_000_000)
        assert caught.value.retry_after_s == 9
        limiter.check("acme", 11_000_000)
        limiter.check("brook", 1_000_000)
    # A worker that is started again finds what the member has used up.
    table.clear(0)
    with pytest.raises(Refusal):
        first.check("acme", 2_000_000)


def test_every_process_finds_the_same_slot_of_a_member(table: SharedTable) -> None:
    other = SharedTable(table.descriptor, WORKERS)
    names = [f"member-{n}" for n in range(500)]
    slots = [table.slot_of(name) for name in names]
    assert [other.slot_of(name) for name in reversed(names)] == slots[::-1]
    assert len(set(slots)) == len(names)
    assert 0 not in slots
    assert table.slot_of("") == 0


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> SharedTable:
    """Make a table with slots of three members, and two that further ones share."""
    monkeypatch.setattr(shared_table, "SLOTS", 6)
    monkeypatch.setattr(shared_table, "SHARED_SLOTS", 2)
    return SharedTable.create(WORKERS)


def test_members_beyond_the_slots_share_them(small: SharedTable) -> None:
    slots = [small.slot_of(f"member-{n}") for n in range(20)]
    assert sorted(slots[:3]) == [1, 2, 3]
    assert set(slots[3:]) == {4, 5}


def test_members_of_one_slot_get_less_together_and_never_more(small: SharedTable) -> None:
    names = [f"member-{n}" for n in range(20)]
    slots = {name: small.slot_of(name) for name in names}
    one, other = [name for name in names if slots[name] == 5][:2]
    first, second = (limits_of(small, n, 5) for n in range(2))
    with ExitStack() as stack:
        stack.enter_context(first.acquire(one, 4))
        with first.acquire(other, 1):
            pass
        # What the other member had is given back, and what this one has still counts.
        with pytest.raises(Refusal), second.acquire(one, 2):
            pass
        with second.acquire(one, 1):
            pass
        with pytest.raises(Refusal), second.acquire(other, 2):
            pass
    with second.acquire(other, 5):
        pass
