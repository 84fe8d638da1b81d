"""Serve the pages, each with its rule, by one table."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from bureau_portal.exchange import TooManyExchanges
from bureau_portal.pages import (
    arrangements,
    bureau,
    complaints,
    consents,
    credit_file,
    decisions,
    disputes,
    documents,
    events,
    holds,
    inquiries,
    notice_choice,
    notices,
    plain,
    requests,
    sign_in,
    signing,
)
from bureau_portal.security import SecureAnswers, is_own_change
from bureau_portal.sessions import SWEEP_S, Sessions
from bureau_portal.site import BAD, FormError, Handler, NotAmongAnswers, Portal, Visit, parse_form

logger = logging.getLogger("bureau_portal")


@dataclass(frozen=True, slots=True)
class Page:
    """One page, or one form; without `is_open` it needs a person who signed in.

    Attributes:
        reads: Answers of the bureau that the page shows.
        method: POST for what changes something: it needs the session's tokens.
        has_forms: False for an open page without forms: no session begins with it.
        for_staff: True for what the staff of a profile may see, and no person.
        is_fetched: True for what scripts read by themselves: it extends no session, which would
            last as long as a page is open.
    """

    path: str
    handler: Handler
    reads: tuple[str, ...] = ()
    method: str = "GET"
    is_open: bool = False
    has_forms: bool = True
    for_staff: bool = False
    is_fetched: bool = False


PAGES = (
    Page("/", sign_in.page, is_open=True),
    Page("/key", sign_in.key_page, is_open=True),
    Page("/sign-in", sign_in.sign_in, method="POST", is_open=True),
    Page("/bind", sign_in.bind, method="POST", is_open=True),
    Page("/binding", sign_in.binding_page, is_open=True, has_forms=False),
    Page("/binding.bin", sign_in.binding_file, is_open=True, has_forms=False),
    Page("/sign-out", sign_in.sign_out, method="POST"),
    Page("/language", plain.language, method="POST", is_open=True),
    Page("/guide", plain.guide, is_open=True),
    Page("/bureau", bureau.page, is_open=True),
    Page("/statements.json", plain.statements, is_open=True, has_forms=False, is_fetched=True),
    Page("/unread", plain.unread),
    Page("/sign/{ticket}", signing.page, is_open=True, has_forms=False),
    Page("/sign/{ticket}", signing.signature, method="POST", is_open=True),
    Page("/sign/{ticket}/cancel", signing.cancel, method="POST", is_open=True),
    Page("/file", credit_file.page, reads=("file",)),
    Page("/file/statement", credit_file.set_statement, method="POST"),
    Page("/file.pdf", documents.pdf, reads=("file", "inquiries")),
    Page("/file.json", documents.saved, reads=("file",)),
    Page("/inquiries", inquiries.page, reads=("inquiries",)),
    Page("/decisions", decisions.page, reads=("decisions", "file")),
    Page("/notices", notices.page, reads=("notices",)),
    Page("/notices/choice", notice_choice.page, reads=("notice_choice",)),
    Page("/notices/choice", notice_choice.choose, method="POST"),
    Page("/notices/approve-key", notices.approve_key, method="POST"),
    Page("/notices/repudiate-key", notices.repudiate_key, method="POST"),
    Page("/events", events.page, reads=("events",)),
    Page("/requests", requests.page, reads=("requests",)),
    Page("/requests/{request_id}/grant", requests.grant, method="POST"),
    Page("/requests/{request_id}/decline", requests.decline, method="POST"),
    Page("/requests/{request_id}/narrow", requests.narrow_page, reads=("requests", "arrangements")),
    Page("/requests/{request_id}/narrow", requests.narrow, reads=("requests",), method="POST"),
    Page("/consents", consents.page, reads=("arrangements",)),
    Page("/consents/new", consents.new_page),
    Page("/consents/new", consents.grant, method="POST"),
    Page(
        "/consents/{consent_id}/history",
        arrangements.page,
        reads=("arrangements", "events", "inquiries"),
    ),
    Page("/consents/{consent_id}/narrow", consents.narrow_page, reads=("arrangements",)),
    Page("/consents/{consent_id}/narrow", consents.narrow, reads=("arrangements",), method="POST"),
    Page("/consents/{consent_id}/replace", consents.replace_page, reads=("arrangements",)),
    Page(
        "/consents/{consent_id}/replace",
        consents.replace_consent,
        reads=("arrangements",),
        method="POST",
    ),
    Page("/consents/{consent_id}/{change}", consents.change, method="POST"),
    Page("/holds", holds.page, reads=("file",)),
    Page("/holds", holds.place, method="POST"),
    Page("/holds/{hold_id}/lift", holds.lift, method="POST"),
    Page("/disputes", disputes.page, reads=("disputes", "file")),
    Page("/disputes/open", disputes.open_page, reads=("file",)),
    Page("/disputes/open", disputes.open_dispute, method="POST"),
    Page("/disputes/{dispute_id}/add", disputes.add, method="POST"),
    Page("/complaints", complaints.page, reads=("complaints",)),
    Page("/complaints/counts", complaints.counts_page, reads=("complaint_counts",)),
    *(
        Page(
            f"/complaints/open/{deed_type.name.lower()}/{{deed_id}}",
            complaints.open_page(deed_type),
            reads=(view, "complaints"),
        )
        for deed_type, (view, _) in complaints.DEEDS.items()
    ),
    Page("/complaints/open", complaints.open_complaint, method="POST"),
    Page("/complaints/{complaint_id}/escalate", complaints.escalate, method="POST"),
)


# Pages that show nothing of a person: all of a portal for staff alone, beside the staff's own.
PUBLIC_PAGES = tuple(page for page in PAGES if page.path in {"/language", "/guide", "/bureau"})


def application(portal: Portal, pages: Sequence[Page] = PAGES) -> ASGIApp:
    """Build the application of a portal with these pages."""

    @asynccontextmanager
    async def running(_: Starlette) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(_sweep(portal.sessions))
        yield
        sweeping.cancel()
        portal.sessions.close()
        for staff in portal.staff.values():
            staff.close()

    static = StaticFiles(directory=Path(str(files("bureau_portal") / "static")))
    routes: list[Route | Mount] = [
        Route(page.path, _endpoint(portal, page), methods=[page.method]) for page in pages
    ]
    routes.append(Mount("/static", static))
    routed = Starlette(
        routes=routes,
        exception_handlers={404: _missing(portal), 405: _missing(portal)},
        lifespan=running,
    )
    # Around all of it: Starlette's own answer to an error in a page passes no middleware.
    return SecureAnswers(routed, portal.origin)


async def _sweep(sessions: Sessions) -> None:
    while True:
        await asyncio.sleep(SWEEP_S)
        try:
            sessions.sweep()
        except Exception:
            # The next sweep finds what this one left; without a sweep no idle session would end.
            logger.exception("a sweep of the sessions failed")


def _endpoint(portal: Portal, page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        sessions = portal.sessions
        token = request.cookies.get(portal.cookie, "")
        session = sessions.find(token, renew=not page.is_fetched)
        if session is None:
            begins = page.is_open and page.has_forms and page.method == "GET"
            session = sessions.open() if begins else sessions.unkept()
        visit = Visit(portal, request, session)
        try:
            response = await _answer(page, visit)
        except FormError as error:
            visit.say(BAD, visit.words.text(str(error)))
            response = visit.render("message.html", status=400)
        except TooManyExchanges:
            visit.say(BAD, visit.words.text("errors.busy"))
            response = visit.render("message.html", status=503)
            response.headers["Retry-After"] = "30"
        _set_cookies(visit, response)
        return response

    return endpoint


def _set_cookies(visit: Visit, response: Response) -> None:
    """Give the browser the cookies of its session, unless it has sent them.

    A link of another site sends the first one only, so that the page opens; a form or a script
    of another site sends neither.
    """
    portal, session = visit.portal, visit.session
    cookies: tuple[tuple[str, str, Literal["lax", "strict"]], ...] = (
        (portal.cookie, session.token, "lax"),
        (portal.change_cookie, session.change_token, "strict"),
    )
    for name, value, sites in cookies:
        if value and visit.request.cookies.get(name) != value:
            response.set_cookie(
                name, value, path="/", secure=portal.is_secure, httponly=True, samesite=sites
            )


async def _answer(page: Page, visit: Visit) -> Response:
    """Answer a request by the page's rule."""
    # 1. A change comes from a form of this session.
    if page.method == "POST":
        visit.form = parse_form(await visit.request.body())
        if not _is_own(visit):
            visit.say(BAD, visit.words.text("errors.csrf"))
            return visit.render("message.html", status=403)
    # 2. A page about a person is for the one who signed in.
    if page.for_staff and visit.staff is None:
        if page.method == "GET":
            return RedirectResponse("/staff", 303)
        visit.say(BAD, visit.words.text("errors.signed_out"))
        return visit.render("message.html", status=403)
    if not (page.is_open or page.for_staff) and visit.session.wallet is None:
        if page.method == "GET":
            # After signing in they get the page that they came for.
            return RedirectResponse(f"/?{urlencode({'to': visit.address})}", 303)
        visit.say(BAD, visit.words.text("errors.signed_out"))
        return visit.render("message.html", status=403)
    # 3. What it shows, the browser has to ask for by a signature.
    if page.reads:
        now = visit.portal.sessions.now()
        if page.method == "GET" and _is_reload(visit.request):
            visit.session.forget_earlier(page.reads, now)
        visit.views = visit.session.views(page.reads, now)
        missing = tuple(name for name in page.reads if name not in visit.views)
        if missing and page.method == "POST":
            raise FormError("errors.stale")
        if missing:
            return await signing.render(visit, visit.read(missing))
    # 4. What an address names may be younger than what the portal has read.
    try:
        return await page.handler(visit)
    except NotAmongAnswers as error:
        if visit.session.forget_earlier(page.reads, visit.portal.sessions.now()):
            return await signing.render(visit, visit.read(page.reads))
        return RedirectResponse(error.instead, 303)


def _is_reload(request: Request) -> bool:
    """Return True if a person reloads a page: browsers then say that no stored answer is wanted."""
    wanted = request.headers.get("cache-control", "")
    return "max-age=0" in wanted or "no-cache" in wanted


def _is_own(visit: Visit) -> bool:
    portal, session = visit.portal, visit.session
    cookie = visit.request.cookies.get(portal.change_cookie, "")
    tokens = ((session.csrf, visit.field("csrf")), (session.change_token, cookie))
    return is_own_change(visit.request, portal.origin, *tokens)


def _missing(portal: Portal) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handler(request: Request, _: Exception) -> Response:
        session = portal.sessions.find(request.cookies.get(portal.cookie, ""))
        visit = Visit(portal, request, session or portal.sessions.unkept())
        visit.say(BAD, visit.words.text("errors.missing"))
        return visit.render("message.html", status=404)

    return handler
