"""The one source of time: the later of the node's clock and the log's newest time. A request
reads it once; a sandbox can move it.
"""

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
        own_us: Time of this node, whatever the log's is.
        machine_us: Time of this machine's clock.
    """

    now_us: int
    own_us: int
    machine_us: int


@dataclass(slots=True)
class Clock:
    """Time in microseconds since 1970 UTC: never before the newest time of the log.

    What has expired by the log's time has expired: a node whose clock is late by less than the
    skew that is allowed would otherwise serve a consent that another node has seen end.

    Small corrections backwards only halt the node's own time. A larger correction is followed
    backwards: a node that waited until time has caught up would refuse every new statement
    meanwhile.

    Attributes:
        offset_us: Microseconds by which a sandbox has moved the clock.
        until_us: Time up to which a sandbox will move the clock; 0 without a plan.
    """

    offset_us: int = 0
    until_us: int = 0
    _last_us: int = 0
    _log_us: int = 0

    @classmethod
    def moved_to(cls, time_us: int, until_us: int = 0) -> Clock:
        """Return the clock of a sandbox at another time, from which it goes on.

        Args:
            until_us: Time up to which the sandbox will move the clock.
        """
        return cls(offset_us=time_us - time.time_ns() // 1000, until_us=until_us)

    def now_us(self) -> int:
        """Return the later of the node's own time and the log's newest."""
        return max(self.own_us(), self._log_us)

    def own_us(self) -> int:
        """Return the node's own time; never slightly less than the last call did."""
        now = self.machine_us() + self.offset_us
        behind = self._last_us - now
        self._last_us = now + behind if 0 < behind <= TRIMMED_US else now
        return self._last_us

    def follow(self, log_us: int) -> None:
        """Note the newest time of the log, as read from the database."""
        self._log_us = max(self._log_us, log_us)

    def moment(self) -> Moment:
        """Return the bureau's time, the node's own and the machine's."""
        return Moment(self.now_us(), self.own_us(), self.machine_us())

    def span_us(self) -> tuple[int, int]:
        """Return the earliest and the latest time at which a new certificate is checked.

        TLS goes by the machine's clock, the bureau by its own; they differ in a sandbox only.
        """
        present = (self.now_us(), self.machine_us())
        return min(present), max(*present, self.until_us)

    def machine_us(self) -> int:
        """Return the time of this machine's clock, without the sandbox's offset."""
        return time.time_ns() // 1000
