"""Name the members by the names that the bureau has for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from bureau_client.errors import BureauError
from bureau_client.models.members import Member
from bureau_portal.site import Visit


async def members(visit: Visit) -> tuple[Member, ...]:
    """Return all members; none while the bureau does not answer."""
    try:
        state = await asyncio.to_thread(visit.portal.public.read)
    except BureauError:
        return ()
    return state.members


async def names(visit: Visit) -> Mapping[str, str]:
    """Return each member's name and id in one text, by its id."""
    return {
        member.member_id: visit.words.text(
            "page.member", name=member.display_name, id=member.member_id
        )
        for member in await members(visit)
    }
