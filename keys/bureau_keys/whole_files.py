"""Files that are written whole or not at all: a new file, which then replaces the earlier one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

# End of the name of a file that is not whole yet.
NEW = ".new"


@contextmanager
def whole_file(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file for writing that appears under its name when the block ends without an error.

    After the block it is on the disk, under its name. After an error the file that was there
    before is unchanged, and nothing else is left. What is no ordinary file, as a terminal or a
    pipe, is written to directly.
    """
    # A link keeps pointing to the file, which is replaced where it lies.
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        with target.open("wb") as stream:
            yield stream
        return
    fresh = _beside(target)
    try:
        with _opened(fresh, target) as stream:
            # Before the content: a file that others may not read is not readable meanwhile.
            if target.exists():
                shutil.copymode(target, fresh)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(target)
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
    fresh = _beside(target)
    fresh.mkdir()
    try:
        yield fresh
        fresh.replace(target)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def remove_leftovers(folder: Path) -> None:
    """Remove the new files that killed processes left in a folder.

    For a folder to which one process writes at a time: the file of another would go too.
    """
    for left in folder.glob(f".*{NEW}"):
        left.unlink(missing_ok=True)


def _opened(fresh: Path, target: Path) -> BinaryIO:
    """Open a new file; an error names the file that it is to replace."""
    try:
        return fresh.open("xb")
    except OSError as error:
        error.filename = str(target)
        raise


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
