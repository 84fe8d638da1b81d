"""Answer pages that show nothing of a person: the guide, the language, the statements' tables."""

from __future__ import annotations

from starlette.responses import JSONResponse, RedirectResponse, Response

from bureau_portal.security import own_address
from bureau_portal.site import FormError, Visit
from bureau_portal.statements import described
from bureau_portal.words import texts


async def guide(visit: Visit) -> Response:
    """Explain credit, and every word of the pages."""
    return visit.render("guide.html", entries=visit.words.table("explained"))


async def unread(visit: Visit) -> Response:
    """Show the message of an operation that gave nothing."""
    return visit.render("message.html")


async def language(visit: Visit) -> Response:
    """Change the language."""
    chosen, back = visit.field("language"), visit.field("back")
    if chosen not in texts() or not own_address(back):
        raise FormError("errors.form")
    visit.session.language = chosen
    return RedirectResponse(back, 303)


async def statements(visit: Visit) -> Response:
    """Return the tables by which the browser reads what it signs."""
    return JSONResponse(described(visit.words))
