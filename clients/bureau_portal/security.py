"""Hold every answer and every change to the rules: headers, origin, tokens of forms."""

from __future__ import annotations

import re
from hmac import compare_digest
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Scripts and styles are files of the portal; nothing is written inline, nothing comes from
# elsewhere, no other page frames this one.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Within the portal: a browser that sends no referrer sends no origin with a form either.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cache-Control": "no-store",
}
# Two years, in seconds.
STRICT_TRANSPORT = "max-age=63072000"
# Bytes of the largest body that the portal reads: a form with a text of 4,000 characters.
MAX_BODY_BYTES = 65536
PORTS = {"http": 80, "https": 443}
# Characters of RFC 3986, with no slash at the second place.
_OWN_ADDRESS = re.compile(r"/(?:[A-Za-z0-9%][A-Za-z0-9\-._~%!$&'()*+,;=:@/?]*)?")
LOCAL = {"localhost", "127.0.0.1", "::1"}


def checked_origin(text: str) -> str:
    """Return the origin of the portal's pages.

    Raises:
        ValueError: It is no origin, or browsers would not sign there: they do so over TLS, and
            on the same machine.
    """
    parts = urlsplit(text)
    origin = f"{parts.scheme}://{parts.netloc}"
    is_plain = text.rstrip("/") == origin and not parts.username
    if parts.scheme not in PORTS or not parts.hostname or not is_plain:
        raise ValueError(f"{text!r} is no origin; write it as https://credit.example")
    if parts.scheme == "http" and parts.hostname not in LOCAL:
        raise ValueError(
            f"{text!r}: browsers sign on pages over TLS only; write https://, with a proxy in "
            "front of the portal or with --tls-certificate and --tls-key"
        )
    # Browsers leave out the port that a scheme has anyway.
    return origin.lower().removesuffix(f":{PORTS[parts.scheme]}")


class SecureAnswers:
    """Adds the headers to every answer, refuses other hosts and bodies that are too large."""

    def __init__(self, app: ASGIApp, origin: str) -> None:
        self._app = app
        self._host = urlsplit(origin).netloc
        self._headers = dict(HEADERS)
        if origin.startswith("https:"):
            self._headers["Strict-Transport-Security"] = STRICT_TRANSPORT

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        request = Request(scope)
        # Of another name for this machine: a page of that name could read the answers.
        if request.headers.get("host") != self._host:
            await _refuse(send_secured, 421)
        elif not request.headers.get("content-length", "0").isdecimal():
            await _refuse(send_secured, 400)
        elif int(request.headers.get("content-length", "0")) > MAX_BODY_BYTES:
            await _refuse(send_secured, 413)
        elif "transfer-encoding" in request.headers:
            await _refuse(send_secured, 411)
        else:
            await self._app(scope, receive, send_secured)


def own_address(text: str) -> str:
    """Return an address of a page of the portal, path and query, that a request names; empty for
    anything else.

    Scripts and redirects go there: two slashes, or one and a control character, lead elsewhere.
    """
    return text if _OWN_ADDRESS.fullmatch(text) else ""


async def _refuse(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def is_own_change(request: Request, origin: str, *tokens: tuple[str, str]) -> bool:
    """Return True if a change comes from a page of the portal, in the session that it names.

    Args:
        tokens: Each token of the session, and the one that came; an empty one opens nothing.
    """
    source = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "same-origin")
    # As bytes: of texts `compare_digest` takes ASCII only.
    known = [bool(own) and compare_digest(sent.encode(), own.encode()) for own, sent in tokens]
    return source == origin and site == "same-origin" and all(known)
