"""List what waits: overdue disputes and complaints first, and alerts that are not acknowledged."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from bureau_client.errors import PermissionDenied
from bureau_client.models.operations import AlertCount, Deadline
from bureau_portal.site import Visit
from bureau_portal.staff.answers import shown
from bureau_portal.staff.profiles import Staff


async def page(visit: Visit) -> Response:
    """List deadlines and counts of alerts."""

    def read(staff: Staff) -> dict[str, Any]:
        deadlines = _deadlines(staff)
        return {
            "overdue": [each for each in deadlines if each.overdue],
            "waiting": [each for each in deadlines if not each.overdue],
            "alerts": _alerts(staff),
        }

    return await shown(visit, "staff/deadlines.html", read)


def _deadlines(staff: Staff) -> list[Deadline]:
    """Return the deadlines; none for a member whose roles have none."""
    try:
        return staff.observer.deadlines()
    except PermissionDenied:
        return []


def _alerts(staff: Staff) -> list[AlertCount]:
    """Return the counts of alerts; none for a member whose roles have none."""
    try:
        return staff.observer.alert_counts()
    except PermissionDenied:
        return []
