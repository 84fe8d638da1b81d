"""The time of a sandbox, in a file that its node writes and the clients of its folder read.

Statements carry the time of their bureau. A sandbox's time is moved and frozen, so its clients
cannot go by the machine's; a profile of the sandbox names the file.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bureau_keys.secret_files import write_private

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ClockState:
    """The state of a sandbox's clock.

    Attributes:
        offset_us: Microseconds by which it is ahead of the machine's clock.
        frozen_us: Time at which it stands still; 0 while it runs.
        until_us: Time up to which it can be moved: the end of the certificates.
    """

    offset_us: int = 0
    frozen_us: int = 0
    until_us: int = 0

    def now_us(self) -> int:
        """Return the sandbox's time, in microseconds since 1970 UTC."""
        return self.frozen_us or time.time_ns() // 1000 + self.offset_us

    def save(self, path: Path) -> None:
        """Write the file; a reader sees the earlier state or this one."""
        write_private(path, json.dumps(asdict(self)).encode() + b"\n")

    @classmethod
    def load(cls, path: Path) -> ClockState:
        """Read the file.

        Raises:
            ValueError: The file is missing, or holds no state.
        """
        try:
            state = cls(**json.loads(path.read_bytes()))
            _time_of(state)  # what is no number, or no time
        except (OSError, ValueError, TypeError, OverflowError) as error:
            raise ValueError(
                f"the sandbox's clock {path} cannot be read ({error}): start `bureau dev`, or "
                "take sandbox_clock out of profile.toml"
            ) from error
        return state


@dataclass(frozen=True, slots=True)
class ClockFile:
    """A clock that goes by the file of a sandbox."""

    path: Path

    def __call__(self) -> datetime:
        """Return the sandbox's time."""
        return _time_of(ClockState.load(self.path))


def _time_of(state: ClockState) -> datetime:
    return EPOCH + timedelta(microseconds=state.now_us())
