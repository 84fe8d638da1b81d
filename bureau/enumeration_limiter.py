"""A token bucket on misses: a member that inquires about many subjects without their consent
is guessing subject ids, and is slowed down.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from bureau.calendar import MICROSECONDS
from bureau.errors import Refusal

logger = structlog.get_logger("bureau.enumeration_limiter")


class RefillTimes(Protocol):
    """The time at which each member's bucket will be full again, in microseconds since 1970.

    This one number is the whole state of a bucket: the tokens that it lacks are the time until
    then, divided by the time in which one token is added.
    """

    def get(self, member_id: str) -> int:
        """Return the time of a member; 0 before its first miss."""

    def put_off(self, member_id: str, now_us: int, by_us: int) -> int:
        """Move the time of a member, from now if it has passed, and return it."""


class OwnRefillTimes:
    """The times of a node that has one process."""

    def __init__(self) -> None:
        self._times_us: dict[str, int] = {}
        self._lock = threading.Lock()

    def get(self, member_id: str) -> int:
        """Return the time of a member; 0 before its first miss."""
        return self._times_us.get(member_id, 0)

    def put_off(self, member_id: str, now_us: int, by_us: int) -> int:
        """Move the time of a member, from now if it has passed, and return it."""
        with self._lock:
            time_us = max(self.get(member_id), now_us) + by_us
            self._times_us[member_id] = time_us
        return time_us


@dataclass(slots=True)
class EnumerationLimiter:
    """A token bucket for each member: a miss takes a token, time adds one.

    Attributes:
        size: Tokens in a full bucket: misses that a member may make at once.
        refill_s: Seconds in which one token is added.
        times: The times at which buckets are full again.
    """

    size: int = 200
    refill_s: float = 10.0
    times: RefillTimes = field(default_factory=OwnRefillTimes)

    def check(self, member_id: str, now_us: int) -> None:
        """Raise QUOTA_EXCEEDED while a member's bucket has less than one token."""
        wait_us = self._wait_us(self.times.get(member_id), now_us)
        if wait_us > 0:
            raise Refusal(
                "QUOTA_EXCEEDED",
                "too many inquiries without a consent",
                retry_after_s=wait_us / MICROSECONDS,
            )

    def miss(self, member_id: str, now_us: int) -> None:
        """Take a token for a miss."""
        full_us = self.times.put_off(member_id, now_us, self._refill_us)
        if self._wait_us(full_us, now_us) > 0:
            logger.warning("enumeration_suspected", member=member_id)

    @property
    def _refill_us(self) -> int:
        return int(self.refill_s * MICROSECONDS)

    def _wait_us(self, full_us: int, now_us: int) -> int:
        """Return the time until a bucket has a token; not above 0 if it has one."""
        return full_us - now_us - (self.size - 1) * self._refill_us
