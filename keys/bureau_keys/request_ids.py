"""Request ids: UUIDs of version 7, which sort by the time at which they were made.

A bureau looks for the request id of every statement. Ids of one time lie side by side in its
indexes; random ones would touch a page of each for every statement of a commit.
"""

from __future__ import annotations

import secrets
import uuid

# What is fixed, and what is random, below the 48 bits of the time.
_FIXED = 7 << 76 | 0b10 << 62
_RANDOM = 0xFFF << 64 | (1 << 62) - 1


def new_request_id(now_us: int) -> str:
    """Return a new request id (RFC 9562, section 5.7).

    Args:
        now_us: The time of issue, microseconds since 1970 UTC; the id has its milliseconds. The
            other 74 bits are random.
    """
    milliseconds = (now_us // 1000) & 0xFFFF_FFFF_FFFF
    return str(uuid.UUID(int=milliseconds << 80 | _FIXED | secrets.randbits(80) & _RANDOM))
