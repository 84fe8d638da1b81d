"""Turns of processes, by a lock of the operating system on a file.

The lock wakes the next process at once. SQLite's own wait for a writer sleeps for up to 100 ms
at a time, so that of two processes that write all the time one waits very long.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where a node has one process
    fcntl = None  # type: ignore[assignment]


class Turns:
    """The turns of the processes and threads that name the same file.

    The file stays: it is empty, and a process that ends in any way gives its turn back.
    """

    def __init__(self, path: Path) -> None:
        """Create the file if it is missing; no turn is taken."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._lock = threading.Lock()

    @contextmanager
    def take(self) -> Iterator[None]:
        """Wait for a turn, and keep it inside the block."""
        with self._lock:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
