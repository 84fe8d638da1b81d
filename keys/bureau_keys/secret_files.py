"""Files that hold secrets."""

from __future__ import annotations

from pathlib import Path

from bureau_keys.whole_files import whole_file


def write_private(path: Path, data: bytes, *, exclusive: bool = False) -> None:
    """Write a file that only its owner reads, whole or not at all: whatever
    fails, what was there before is still there. Returns once it is on disk.

    Raises:
        FileExistsError: With `exclusive`: there is a file.
    """
    with whole_file(path, private=True, exclusive=exclusive) as stream:
        stream.write(data)
