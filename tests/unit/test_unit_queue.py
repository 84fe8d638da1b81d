"""The units that wait for the writer: small ones together, a large one apart, in turns."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureau.errors import Refusal
from bureau.ledger.unit_queue import UnitQueue

MOST, TOGETHER = 50, 4


class Waiting(NamedTuple):
    """A unit."""

    number: int
    is_apart: bool = False


def queue_of(*units: Waiting) -> UnitQueue[Waiting]:
    """Make a queue in which these units wait."""
    queue = UnitQueue[Waiting](MOST, TOGETHER)
    for unit in units:
        queue.put(unit)
    return queue


def large(number: int) -> Waiting:
    return Waiting(number, is_apart=True)


def numbers_of(queue: UnitQueue[Waiting]) -> list[list[int]]:
    """Return the numbers of the units of each transaction, until the queue is empty."""
    queue.close()
    return [[unit.number for unit in batch] for batch in iter(queue.get, [])]


def reason_of(call: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as refused:
        call()
    return refused.value.reason


def test_what_waits_goes_before_a_large_unit_and_what_comes_before_the_next() -> None:
    queue = queue_of(*map(Waiting, range(9)), large(9), large(10))
    assert [[unit.number for unit in queue.get()] for _ in range(4)] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8],
        [9],
    ]
    for number in range(11, 17):  # they come while the large unit is committed
        queue.put(Waiting(number))
    queue.put(large(17))
    assert numbers_of(queue) == [[11, 12, 13, 14], [15, 16], [10], [17]]


def test_a_large_unit_waits_for_those_that_came_before_it_alone() -> None:
    queue = queue_of(*map(Waiting, range(5)), large(5))
    batches = []
    for number in range(6, 30):  # small units never end
        batches.append([unit.number for unit in queue.get()])
        queue.put(Waiting(number))
    assert batches[:3] == [[0, 1, 2, 3], [4, 6], [5]]


def test_a_unit_that_met_a_lock_comes_back_behind_what_waits() -> None:
    queue = queue_of(*map(Waiting, range(6)))
    first, *others = queue.get()
    queue.put(large(6))
    queue.put_back([*others, large(first.number)])
    assert numbers_of(queue) == [[1, 2, 3, 4], [5], [6], [0]]


@given(st.lists(st.booleans(), max_size=MOST), st.data())
def test_every_unit_comes_once_and_a_small_one_waits_for_one_large_one_at_most(
    kinds: list[bool], data: st.DataObject
) -> None:
    coming = [Waiting(number, kind) for number, kind in enumerate(kinds)]
    queue, done = queue_of(), list[Waiting]()
    seen: dict[int, int] = {}  # by small unit that waits, the large ones that went before it
    while coming or len(queue):
        for _ in range(data.draw(st.integers(0 if len(queue) else 1, len(coming) or 1))):
            if coming:
                unit = coming.pop(0)
                queue.put(unit)
                if not unit.is_apart:
                    seen[unit.number] = 0
        batch = queue.get()
        assert len({unit.is_apart for unit in batch}) == 1
        assert len(batch) <= (1 if batch[0].is_apart else TOGETHER)
        count = 1 if batch[0].is_apart else data.draw(st.integers(1, len(batch)))
        done += batch[:count]
        queue.put_back(batch[count:])
        for unit in batch[:count]:
            seen.pop(unit.number, None)
        if batch[0].is_apart:
            seen = {number: before + 1 for number, before in seen.items()}
        assert all(before <= 1 for before in seen.values())
    for kind in (True, False):
        numbers = [unit.number for unit in done if unit.is_apart is kind]
        assert numbers == [index for index, each in enumerate(kinds) if each is kind]


def test_a_full_queue_refuses_and_a_closed_one_gives_what_it_has() -> None:
    queue = queue_of(*map(Waiting, range(MOST - 1)), large(MOST))
    assert reason_of(lambda: queue.put(Waiting(0))) == "OVERLOADED"
    queue.close()
    assert reason_of(lambda: queue.put(Waiting(0))) == "SHUTTING_DOWN"
    assert sum(map(len, numbers_of(queue))) == MOST
    queue.put_back([Waiting(1)])  # its transaction met a conflict at the end
    assert numbers_of(queue) == [[1]]


def test_the_writer_sleeps_until_a_unit_comes_or_the_queue_is_closed() -> None:
    queue = queue_of()
    with ThreadPoolExecutor(1) as pool:
        for unit in (Waiting(1), large(2)):
            waiting = pool.submit(queue.get)
            assert not waiting.done()
            queue.put(unit)
            assert waiting.result(10) == [unit]
        waiting = pool.submit(queue.get)
        queue.close()
        assert waiting.result(10) == []


def test_units_of_many_threads_all_arrive() -> None:
    queue, each, done = UnitQueue[Waiting](100_000, TOGETHER), 500, list[Waiting]()

    def put(thread: int) -> None:
        for number in range(each):
            queue.put(Waiting(thread * each + number))

    def read() -> None:
        while batch := queue.get():
            done.extend(batch)

    reader = threading.Thread(target=read)
    reader.start()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(8)))
    queue.close()
    reader.join(30)
    assert sorted(unit.number for unit in done) == list(range(8 * each))
