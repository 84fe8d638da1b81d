"""Spans of operations and of their attempts, in an application that uses OpenTelemetry.

An operation's span is a child of the application's current span, and begins with its first
call. Each attempt is a child of the operation's, and sends its own context as `traceparent`
(W3C Trace Context), so that the bureau's span joins the trace. An application that traces has
loaded the API of OpenTelemetry and set a provider. The SDK loads neither: without them nothing is
recorded, and nothing is sent.

Names of attributes are those of OpenTelemetry's semantic conventions for RPC. No attribute has
anything of a request or of its answer but the request id. Neither the application's `tracestate`
nor its baggage is sent: the bureau is another organisation.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Generator
from importlib import import_module
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from bureau_client._operations.operation import Call
from bureau_client.errors import BureauError

if TYPE_CHECKING:
    from opentelemetry.trace import Span

LIBRARY = "bureau_client"
API = "opentelemetry.trace"
Metadata: TypeAlias = tuple[tuple[str, str], ...]


class AttemptSpan:
    """The span of one attempt; a context that ends it, with its error if it failed.

    Attributes:
        metadata: Metadata of the attempt, by which the bureau's span joins the trace.
    """

    def __init__(self, call: Call, address: str, number: int, parent: Span | None = None) -> None:
        """Start the span.

        Args:
            call: The call.
            address: Host and port to which it is sent.
            number: Number of the attempt, from 1.
            parent: Span of the operation; the application's current span without one.
        """
        self.metadata: Metadata = ()
        self._span: Span | None = None
        trace = _trace()
        if trace is None:
            return
        service, _, method = call.method.path.partition("/")
        self._span = trace.get_tracer(LIBRARY).start_span(
            call.method.path,
            trace.set_span_in_context(parent) if parent else None,
            trace.SpanKind.CLIENT,
            {
                "rpc.system": "grpc",
                "rpc.service": service,
                "rpc.method": method,
                **_address(address),
                "creditbureau.request_id": call.request_id,
                "creditbureau.attempt": number,
            },
        )
        context = self._span.get_span_context()
        if context.is_valid:
            ids = f"{context.trace_id:032x}-{context.span_id:016x}"
            self.metadata = (("traceparent", f"00-{ids}-{context.trace_flags:02x}"),)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        _end(self._span, error)


class OperationSpan:
    """The span of one operation: its attempts, and the pauses between them; a context that
    ends it. An operation that makes no call leaves no span.
    """

    def __init__(self, operation: Generator[Any, Any, Any]) -> None:
        self._operation = operation
        self._begun_ns = time.time_ns()
        self._span: Span | None = None

    def attempt(self, call: Call, address: str, number: int) -> AttemptSpan:
        """Start the span of an attempt, the arguments of which are those of `AttemptSpan`."""
        trace = _trace()
        if trace is not None and self._span is None:
            tracer = trace.get_tracer(LIBRARY)
            self._span = tracer.start_span(_name_of(self._operation), start_time=self._begun_ns)
        return AttemptSpan(call, address, number, self._span)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        _end(self._span, error)


def _trace() -> Any:
    """Return the module `opentelemetry.trace` if the application has loaded it."""
    if API not in sys.modules:
        return None
    # Not the entry of `sys.modules`: another thread may be loading the module.
    return import_module(API)


def _address(address: str) -> dict[str, str | int]:
    """Return the attributes of an address; one without a port is left as it is."""
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal()):
        return {"server.address": address}
    return {"server.address": host, "server.port": int(port)}


def _name_of(operation: Generator[Any, Any, Any]) -> str:
    """Return the module and the function of an operation, for example `furnishing.submit`."""
    code: CodeType = operation.gi_code  # type: ignore[attr-defined]  # a generator function's
    return f"{Path(code.co_filename).stem}.{code.co_name}"


def _end(span: Span | None, error: BaseException | None) -> None:
    if span is None:
        return
    if error is not None:
        # The reason alone: the message of an error may name the application's values.
        reason = error.reason if isinstance(error, BureauError) else _kind_of(error)
        span.set_attribute("error.type", reason)
        span.set_status(_trace().StatusCode.ERROR, reason)
    span.end()


def _kind_of(error: BaseException) -> str:
    """Return the name of an error that is none of the bureau's."""
    cancelled = isinstance(error, GeneratorExit | asyncio.CancelledError)
    return "CANCELLED" if cancelled else type(error).__name__
