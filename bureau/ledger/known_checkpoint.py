"""The newest checkpoint that this node knows, whichever node has signed it.

A database that does not hold it has gone back in time, and nothing may be signed on it.
"""

from __future__ import annotations

import threading

from bureau_keys.checkpoint import read_checkpoint


class KnownCheckpoint:
    """The newest checkpoint that this node knows to be durable.

    Attributes:
        changed: Set when there is a newer one.
    """

    def __init__(self, *notes: str) -> None:
        """Begin with the newest of some signed checkpoints."""
        self.changed = threading.Event()
        self._lock = threading.Lock()
        self._size, self._note = -1, ""
        for note in notes:
            self.see(note)

    @property
    def size(self) -> int:
        """Tree size; -1 before the first checkpoint."""
        return self._size

    @property
    def note(self) -> str:
        """The signed checkpoint; empty before the first."""
        return self._note

    def see(self, note: str) -> None:
        """Note a checkpoint of a durable commit; one that is not larger changes nothing."""
        size = read_checkpoint(note).size
        with self._lock:
            if size > self._size:
                self._size, self._note = size, note
                self.changed.set()
