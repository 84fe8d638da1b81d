"""Codes of what waits in a bureau."""

from __future__ import annotations

from bureau_client.models.codes.base import Code


class DeadlineKind(Code):
    """The kind of what waits for an answer."""

    UNSPECIFIED = 0
    DISPUTE = 1
    COMPLAINT = 2
    DECISION = 3
