"""Numbers of members in memory that the workers of a node share.

The table has a slot for each member, and in it a column for each worker and limit, which that
worker alone writes. So no call waits for a lock of another process: a worker publishes its own
amount and adds up the columns. The supervisor clears the columns of a worker that died. One more
column has the times of the enumeration limiter, which outlive workers and change under a lock.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Slots of a table. Slot 0 is for all together, and those before the last 1,024 have one owner each:
# a member, or a certificate over HTTP, that was seen since the node started. Further ones share the
# last slots, and so limits: together they get less, never more.
SLOTS = 16_384
SHARED_SLOTS = 1024
NUMBER_BYTES = 8
# Limits with a column for each worker: calls, streams, bytes of requests, HTTP connections, bytes
# of unread answers.
LIMITS = 5
# Columns before those of the workers: the keys of slots, and the enumeration limiter's times.
KEYS, TIMES, WORKERS = 0, 1, 2


class SharedTable:
    """The table of one node, as one of its processes sees it."""

    def __init__(self, descriptor: int, workers: int) -> None:
        """Map the memory behind a descriptor.

        Args:
            workers: Number of workers of the node.
        """
        self.descriptor = descriptor
        self._workers = workers
        self._memory = mmap.mmap(descriptor, _bytes_of(workers))
        self._numbers = memoryview(self._memory).cast("q")
        self._slots = {"": 0}
        self._lock = threading.Lock()

    @classmethod
    def create(cls, workers: int) -> SharedTable:
        """Create the empty table of a node."""
        descriptor = memory_file("bureau-limits")
        os.truncate(descriptor, _bytes_of(workers))
        return cls(descriptor, workers)

    def clear(self, worker: int) -> None:
        """Clear the columns of a worker that has ended."""
        for limit in range(LIMITS):
            start = self._column(limit, worker) * NUMBER_BYTES
            self._memory[start : start + SLOTS * NUMBER_BYTES] = bytes(SLOTS * NUMBER_BYTES)

    def amounts(self, limit: int, worker: int) -> WorkerAmounts:
        """Return the amounts of a limit, as a worker publishes and reads them."""
        others = [self._column(limit, n) for n in range(self._workers) if n != worker]
        return WorkerAmounts(self, self._column(limit, worker), others)

    def refill_times(self) -> SharedRefillTimes:
        """Return the times of the enumeration limiter."""
        return SharedRefillTimes(self, TIMES * SLOTS)

    def read(self, number: int) -> int:
        """Return a number of the table; aligned numbers of 8 bytes are read whole."""
        value: int = self._numbers[number]
        return value

    def write(self, number: int, value: int) -> None:
        """Replace a number of the table; it is written whole."""
        self._numbers[number] = value

    def slot_of(self, member_id: str) -> int:
        """Return the slot of a member; the first call of a process for a member takes the lock."""
        slot = self._slots.get(member_id)
        if slot is None:
            digest = hashlib.blake2b(member_id.encode(), digest_size=NUMBER_BYTES).digest()
            key = int.from_bytes(digest, "little", signed=True) or 1
            with self.locked():
                slot = self._slots[member_id] = self._claim(key)
        return slot

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the table, against threads and processes.

        The system releases the lock of a process that dies. No other lock is taken meanwhile.
        """
        with self._lock:
            fcntl.lockf(self.descriptor, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self.descriptor, fcntl.LOCK_UN)

    def _claim(self, key: int) -> int:
        """Return the slot that has a key, or the first free one, which gets it; a shared one if
        there is none.
        """
        owned = SLOTS - SHARED_SLOTS - 1
        for step in range(owned):
            slot = 1 + (key + step) % owned
            owner = self.read(KEYS * SLOTS + slot)
            if owner == 0:
                self.write(KEYS * SLOTS + slot, key)
            if owner in {0, key}:
                return slot
        return SLOTS - SHARED_SLOTS + key % SHARED_SLOTS

    def _column(self, limit: int, worker: int) -> int:
        """Return the number of the first slot of a worker's column."""
        return (WORKERS + limit * self._workers + worker) * SLOTS


class WorkerAmounts:
    """The amounts of one limit: one worker's own column, and those of the others."""

    def __init__(self, table: SharedTable, own: int, others: list[int]) -> None:
        self._table = table
        self._own = own
        self._others = others
        self._barrier = threading.Lock()
        # By shared slot, the amounts of those who share it.
        self._sharers: dict[int, dict[str, int]] = {}

    def publish(self, member_id: str, amount: int) -> None:
        """Write the amount of this worker."""
        slot = self._table.slot_of(member_id)
        if slot < SLOTS - SHARED_SLOTS:
            self._table.write(self._own + slot, amount)
        else:
            self._publish_sum(slot, member_id, amount)

    def _publish_sum(self, slot: int, member_id: str, amount: int) -> None:
        with self._barrier:
            amounts = self._sharers.setdefault(slot, {})
            amounts[member_id] = amount
            if not amount:
                del amounts[member_id]
            self._table.write(self._own + slot, sum(amounts.values()))

    def others(self, member_id: str) -> int:
        """Return the sum of the other workers' amounts.

        A lock is taken in between: its atomic instructions keep the processor from reading the
        other columns before it has written the own one.
        """
        slot = self._table.slot_of(member_id)
        with self._barrier:
            pass
        return sum(self._table.read(column + slot) for column in self._others)


class SharedRefillTimes:
    """The times of the enumeration limiter, in the table."""

    def __init__(self, table: SharedTable, column: int) -> None:
        self._table = table
        self._column = column

    def get(self, member_id: str) -> int:
        """Return the time of a member; 0 before its first miss."""
        return self._table.read(self._column + self._table.slot_of(member_id))

    def put_off(self, member_id: str, now_us: int, by_us: int) -> int:
        """Move the time of a member, from now if it has passed, and return it."""
        number = self._column + self._table.slot_of(member_id)
        with self._table.locked():
            time_us = max(self._table.read(number), now_us) + by_us
            self._table.write(number, time_us)
        return time_us


def _bytes_of(workers: int) -> int:
    """Return the size of a table."""
    return (WORKERS + LIMITS * workers) * SLOTS * NUMBER_BYTES


def memory_file(label: str) -> int:
    """Return the descriptor of a file without a path; in memory where the system offers it.

    Args:
        label: Label that the system shows for it.
    """
    if hasattr(os, "memfd_create"):
        return os.memfd_create(label)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
