"""The newest calls of all workers of a node, in memory that they share.

Each worker has a ring of slots, which it alone writes, so no call waits for another process. A
worker that reads sees the calls of all in one order: by their cursors, which follow the machine's
time and whose remainder names the worker. A worker that is started again continues its ring.
"""

from __future__ import annotations

import heapq
import mmap
import os
import struct
import threading
import time
from collections.abc import Iterator

from bureau.recent_calls import KEPT, CarriedStatement, RecentCall
from bureau.workers.shared_table import memory_file

# Largest number of workers of a node: a cursor is a time in microseconds, but for its remainder
# by this number, which is the worker's.
STEP = 64
# Slots of a ring: the calls that a worker keeps, and the one that it writes next.
SLOTS = KEPT + 1
# Bytes of a slot. A call takes about 300 at most, as the contract bounds its names and ids; the
# rest of a longer one is cut off.
SLOT_BYTES = 512
# The head of a slot: cursor, time, duration, purpose, length of the texts that follow.
_HEAD = struct.Struct("<qqqiI")
SEPARATOR = "\0"
# A ring begins with numbers of 8 bytes: the count of calls that were ever added to it, its last
# cursor, and 1 while its worker adds a call.
ADDED, LAST, ADDING, NUMBERS = 0, 1, 2, 3
NUMBER_BYTES = 8
RING_BYTES = NUMBERS * NUMBER_BYTES + SLOTS * SLOT_BYTES


class SharedCalls:
    """The newest calls of a node, as one of its processes sees them."""

    def __init__(self, descriptor: int, workers: int, worker: int = 0) -> None:
        """Map the memory of a descriptor.

        Args:
            workers: Number of workers of the node.
            worker: Number of the worker whose calls are added here.
        """
        self.descriptor = descriptor
        self._memory = mmap.mmap(descriptor, workers * RING_BYTES)
        self._rings = [_Ring(self._memory, number) for number in range(workers)]
        self._own = self._rings[worker]
        self._adding = threading.Lock()

    @classmethod
    def create(cls, workers: int) -> SharedCalls:
        """Create the memory of a node that has served no call."""
        descriptor = memory_file("bureau-calls")
        os.truncate(descriptor, workers * RING_BYTES)
        return cls(descriptor, workers)

    def clear(self, worker: int) -> None:
        """Note that a worker has ended, and adds no call now."""
        self._rings[worker].is_adding = False

    def add(self, call: RecentCall) -> None:
        """Add a call of this worker, with the next cursor."""
        with self._adding:
            self._own.add(call)

    def newest_first(self) -> Iterator[RecentCall]:
        """Yield the calls of all workers, the newest first.

        A call appears only when no call with a smaller cursor can follow: a reader that goes on
        from a cursor misses none.
        """
        now = _cursor_of(time.time_ns() // 1000, 0)
        end = min(ring.end_of_order(now) for ring in self._rings)
        calls = heapq.merge(*(ring.newest_first() for ring in self._rings), key=_age)
        return (call for call in calls if call.cursor < end)


class _Ring:
    """The newest calls of one worker."""

    def __init__(self, memory: mmap.mmap, worker: int) -> None:
        self._memory = memory
        self._worker = worker
        self._start = worker * RING_BYTES
        numbers = memoryview(memory)[self._start : self._start + NUMBERS * NUMBER_BYTES]
        self._numbers = numbers.cast("q")
        self._barrier = threading.Lock()

    @property
    def is_adding(self) -> bool:
        """True while the worker adds a call, from before it takes the call's cursor."""
        return bool(self._numbers[ADDING])

    @is_adding.setter
    def is_adding(self, is_adding: bool) -> None:
        self._numbers[ADDING] = is_adding

    def add(self, call: RecentCall) -> None:
        """Write a call into the oldest slot, with the next cursor."""
        added = self._numbers[ADDED]
        self.is_adding = True
        self._order()
        cursor = _cursor_of(time.time_ns() // 1000, self._worker)
        cursor = max(cursor, self._numbers[LAST] + STEP)
        self._write(added, cursor, call)
        self._order()
        # The call before its cursor: a reader that has read the cursor finds the call, too.
        self._numbers[ADDED] = added + 1
        self._order()
        self._numbers[LAST] = cursor
        self._order()
        self.is_adding = False

    def end_of_order(self, now: int) -> int:
        """Return the cursor below which the worker adds no further call.

        Args:
            now: Cursor of the present time, taken before.
        """
        is_adding = self.is_adding
        self._order()
        following = self._numbers[LAST] + STEP
        return following if is_adding else max(following, now)

    def newest_first(self) -> Iterator[RecentCall]:
        """Yield the calls, the newest first, but for the slot that is written next."""
        added = self._numbers[ADDED]
        for index in range(added - 1, max(added - SLOTS, -1), -1):
            call = self._read(index)
            self._order()
            if index <= self._numbers[ADDED] - SLOTS:
                return  # its slot may have been written meanwhile
            yield call

    def _slot(self, index: int) -> int:
        return self._start + NUMBERS * NUMBER_BYTES + index % SLOTS * SLOT_BYTES

    def _write(self, index: int, cursor: int, call: RecentCall) -> None:
        request_id, purpose = call.statement
        texts = (call.method, call.member_id, call.outcome, call.call_id, request_id)
        encoded = SEPARATOR.join(texts).encode()[: SLOT_BYTES - _HEAD.size]
        slot, length = self._slot(index), len(encoded)
        _HEAD.pack_into(self._memory, slot, cursor, call.time_us, call.duration_us, purpose, length)
        self._memory[slot + _HEAD.size : slot + _HEAD.size + length] = encoded

    def _read(self, index: int) -> RecentCall:
        slot = self._slot(index)
        cursor, time_us, duration_us, purpose, length = _HEAD.unpack_from(self._memory, slot)
        encoded = self._memory[slot + _HEAD.size : slot + _HEAD.size + length]
        # A slot that is written meanwhile is read in part; the caller drops it.
        texts = encoded.decode(errors="replace").split(SEPARATOR)
        method, member_id, outcome, call_id, request_id = (*texts, *[""] * 5)[:5]
        statement = CarriedStatement(request_id, purpose)
        return RecentCall(
            cursor, time_us, method, member_id, outcome, duration_us, call_id, statement
        )

    def _order(self) -> None:
        """Keep the processor from exchanging accesses to memory before and after, by a lock."""
        with self._barrier:
            pass


def _cursor_of(time_us: int, worker: int) -> int:
    return time_us // STEP * STEP + worker


def _age(call: RecentCall) -> int:
    return -call.cursor
