"""List the members with their keys, and when each key counts."""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from bureau_client.errors import BureauError
from bureau_portal.site import Visit
from bureau_portal.staff.answers import refused


async def page(visit: Visit) -> Response:
    """List every member, as the portal has read them in the last minute."""
    try:
        state = await asyncio.to_thread(visit.portal.public.read)
    except BureauError as error:
        return refused(visit, error)
    return visit.render("staff/members.html", members=state.members)
