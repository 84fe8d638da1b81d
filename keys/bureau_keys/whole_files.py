"""Files that are written whole or not at all: a new file, which then replaces the earlier one.

The new file lies beside the other, under a name of its own (`.NAME.<32 hex digits>.new`), and its
writer holds a lock on it until it has the other's name. What a killed process left is not locked:
the next process that writes into the folder removes it. So of two processes that write into one
folder at once, neither removes what the other has not finished.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there, and nothing removed.
    fcntl = None  # type: ignore[assignment]

# End of the name of a file that is not whole yet.
NEW = ".new"
_LEFTOVER = re.compile(r"\..{1,50}\.[0-9a-f]{32}\.new", re.DOTALL)
PRIVATE, PUBLIC = 0o600, 0o666  # before the process's umask
# Folders from which this process has removed leftovers: once each, however many files it writes.
_cleared: set[Path] = set()


@contextmanager
def whole_file(
    path: str | Path, *, private: bool = False, exclusive: bool = False
) -> Iterator[BinaryIO]:
    """Open a file for writing that appears under its name when the block ends without an error.

    After the block it is on the disk, under its name. After an error the file that was there
    before is unchanged, and nothing else is left. What is no ordinary file, as a terminal or a
    pipe, is written to directly.

    Args:
        path: The file.
        private: Only its owner reads it; otherwise it has the mode of the file that it replaces.
        exclusive: Replace no file.

    Raises:
        FileExistsError: There is a file, and it is not to be replaced.
    """
    # A link keeps pointing to the file, which is replaced where it lies.
    target = Path(path).resolve()
    if exclusive and target.exists():
        raise _exists(target)
    if target.exists() and not target.is_file():
        with target.open("wb") as stream:
            yield stream
        return
    fresh, opened = _new_file(target, PRIVATE if private else PUBLIC)
    try:
        with opened as stream:
            # Before the content: a file that others may not read is not readable meanwhile.
            if target.exists() and not private:
                shutil.copymode(target, fresh)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            if fcntl is None:
                stream.close()  # Windows renames no open file.
            # Under the lock: an unlocked new file is removed.
            _give_name(fresh, target, exclusive=exclusive)
        _keep_names(target.parent)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def write_whole(path: str | Path, content: bytes | str) -> None:
    """Write a file whole or not at all; text is UTF-8."""
    with whole_file(path) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Yield a new folder that appears under its name when the block ends without an error.

    Raises:
        OSError: The name is a file, or a folder that is not empty.
    """
    target = Path(path).resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    _clear_once(target.parent)
    fresh = _beside(target)
    fresh.mkdir()
    try:
        with _held_folder(fresh):
            yield fresh
            fresh.replace(target)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def remove_leftovers(folder: Path) -> None:
    """Remove the new files and folders that killed processes left in a folder.

    What a living process writes is locked, and stays. Nothing is removed where files cannot be
    locked, nor what the process may not open.
    """
    # A folder that cannot be listed is reported by what is written to it.
    with suppress(OSError), os.scandir(folder) as entries:
        for name in [entry.name for entry in entries if _LEFTOVER.fullmatch(entry.name)]:
            _remove_unless_locked(folder / name)


def _clear_once(folder: Path) -> None:
    if folder not in _cleared:
        _cleared.add(folder)
        remove_leftovers(folder)


def _remove_unless_locked(path: Path) -> None:
    if fcntl is None:
        return
    try:
        # Neither a link to another file, nor a wait for the other end of a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    except OSError:
        # Its writer lives, or the file system has no locks.
        return
    finally:
        os.close(descriptor)


def _new_file(target: Path, mode: int) -> tuple[Path, BinaryIO]:
    """Open a new, locked file beside a file; an error names the file that it is to replace."""
    _clear_once(target.parent)
    try:
        while True:
            fresh = _beside(target)
            stream = open(fresh, "xb", opener=partial(os.open, mode=mode))  # noqa: SIM115  (pathlib has no opener)
            if _is_locked(stream.fileno(), fresh):
                return fresh, stream
            stream.close()
    except OSError as error:
        error.filename = str(target)
        raise


@contextmanager
def _held_folder(fresh: Path) -> Iterator[None]:
    """Hold the lock of a new folder."""
    if fcntl is None:
        yield
        return
    descriptor = os.open(fresh, os.O_RDONLY)
    try:
        if not _is_locked(descriptor, fresh):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(fresh))
        yield
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int, fresh: Path) -> bool:
    """Lock what was just made; return False if another process removed it before."""
    if fcntl is None:
        return True
    with suppress(OSError):  # a file system without locks, where nothing is removed
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        return os.path.samestat(fresh.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _give_name(fresh: Path, target: Path, *, exclusive: bool) -> None:
    """Give a new file the name of the file that it replaces; or, exclusively, a free name."""
    if not exclusive:
        fresh.replace(target)
        return
    try:
        os.link(fresh, target)
    except FileExistsError:
        raise _exists(target) from None
    except OSError:
        # A file system without links.
        if target.exists():
            raise _exists(target) from None
        fresh.replace(target)
    else:
        fresh.unlink()


def _exists(target: Path) -> FileExistsError:
    return FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))


def _keep_names(folder: Path) -> None:
    """Write a folder's names to the disk, so that a loss of power loses no new file."""
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError:
        # Windows opens no folders, and keeps names by itself.
        return
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _beside(target: Path) -> Path:
    """Return the name of a new file in the folder of a file, hidden and like its name."""
    # A character has four bytes at most, and a name 255.
    return target.with_name(f".{target.name[:50]}.{uuid4().hex}{NEW}")
