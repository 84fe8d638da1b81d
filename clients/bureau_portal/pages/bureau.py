"""Show the bureau itself: who its members are, and where its log stands."""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from bureau_client.errors import BureauError
from bureau_portal.site import BAD, Visit


async def page(visit: Visit) -> Response:
    """Show members and log, for everybody."""
    trust = visit.portal.profile.trust
    try:
        state = await asyncio.to_thread(visit.portal.public.read)
    except BureauError as error:
        visit.say(BAD, visit.explain(error))
        return visit.render("message.html", status=503)
    return visit.render("bureau.html", state=state, trust=trust)
