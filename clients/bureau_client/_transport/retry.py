"""Deadlines, pauses and the number of attempts."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from bureau_client._operations.operation import DeadlineClass
from bureau_client._transport.connection_errors import TLS_REFUSED
from bureau_client.errors import BureauError, Overloaded, QuotaExceeded, Unavailable

# Seconds. A signed statement is refused five minutes after it was signed; the last attempt
# must begin before that.
LONGEST_BUDGET_SECONDS = 240.0
# Largest number of doublings of the first pause.
MOST_DOUBLINGS = 64


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Deadlines and retries; the same for every operation.

    Each attempt has a deadline, and all attempts of one call together at most
    twice that (never more than four minutes, since signed requests expire after
    five). Repeating is safe: writes carry a request id.

    Attributes:
        read_seconds: Deadline of a reading call.
        write_seconds: Deadline of a signed write.
        bulk_seconds: Deadline of a batch of records.
        stream_seconds: Longest time of one stream; then the stream is opened again.
        attempts: Number of attempts; a change to another address does not count. 1
            switches retries and changes of the address off.
        first_pause_seconds: Pause before the first retry; doubles with each retry.
        longest_pause_seconds: Longest pause.
    """

    read_seconds: float = 5.0
    write_seconds: float = 30.0
    bulk_seconds: float = 60.0
    stream_seconds: float = 3600.0
    attempts: int = 6
    first_pause_seconds: float = 0.1
    longest_pause_seconds: float = 5.0

    def timeout(self, deadline_class: DeadlineClass) -> float:
        """Return the deadline of one attempt, in seconds."""
        match deadline_class:
            case DeadlineClass.READ:
                return self.read_seconds
            case DeadlineClass.WRITE:
                return self.write_seconds
            case DeadlineClass.BULK:
                return self.bulk_seconds
            case DeadlineClass.STREAM:
                return self.stream_seconds

    def budget(self, deadline_class: DeadlineClass) -> float:
        """Return the deadline of all attempts of one call together, in seconds."""
        return min(2 * self.timeout(deadline_class), LONGEST_BUDGET_SECONDS)

    def pause(
        self, attempt: int, error: BureauError, jitter: Callable[[], float] = random.random
    ) -> float:
        """Return the pause after a failed attempt, in seconds.

        The bureau's own figure, if it gave one; otherwise a doubling pause whose upper
        half is random, so that clients do not retry all at once.

        Args:
            attempt: Number of the failed attempt, from 1.
            error: The attempt's error.
            jitter: Returns a number from 0 to 1.
        """
        if error.retry_after is not None:
            return error.retry_after.total_seconds()
        # Beyond this many doublings every pause is the longest one, and a float overflows.
        longest = self.first_pause_seconds * 2.0 ** min(attempt - 1, MOST_DOUBLINGS)
        return min(longest, self.longest_pause_seconds) * (0.5 + 0.5 * jitter())


DEFAULT_POLICY = RetryPolicy()
# Reason of a call or stream that ended because its client was closed.
CLOSED_REASON = "CLOSED"


def is_retryable(error: BureauError) -> bool:
    """Return True if the same request may succeed a little later."""
    if error.reason == CLOSED_REASON:
        return False
    if isinstance(error, Overloaded | QuotaExceeded):
        return error.retry_after is not None
    # A node that is stopping looks like a node that refuses the certificate.
    return isinstance(error, Unavailable) or error.reason == TLS_REFUSED
