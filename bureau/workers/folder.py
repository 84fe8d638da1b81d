"""The private folder of a node with several workers: `workers-<node>` in the bureau's folder.

It holds a lock and the files of the metrics. The supervisor holds the lock and its workers
inherit it, so that the lock is free only when the last of them has ended. The next start, with or
without workers, waits for those of a supervisor that was killed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bureau.config import Settings

# Seconds in which the workers of a killed supervisor have ended (`worker.END_S`), and a margin.
LINGER_S = 10.0
PAUSE_S = 0.1


class NodeServedError(OSError):
    """Another supervisor, or a worker of one, serves the node.

    Attributes:
        fix: The operator's next step.
    """

    def __init__(self, folder: Path, node: str) -> None:
        super().__init__(f"another process serves the node {node}: it holds {folder / 'lock'}")
        self.fix = "Stop it first, or name this node differently (node in bureau.toml)."


class WorkersFolder(NamedTuple):
    """The folder, locked.

    Attributes:
        lock: Descriptor of the lock; processes that inherit it hold it.
    """

    path: Path
    lock: int

    @property
    def metrics(self) -> Path:
        """Folder of the metrics' files."""
        return self.path / "metrics"

    @property
    def kept_turns(self) -> Path:
        """File by which workers take turns to write the kept checkpoint."""
        return self.path / "checkpoint-turns"


@contextmanager
def locked_folder(settings: Settings) -> Iterator[WorkersFolder]:
    """Hold the lock of a node's folder inside the block, with new content.

    Raises:
        NodeServedError: Another supervisor, or a worker of one, holds it.
    """
    path = _path_of(settings)
    path.mkdir(mode=0o700, exist_ok=True)
    with _locked(path, settings.node) as folder:
        shutil.rmtree(folder.metrics, ignore_errors=True)
        folder.metrics.mkdir(mode=0o700)
        yield folder


@contextmanager
def without_workers(settings: Settings) -> Iterator[None]:
    """Wait until no worker of an earlier start serves the node, and let none start inside the
    block: for a node of one process. One that has never had workers has no lock to hold.

    Raises:
        NodeServedError: A supervisor, or a worker of one, serves the node.
    """
    path = _path_of(settings)
    if not path.exists():
        yield
        return
    with _locked(path, settings.node):
        yield


def _path_of(settings: Settings) -> Path:
    return settings.folder / f"workers-{settings.node}"


@contextmanager
def _locked(path: Path, node: str) -> Iterator[WorkersFolder]:
    lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _acquire(lock, path, node)
        yield WorkersFolder(path, lock)
    finally:
        os.close(lock)


def _acquire(lock: int, path: Path, node: str) -> None:
    end = time.monotonic() + LINGER_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise NodeServedError(path, node) from None
            time.sleep(PAUSE_S)
        else:
            return
