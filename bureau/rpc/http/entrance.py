"""The methods of the contract over HTTP: an ASGI application of the Connect library for each
method, made from its descriptor.

The library reads bodies, writes answers, streams and errors; `call.py` runs the handler.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import Executor
from contextvars import ContextVar
from typing import Any

import structlog
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.request import RequestContext
from connectrpc.server import ConnectASGIApplication, Endpoint

from bureau.errors import Refusal
from bureau.rpc.http.call import HttpCall
from bureau.rpc.http.context import HttpContext, Peer
from bureau.rpc.http.messages import JSON, WIRE, Body, Form, malformed, max_body_bytes
from bureau.rpc.http.reading import Send, read_in_time
from bureau.rpc.http.refusals import error_of_refusal
from bureau.rpc.limits import MemberLimits
from bureau.rpc.services import ServedMethod
from bureau.rpc.status import REQUEST_ID

logger = structlog.get_logger("bureau.http")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

# Key of the connection's `Peer` in the state of a request: no header reaches it.
PEER = "peer"
# Path of the endpoint that answers what no method answers; no request can name it.
REFUSED = "refused"
# Bytes of the head of a request: those of gRPC's metadata.
MAX_HEAD_BYTES = 16384
# Header with the caller's deadline in milliseconds.
TIMEOUT = "connect-timeout-ms"
_MILLISECONDS = re.compile(r"[0-9]{1,10}")

_JSON_HEADER = (b"content-type", b"application/json")
_call: ContextVar[HttpCall] = ContextVar("call")
_refusal: ContextVar[Refusal] = ContextVar("refusal")


class HttpEntrance:
    """The ASGI application of the methods that a node serves."""

    def __init__(
        self, methods: Mapping[str, ServedMethod], pool: Executor, memory: MemberLimits
    ) -> None:
        """Create the application.

        Args:
            methods: The methods by their path.
            pool: The threads in which handlers run.
            memory: Limits of the bytes of large requests in memory.
        """
        self._methods = methods
        self._pool = pool
        self._memory = memory
        self._applications = {path: _application(path, one) for path, one in methods.items()}
        refused = Endpoint.unary(_info("", REFUSED, StreamType.UNARY), _answer)
        self._refused = _Application(REFUSED, refused, 0, [_Refusing()])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        peer: Peer = scope["state"][PEER]
        send = read_in_time(send, peer.abort)
        try:
            served = self._served(scope)
            headers = _headers(scope)
            _check_headers(headers, served)
        except Refusal as refusal:
            _refusal.set(refusal)
            plain = {"path": REFUSED, "method": "POST", "headers": [_JSON_HEADER]}
            await self._refused({**scope, **plain}, receive, send)
            return
        call = HttpCall(served, _context(peer, headers), self._pool, self._memory)
        _call.set(call)
        application = self._applications[scope["path"]]
        # Deadlines are the guard's: the library would end calls without a reason.
        kept = [header for header in scope["headers"] if header[0] != TIMEOUT.encode()]
        try:
            await application({**scope, "headers": kept}, _reading(receive, call), send)
        except Exception:
            logger.exception("call_broken", path=scope["path"], request_id=call.request_id)
            raise
        finally:
            # The answer is read, or the connection is gone.
            call.close()

    def _served(self, scope: Scope) -> ServedMethod:
        served = self._methods.get(scope["path"])
        if served is None:
            raise Refusal(
                "NOT_SERVED",
                "no such method: the path is /creditbureau.v1.<Service>/<Method> of the contract",
            )
        if served.descriptor.client_streaming:
            raise Refusal("NOT_SERVED", "a stream of requests is served over gRPC alone")
        if scope["method"] != "POST":
            # A GET would write its request into the logs of everything on its way.
            raise malformed(f"the request is a {scope['method']}: send a POST")
        return served


def _headers(scope: Scope) -> dict[str, str]:
    """Return the headers of a request.

    Raises:
        Refusal: MALFORMED_MESSAGE for bytes outside ASCII, and for more than MAX_HEAD_BYTES.
    """
    # h11 bounds a head that comes in pieces; one that comes at once may be larger.
    head = len(scope["query_string"]) + sum(
        len(name) + len(value) for name, value in scope["headers"]
    )
    if head > MAX_HEAD_BYTES:
        raise malformed(f"the head of the request has more than {MAX_HEAD_BYTES} bytes")
    try:
        return {name.decode("ascii"): value.decode("ascii") for name, value in scope["headers"]}
    except UnicodeDecodeError as error:
        raise malformed("a header has bytes outside ASCII") from error


def _check_headers(headers: Mapping[str, str], served: ServedMethod) -> None:
    """Refuse what the library would answer without a reason."""
    prefix = "application/connect+" if served.descriptor.server_streaming else "application/"
    allowed = [f"{prefix}{form}" for form in (JSON, WIRE)]
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in allowed:
        raise malformed(f"the content-type is no {' or '.join(allowed)}")
    if headers.get("connect-protocol-version", "1") != "1":
        raise malformed("the connect-protocol-version is not 1")
    if not _MILLISECONDS.fullmatch(headers.get(TIMEOUT, "0")):
        raise malformed(f"{TIMEOUT} is no number of 1 to 10 digits")


def _context(peer: Peer, headers: Mapping[str, str]) -> HttpContext:
    timeout = headers.get(TIMEOUT)
    return HttpContext(peer, tuple(headers.items()), int(timeout) / 1000 if timeout else None)


def _reading(receive: Receive, call: HttpCall) -> Receive:
    """Return `receive` for a call: reading a body ends when the guard ends the call."""
    is_read = False

    async def receive_while_reading() -> MutableMapping[str, Any]:
        nonlocal is_read
        if is_read:  # what follows is the end of the connection, for which the library waits
            return await receive()
        event = await call.while_reading(asyncio.ensure_future(receive()))
        is_read = not event.get("more_body", False)
        return event

    return receive_while_reading


class _Application(ConnectASGIApplication[None]):
    """The application of one method."""

    def __init__(self, path: str, endpoint: Any, max_bytes: int, interceptors: list[Any]) -> None:
        super().__init__(
            service=None,
            endpoints=lambda _service: {path: endpoint},
            interceptors=interceptors,
            read_max_bytes=max_bytes,
            # A small body could become a large one, and compressed secrets tell their length.
            compressions=(),
            codecs=[Form(JSON), Form(WIRE)],
        )
        self._path = path

    @property
    def path(self) -> str:
        """Path of the method."""
        return self._path


def _application(path: str, served: ServedMethod) -> _Application:
    method = served.descriptor
    kind = StreamType.SERVER_STREAM if method.server_streaming else StreamType.UNARY
    info = _info(method.containing_service.full_name, method.name, kind)
    endpoint: Any = (
        Endpoint.server_stream(info, _answers)
        if method.server_streaming
        else Endpoint.unary(info, _answer)
    )
    return _Application(path, endpoint, max_body_bytes(method), [_Admission()])


async def _answer(body: Body, _context: RequestContext[Body, bytes]) -> bytes:
    return await _call.get().answer(body)


def _answers(body: Body, _context: RequestContext[Body, bytes]) -> AsyncIterator[bytes]:
    return _call.get().answers(body)


class _Admission:
    """Runs before the library reads a body, and after the call."""

    async def on_start(self, context: RequestContext[Body, bytes]) -> HttpCall:
        """Ask the guard to admit the call."""
        call = _call.get()
        try:
            await call.admit()
        finally:
            if call.request_id:
                context.response_headers[REQUEST_ID] = call.request_id
        return call

    async def on_end(
        self, call: HttpCall, _context: RequestContext[Body, bytes], error: Exception | None
    ) -> None:
        """End the call."""
        await call.end(error)


class _Refusing:
    """Answers what no method answers, as the library writes errors."""

    async def on_start(self, _context: RequestContext[Body, bytes]) -> None:
        """Raise the refusal of the request."""
        raise error_of_refusal(_refusal.get())

    async def on_end(
        self, _token: None, _context: RequestContext[Body, bytes], _error: Exception | None
    ) -> None:
        """Do nothing: `on_start` has ended the call."""


def _info(service: str, name: str, kind: StreamType) -> MethodInfo[Body, bytes]:
    return MethodInfo(
        name=name,
        service_name=service,
        input=Body,
        output=bytes,
        idempotency_level=IdempotencyLevel.UNKNOWN,
        stream_type=kind,
    )
