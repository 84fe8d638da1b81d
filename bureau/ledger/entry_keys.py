"""Keys of entries, assigned before their leaf index is known."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

# 2026-01-01 UTC: from here the keys of 63 bits last until 2097.
EPOCH_US = 1_767_225_600_000_000
# Entry keys follow time and leaf indices almost do: no unit of work lasts 600 s.
KEY_SLACK = (600_000_000 >> 10) << 22


@dataclass(slots=True)
class EntryKeys:
    """Time-ordered keys: milliseconds, then 22 bits that start at random, so that two
    nodes rarely assign the same key. If they do, the primary key rejects the second and
    its batch is tried again.
    """

    last: int = 0

    def next(self, now_us: int) -> int:
        """Return a key that this node has not assigned yet."""
        moment = now_us - EPOCH_US >> 10
        if moment > self.last >> 22:
            self.last = moment << 22 | secrets.randbits(21)
        else:
            self.last += 1
        return self.last


def moment_of(key: int) -> int:
    """Return the last time (µs) at which a node assigns a key: the end of its millisecond."""
    return EPOCH_US + ((key >> 22) + 1 << 10) - 1


def first_key_at(time_us: int) -> int:
    """Return the least key that a node assigns at a time or later; 0 before the first of all."""
    return max(time_us - EPOCH_US >> 10, 0) << 22
