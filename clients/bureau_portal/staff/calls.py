"""Show the calls of the node as they end."""

from __future__ import annotations

import asyncio

from starlette.responses import JSONResponse, Response

from bureau_client.errors import BureauError
from bureau_client.models.operations import OK, EndedCall
from bureau_portal.site import FormError, Visit
from bureau_portal.staff.answers import shown, staff_of

# Calls on the page, which a script keeps at this number.
SHOWN = 200


async def page(visit: Visit) -> Response:
    """List the newest calls, the newest first; a script adds those that come."""
    return await shown(
        visit,
        "staff/calls.html",
        lambda staff: {
            "calls": [row(call, visit) for call in reversed(staff.observer.calls(limit=SHOWN))]
        },
        most=SHOWN,
    )


async def rows(visit: Visit) -> Response:
    """Return the calls after a cursor, oldest first, for the script of the page."""
    after = visit.request.query_params.get("after", "0")
    if not after.isascii() or not after.isdecimal() or len(after) > len(str(1 << 62)):
        raise FormError("errors.form")
    staff = staff_of(visit)
    try:
        calls = await asyncio.to_thread(lambda: staff.observer.calls(after=int(after), limit=SHOWN))
    except BureauError as error:
        return JSONResponse({"error": visit.explain(error)}, 503)
    return JSONResponse({"calls": [row(call, visit) for call in calls]})


def row(call: EndedCall, visit: Visit) -> dict[str, str]:
    """Return the cells of a call, as texts."""
    return {
        "cursor": str(call.cursor),
        "time": f"{call.end_time:%H:%M:%S}",
        "member": call.member_id or "–",
        "method": call.method,
        "purpose": visit.words.code(call.purpose) if call.purpose else "–",
        "outcome": call.outcome,
        "kind": "good" if call.outcome == OK else "bad",
        "ms": f"{call.duration.total_seconds() * 1000:.1f}",
        "id": call.statement_id or call.call_id,
    }
