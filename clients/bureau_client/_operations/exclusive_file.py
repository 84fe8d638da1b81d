"""A file that one object of one process at a time uses."""

from __future__ import annotations

import threading
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
        self._entered = threading.Lock()
        # Held by the object, not by a thread: it may be opened in one and closed in another.
        self._lock = FileLock(path.with_name(f"{path.name}.lock"), timeout=0, thread_local=False)

    def acquire(self, open_file: Callable[[], None]) -> None:
        """Lock the file, and open it; an error of opening releases the lock.

        Raises:
            Conflict: Another process, another object of this one, or this object already, has
                the lock.
        """
        # `FileLock` would count a second entry, and the first exit would close the file.
        if not self._entered.acquire(blocking=False):
            raise self._in_use()
        try:
            self._lock.acquire()
            open_file()
        except Timeout:
            self._entered.release()
            raise self._in_use() from None
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Release the lock."""
        self._lock.release()
        self._entered.release()
