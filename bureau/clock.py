"""The one source of time. A request reads it once; a sandbox can move it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import NamedTuple

from bureau.calendar import MICROSECONDS

# A clock that goes back by less is being trimmed; by more, it was wrong and has been set.
TRIMMED_US = 2 * MICROSECONDS


class Moment(NamedTuple):
    """A reading of the clock.

    Attributes:
        now_us: The bureau's time, in microseconds since 1970 UTC.
        machine_us: What this machine's clock says.
    """

    now_us: int
    machine_us: int


@dataclass(slots=True)
class Clock:
    """Wall time in microseconds since 1970 UTC, which small corrections only halt.

    A clock that was wrong by more and is set right is followed back: a node that waited
    until time has caught up would refuse every fresh statement meanwhile.

    Attributes:
        offset_us: How far a sandbox has moved the clock, in microseconds.
    """

    offset_us: int = 0
    _last_us: int = 0

    def now_us(self) -> int:
        """Microseconds since 1970 UTC; what the last call returned if that was just now."""
        now = self.machine_us() + self.offset_us
        behind = self._last_us - now
        self._last_us = now + behind if 0 < behind <= TRIMMED_US else now
        return self._last_us

    def moment(self) -> Moment:
        """The time, with the machine's own."""
        return Moment(self.now_us(), self.machine_us())

    def machine_us(self) -> int:
        """What this machine's clock says, wherever a sandbox has moved time."""
        return time.time_ns() // 1000
