"""Codes of what waits in a bureau."""

from __future__ import annotations

from bureau_client.models.codes.base import Code


class DeadlineKind(Code):
    """What a deadline is of."""

    UNSPECIFIED = 0
    DISPUTE = 1
    COMPLAINT = 2
    DECISION = 3
