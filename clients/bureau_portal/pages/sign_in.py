"""Sign in with one's own key: the bureau accepts the signature, or refuses it."""

from __future__ import annotations

import re
from base64 import b64decode

from starlette.responses import RedirectResponse, Response

from bureau_keys.errors import KeysError
from bureau_portal.exchange import READING_TIMEOUT_S, BrowserKey, Exchange
from bureau_portal.security import own_address
from bureau_portal.site import BAD, FormError, Visit

_SUBJECT_ID = re.compile(r"[0-9a-f]{32}")


async def page(visit: Visit) -> Response:
    """Show the keys of this browser, to sign in with one."""
    wanted = own_address(visit.request.query_params.get("to", ""))
    if visit.session.wallet is not None:
        return RedirectResponse(wanted or "/file", 303)
    return visit.render("sign_in.html", wanted=wanted)


async def key_page(visit: Visit) -> Response:
    """Show how to make a key, or bring one."""
    return visit.render("key.html")


async def sign_in(visit: Visit) -> Response:
    """Read the person's file with a signature of the browser; then the session is theirs."""
    subject_id, key = _identity(visit)
    sessions, session = visit.portal.sessions, visit.session
    wallet = visit.portal.open_wallet(subject_id, key)
    wanted = own_address(visit.field("to")) or "/file"

    def finish(exchange: Exchange) -> str:
        if exchange.error is not None:
            wallet.close()
            visit.say(BAD, visit.explain(exchange.error))
            return "/"
        sessions.sign_in(session, wallet, key)
        session.keep({"file": exchange.result}, sessions.now())
        return wanted

    return visit.begin(Exchange(key, wallet.file, finish, READING_TIMEOUT_S))


async def bind(visit: Visit) -> Response:
    """Let the browser sign the binding of a person to their new key."""
    subject_id, key = _identity(visit)
    session, sessions = visit.session, visit.portal.sessions

    def work() -> bytes:
        with visit.portal.open_wallet(subject_id, key) as wallet:
            return wallet.binding()

    def finish(exchange: Exchange) -> str:
        if exchange.error is not None:
            visit.say(BAD, visit.explain(exchange.error))
            return "/key"
        session.keep({"binding": exchange.result}, sessions.now())
        return "/binding"

    return visit.begin(Exchange(key, work, finish))


async def binding_page(visit: Visit) -> Response:
    """Say what to do with the signed binding."""
    return visit.render("binding.html") if _binding(visit) else RedirectResponse("/key", 303)


async def binding_file(visit: Visit) -> Response:
    """Return the signed binding as a file for the attesting member."""
    binding = _binding(visit)
    if not binding:
        return RedirectResponse("/key", 303)
    headers = {"Content-Disposition": 'attachment; filename="binding.bin"'}
    return Response(binding, media_type="application/octet-stream", headers=headers)


async def sign_out(visit: Visit) -> Response:
    """End the session; the key stays in the browser."""
    visit.portal.sessions.end(visit.session)
    response = RedirectResponse("/", 303)
    # Caches and pages of the person; the key is storage and stays.
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def _binding(visit: Visit) -> bytes:
    views = visit.session.views(("binding",), visit.portal.sessions.now())
    binding: bytes = views.get("binding", b"")
    return binding


def _identity(visit: Visit) -> tuple[str, BrowserKey]:
    subject_id = visit.field("subject_id")
    if not _SUBJECT_ID.fullmatch(subject_id):
        raise FormError("sign_in.bad_id")
    try:
        return subject_id, BrowserKey(b64decode(visit.field("public_key"), validate=True))
    except (ValueError, KeysError):  # no base64, or other than ASCII
        raise FormError("sign_in.bad_key") from None
