"""A lock between processes, and a file beside it that names the process that holds it.

The operating system releases the lock when its process ends, however it ends. The file of a killed
process stays, and is not read, because the lock is free.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from bureau_keys.secret_files import write_private

# Appended to the name of a SQLite database: the lock of the process that serves it.
SERVING = ".serving"
# Appended to the name of a lock.
HOLDER = ".holder"
# Seconds to wait for a lock: `holder_of` holds a free one for a moment.
WAIT_S = 0.3


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that holds a lock.

    Attributes:
        process_id: Id of the process; 0 while it has not written the file yet.
        program: Name of its program.
        doing: Purpose of the lock, as a verb: `serves`.
        since: Time by the machine's clock, ISO 8601.
    """

    process_id: int = 0
    program: str = ""
    doing: str = "uses"
    since: str = ""

    def __str__(self) -> str:
        """Return process, program and time in words."""
        if not self.process_id:
            return "a process that has just begun"
        return f"process {self.process_id} ({self.program}), since {self.since}"


class LockHeldError(Exception):
    """Another process holds a lock.

    Attributes:
        holder: The process.
    """

    def __init__(self, holder: Holder) -> None:
        super().__init__(str(holder))
        self.holder = holder


@contextmanager
def process_lock(path: Path, doing: str) -> Iterator[None]:
    """Hold a lock inside the block.

    Args:
        path: File of the lock.
        doing: Purpose of the lock, as a verb, for the errors of others: `serves`.

    Raises:
        LockHeldError: Another process holds the lock, or this one does already.
    """
    lock = _lock(path)
    try:
        lock.acquire(timeout=WAIT_S)
    except Timeout:
        raise LockHeldError(_read(path)) from None
    try:
        write_private(_file_of(path), json.dumps(asdict(_this_process(doing))).encode())
        yield
    finally:
        # Before the release: the next holder's file is never removed.
        _file_of(path).unlink(missing_ok=True)
        lock.release()


def holder_of(path: Path) -> Holder | None:
    """Return the process that holds a lock; None if the lock is free."""
    if not _file_of(path).exists():
        return None
    try:
        with _lock(path).acquire(timeout=0):
            return None
    except Timeout:
        return _read(path)


def _lock(path: Path) -> FileLock:
    # A block may be left by another thread than the one that entered it, as fixtures are.
    return FileLock(path, mode=0o600, thread_local=False)


def _file_of(path: Path) -> Path:
    return path.with_name(path.name + HOLDER)


def _this_process(doing: str) -> Holder:
    started = Path(sys.argv[0])
    program = started.parent.name if started.stem == "__main__" else started.stem
    since = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Holder(os.getpid(), program, doing, since)


def _read(path: Path) -> Holder:
    try:
        return Holder(**json.loads(_file_of(path).read_text("utf-8")))
    except (FileNotFoundError, TypeError, ValueError):
        return Holder()
