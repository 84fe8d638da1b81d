"""The one source of time. A request reads it once; a sandbox can move it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import NamedTuple

from bureau.calendar import MICROSECONDS

# Microseconds: a clock that goes back by less is being slewed; by more, it was wrong and has
# been set.
TRIMMED_US = 2 * MICROSECONDS


class Moment(NamedTuple):
    """A reading of the clock.

    Attributes:
        now_us: The bureau's time, in microseconds since 1970 UTC.
        machine_us: Time of this machine's clock.
    """

    now_us: int
    machine_us: int


@dataclass(slots=True)
class Clock:
    """Wall time in microseconds since 1970 UTC; small corrections backwards only halt it.

    A larger correction is followed backwards: a node that waited until time has caught up
    would refuse every new statement meanwhile.

    Attributes:
        offset_us: Microseconds by which a sandbox has moved the clock.
    """

    offset_us: int = 0
    _last_us: int = 0

    def now_us(self) -> int:
        """Return microseconds since 1970 UTC; never slightly less than the last call did."""
        now = self.machine_us() + self.offset_us
        behind = self._last_us - now
        self._last_us = now + behind if 0 < behind <= TRIMMED_US else now
        return self._last_us

    def moment(self) -> Moment:
        """Return the bureau's time and the machine's."""
        return Moment(self.now_us(), self.machine_us())

    def machine_us(self) -> int:
        """Return the time of this machine's clock, without the sandbox's offset."""
        return time.time_ns() // 1000
