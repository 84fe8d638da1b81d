"""The units that wait for the writer: small ones together, a large one by itself, in turns."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureau.errors import Refusal
from bureau.ledger.unit_queue import LARGE_UNIT_BYTES, UnitQueue

MOST, TOGETHER = 50, 4


class Waiting(NamedTuple):
    """A unit."""

    number: int
    size: int

    @property
    def is_large(self) -> bool:
        return self.size >= LARGE_UNIT_BYTES


def queue_of(*units: Waiting) -> UnitQueue[Waiting]:
    """Make a queue in which these units wait."""
    queue = UnitQueue[Waiting](MOST, TOGETHER)
    for unit in units:
        queue.put(unit)
    return queue


def small(number: int) -> Waiting:
    return Waiting(number, LARGE_UNIT_BYTES - 1)


def large(number: int) -> Waiting:
    return Waiting(number, LARGE_UNIT_BYTES)


def reason_of(call: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as refused:
        call()
    return refused.value.reason


def test_large_units_and_small_ones_take_turns() -> None:
    queue = queue_of(large(0), *map(small, range(1, 6)), large(6), large(7))
    batches = [queue.get() for _ in range(5)]
    assert [[unit.number for unit in batch] for batch in batches] == [
        [1, 2, 3, 4],
        [0],
        [5],
        [6],
        [7],
    ]
    assert len(queue) == 0


@given(st.lists(st.booleans(), max_size=MOST), st.data())
def test_every_unit_comes_once_and_in_order(kinds: list[bool], data: st.DataObject) -> None:
    units = [large(i) if kind else small(i) for i, kind in enumerate(kinds)]
    queue, done = queue_of(*units), list[Waiting]()
    queue.close()
    waited = 0
    while batch := queue.get():
        assert len({unit.is_large for unit in batch}) == 1
        assert len(batch) <= (1 if batch[0].is_large else TOGETHER)
        # No small unit sees two large ones go before it.
        waited = waited + 1 if batch[0].is_large and any(not u.is_large for u in units) else 0
        count = data.draw(st.integers(1, len(batch)))
        done += batch[:count]
        queue.put_back(batch[count:])
        units = [unit for unit in units if unit not in done]
        assert len(queue) == len(units)
        assert waited <= 1
    for kind in (True, False):
        numbers = [unit.number for unit in done if unit.is_large is kind]
        assert numbers == [index for index, each in enumerate(kinds) if each is kind]


def test_a_full_queue_refuses_and_a_closed_one_gives_what_it_has() -> None:
    queue = queue_of(*map(small, range(MOST - 1)), large(MOST))
    assert reason_of(lambda: queue.put(small(0))) == "OVERLOADED"
    queue.close()
    assert reason_of(lambda: queue.put(small(0))) == "SHUTTING_DOWN"
    count = 0
    while batch := queue.get():
        count += len(batch)
    assert count == MOST
    queue.put_back([small(1)])  # its transaction met a conflict at the end
    assert queue.get() == [small(1)]
    assert queue.get() == []


def test_the_writer_sleeps_until_a_unit_comes_or_the_queue_is_closed() -> None:
    queue = queue_of()
    with ThreadPoolExecutor(1) as pool:
        for unit in (small(1), large(2)):
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
            queue.put(small(thread * each + number))

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
