"""Show notices of the bureau, and let the person answer to a new key."""

from __future__ import annotations

from starlette.responses import Response

from bureau_client.models.codes import NoticeKind
from bureau_client.models.texts import nearest
from bureau_portal.site import Visit

# Notices about a key that the person can approve, and those about one that they can repudiate.
PENDING = {NoticeKind.KEY_PENDING}
REPLACED = {NoticeKind.KEY_PENDING, NoticeKind.KEY_REPLACED}


async def page(visit: Visit) -> Response:
    """List the notices in the person's language."""
    language = visit.words.language
    notices = [
        (notice, next(iter(nearest(notice.texts, language)), ""))
        for notice in visit.views["notices"]
    ]
    return visit.render("notices.html", notices=notices, pending=PENDING, replaced=REPLACED)


async def approve_key(visit: Visit) -> Response:
    """Let the person approve the key that is to replace theirs."""
    key_id = visit.field("key_id")
    return visit.sign(
        lambda wallet: wallet.approve_key(key_id), back="/notices", done="notices.approved"
    )


async def repudiate_key(visit: Visit) -> Response:
    """Let the person repudiate a key that replaces theirs."""
    key_id = visit.field("key_id")
    return visit.sign(
        lambda wallet: wallet.repudiate_key(key_id), back="/notices", done="notices.repudiated"
    )
