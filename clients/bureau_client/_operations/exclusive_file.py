"""A file that one process at a time uses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from bureau_client.errors import Conflict


class ExclusiveFile:
    """The lock of a file: `NAME.lock` beside it, which the end of the process releases too."""

    def __init__(self, path: Path, in_use: Callable[[], Conflict]) -> None:
        """Prepare to lock a file.

        Args:
            path: The file that is locked.
            in_use: Returns the error for a file that another process, or another object of this
                one, has locked.
        """
        self._in_use = in_use
        self._lock = FileLock(path.with_name(f"{path.name}.lock"), timeout=0)

    def acquire(self, open_file: Callable[[], None]) -> None:
        """Lock the file, and open it; an error of opening releases the lock.

        Raises:
            Conflict: Another process has the lock.
        """
        try:
            self._lock.acquire()
        except Timeout:
            raise self._in_use() from None
        try:
            open_file()
        except BaseException:
            self._lock.release()
            raise

    def release(self) -> None:
        """Release the lock."""
        self._lock.release()
