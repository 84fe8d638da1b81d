"""A token bucket on misses: a member that inquires about many subjects without their consent
is guessing subject ids, and is slowed down.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import structlog

from bureau.errors import Refusal

logger = structlog.get_logger("bureau.enumeration_limiter")


@dataclass(slots=True)
class EnumerationLimiter:
    """A token bucket for each member: a miss takes a token, time adds one.

    Attributes:
        size: Tokens in a full bucket: misses that a member may make at once.
        refill_s: Seconds in which one token is added.
    """

    size: int = 200
    refill_s: float = 10.0
    _tokens: dict[str, tuple[float, int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, member_id: str, now_us: int) -> None:
        """Raise QUOTA_EXCEEDED while a member's bucket is empty."""
        left = self._tokens_now(member_id, now_us)
        if left < 1:
            raise Refusal(
                "QUOTA_EXCEEDED",
                "too many inquiries without a consent",
                retry_after_s=(1 - left) * self.refill_s,
            )

    def miss(self, member_id: str, now_us: int) -> None:
        """Take a token for a miss."""
        with self._lock:
            left = self._tokens_now(member_id, now_us) - 1
            self._tokens[member_id] = (left, now_us)
        if left < 1:
            logger.warning("enumeration_suspected", member=member_id)

    def _tokens_now(self, member_id: str, now_us: int) -> float:
        left, then_us = self._tokens.get(member_id, (float(self.size), now_us))
        return min(float(self.size), left + (now_us - then_us) / 1_000_000 / self.refill_s)
