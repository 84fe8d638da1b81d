"""Show the page on which the browser signs, and pass on the turns of an exchange."""

from __future__ import annotations

from base64 import b64decode, b64encode
from hashlib import sha256

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from bureau_keys.signing import SIGNATURE_BYTES
from bureau_portal.exchange import Exchange, SignatureMissing
from bureau_portal.site import BAD, FormError, Visit


async def page(visit: Visit) -> Response:
    """Show the statement that the person is to sign."""
    exchange = _exchange(visit)
    return RedirectResponse("/file", 303) if exchange is None else await render(visit, exchange)


async def render(visit: Visit, exchange: Exchange) -> Response:
    """Show the present turn of an exchange; one that has ended leads to its result."""
    message = await exchange.turn()
    if message is None:
        return RedirectResponse(_end(visit, exchange), 303)
    public_key = b64encode(exchange.key.verify_key.raw).decode()
    page = visit.write("sign.html", exchange=exchange, public_key=public_key, **_turn(message))
    return HTMLResponse(page)


async def signature(visit: Visit) -> Response:
    """Pass a signature to its operation; return the next turn, or the page of the result."""
    exchange = _exchange(visit)
    if exchange is None:
        visit.say(BAD, visit.words.text("sign.missing"))
        return JSONResponse({"location": "/unread"})
    try:
        data = b64decode(visit.field("signature"), validate=True)
    except ValueError:  # no base64, or other than ASCII
        raise FormError("errors.form") from None
    if len(data) != SIGNATURE_BYTES:
        raise FormError("errors.form")
    try:
        exchange.answer(data)
    except SignatureMissing:
        visit.say(BAD, visit.words.text("sign.missing"))
        return JSONResponse({"location": "/unread"})
    message = await exchange.turn()
    if message is None:
        return JSONResponse({"location": _end(visit, exchange)})
    return JSONResponse(_turn(message))


async def cancel(visit: Visit) -> Response:
    """End an operation without a signature."""
    exchange = _exchange(visit)
    if exchange is not None:
        exchange.cancel()
        del visit.session.exchanges[exchange.ticket]
    visit.say(BAD, visit.words.text("sign.cancelled"))
    return RedirectResponse("/unread", 303)


def _exchange(visit: Visit) -> Exchange | None:
    return visit.session.exchanges.get(visit.request.path_params["ticket"])


def _turn(message: bytes) -> dict[str, str]:
    """Return a message to sign with its digest, which receipts and lists show too."""
    return {"message": b64encode(message).decode(), "digest": sha256(message).hexdigest()}


def _end(visit: Visit, exchange: Exchange) -> str:
    visit.session.exchanges.pop(exchange.ticket, None)
    return exchange.location()
