"""Let staff in by the access code of their profile, and out again."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from bureau_portal.site import BAD, Visit
from bureau_portal.staff.profiles import CODE_FILE, staff_of_code

FRONT = "/staff"
FIRST = "/staff/calls"


async def home(visit: Visit) -> Response:
    """Return the way to the pages for staff, where the portal serves them alone."""
    del visit
    return RedirectResponse(FRONT, 303)


async def front(visit: Visit) -> Response:
    """Ask for the access code."""
    if visit.staff is not None:
        return RedirectResponse(FIRST, 303)
    return visit.render("staff/front.html", code_file=CODE_FILE)


async def enter(visit: Visit) -> Response:
    """Make the session that of a profile's staff, under another token."""
    staff = staff_of_code(visit.portal.staff.values(), visit.field("code"))
    if staff is None:
        visit.say(BAD, visit.words.text("staff.front.wrong"))
        return visit.render("staff/front.html", status=403, code_file=CODE_FILE)
    visit.portal.sessions.enter(visit.session, staff.name)
    return RedirectResponse(FIRST, 303)


async def leave(visit: Visit) -> Response:
    """End the session."""
    visit.portal.sessions.end(visit.session)
    response = RedirectResponse(FRONT, 303)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response
