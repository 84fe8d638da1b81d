"""Read what a page for staff shows, in a thread; an error of the bureau becomes a page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.responses import HTMLResponse, Response

from bureau_client.errors import BureauError
from bureau_portal.site import BAD, Visit
from bureau_portal.staff.profiles import Staff


async def shown(
    visit: Visit, template: str, read: Callable[[Staff], dict[str, Any]], **values: Any
) -> Response:
    """Show a page with what is read by the staff of the visit."""
    try:
        answers = await asyncio.to_thread(read, staff_of(visit))
    except BureauError as error:
        return refused(visit, error)
    return visit.render(template, **answers, **values)


def refused(visit: Visit, error: BureauError) -> HTMLResponse:
    """Show that the bureau did not answer, or refused."""
    visit.say(BAD, visit.explain(error))
    return visit.render("message.html", status=503)


def staff_of(visit: Visit) -> Staff:
    """Return the staff of a visit to a page that needs one."""
    assert visit.staff is not None, "the page's rule lets staff in alone"
    return visit.staff
