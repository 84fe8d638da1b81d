"""Show who looked at the file, and why."""

from __future__ import annotations

from starlette.responses import Response

from bureau_client.models.texts import lookup
from bureau_portal.site import Visit


async def page(visit: Visit) -> Response:
    """List every inquiry, granted and denied."""
    language = visit.words.language
    denials = {
        line.denial_reason: lookup("Reason", line.denial_reason, language)[0]
        for line in visit.views["inquiries"]
        if line.denial_reason
    }
    return visit.render("inquiries.html", inquiries=visit.views["inquiries"], denials=denials)
