"""The state of a file that is read twice: checked, then sent."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from bureau_client.errors import InvalidRequest


class FileState(NamedTuple):
    """Values that differ once a file was written or replaced."""

    device: int
    inode: int
    size: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path) -> FileState:
        """Return the state of a file."""
        status = path.stat()
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)

    def require(self, path: Path) -> None:
        """Verify that a file is as it was when it was checked.

        Raises:
            InvalidRequest: The file was written or replaced since.
        """
        if FileState.of(path) != self:
            raise InvalidRequest(
                f"{path.name} was changed after it was checked",
                reason="INVALID_FIELD",
                fix="Leave the file as it is until its import has ended, then import it again",
            )
