"""Notices of commits among the workers of a node on SQLite, where the database sends none.

Each worker has a pipe into which the others write a byte after a commit. Bytes that wait are one
notice; a pipe that is full has a notice already, and the writer goes on.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

# Seconds after a notice in which further ones are collected: commits come by the hundred a second.
COLLECT_S = 0.01
MANY = 4096
BYTE = b"\0"


class Pipe(NamedTuple):
    """The pipe of one worker, by its descriptors."""

    reader: int
    writer: int

    @classmethod
    def create(cls) -> Pipe:
        """Create a pipe whose writers never wait."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        return cls(reader, writer)


class CommitNotices:
    """The notices that one worker sends and receives."""

    def __init__(self, pipes: Sequence[Pipe], worker: int) -> None:
        """Prepare the notices; nothing is received before `start`.

        Args:
            pipes: The pipes of all workers, by their number.
        """
        self._own = pipes[worker]
        self._others = [pipe.writer for pipe in pipes if pipe != self._own]
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def send(self) -> None:
        """Notify the other workers of a commit."""
        for writer in self._others:
            _write(writer)

    def start(self, heard: Callable[[], None]) -> None:
        """Call `heard` after commits of other workers."""
        self._thread = threading.Thread(
            target=self._run, args=(heard,), name="notices", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop receiving."""
        self._stopping.set()
        if self._thread is not None:
            _write(self._own.writer)
            self._thread.join()

    def _run(self, heard: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            os.read(self._own.reader, MANY)
            heard()
            self._stopping.wait(COLLECT_S)


def _write(writer: int) -> None:
    with suppress(BlockingIOError):
        os.write(writer, BYTE)
