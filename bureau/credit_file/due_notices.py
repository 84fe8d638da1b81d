"""The parameters by which queries find the notices that come by the clock."""

from __future__ import annotations

from typing import Any, Protocol

from bureau.calendar import DAY_US
from bureau.policy import Policy


class DuePosition(Protocol):
    """The last notice that came by the clock."""

    @property
    def due_us(self) -> int:
        """Its time, microseconds since 1970."""

    @property
    def due_kind(self) -> int:
        """Its NoticeKind."""

    @property
    def due_id(self) -> str:
        """The id of what it is about."""


def due_parameters(position: DuePosition, policy: Policy) -> dict[str, Any]:
    """Return the position and the deadlines; 0 days for no deadline."""
    return {
        "due_us": position.due_us,
        "kind": position.due_kind,
        "about_id": position.due_id,
        "dispute_us": policy.dispute_days * DAY_US,
        "extension_us": policy.dispute_extension_days * DAY_US,
        "complaint_us": policy.complaint.days * DAY_US,
        "decision_us": policy.complaint.decision_days * DAY_US,
    }
