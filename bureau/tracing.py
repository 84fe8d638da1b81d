"""Spans of calls and of their steps, where the node's setting `traces_to` names a collector.

Without one nothing is recorded, and OpenTelemetry is not loaded: `bureau.otlp` has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import NamedTuple, Protocol

from bureau.errors import Refusal

# OpenTelemetry's name for a protocol: that of the main port.
GRPC = "grpc"


class RemoteParent(NamedTuple):
    """The caller's span, as its `traceparent` names it: an untrusted hint that only traces use.

    Attributes:
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits.
        is_recorded: True if the caller says that it records the trace.
    """

    trace_id: str
    span_id: str
    is_recorded: bool


class Span(Protocol):
    """A call or a step in progress."""

    @property
    def trace_id(self) -> str:
        """The trace, 32 hexadecimal digits; empty if it has none."""
        ...

    def start_step(self, name: str) -> Span | None:
        """Start the span of a step; None if the call has too many."""
        ...

    def end(self, reason: str = "OK", member_id: str = "") -> None:
        """End the span.

        Args:
            reason: OK, or the reason for which the call or the step failed.
            member_id: Member that made the call; empty if unknown.
        """
        ...


class Tracing(Protocol):
    """The part of a node that sends traces to a collector."""

    def start(self) -> None:
        """Start sending."""

    def stop(self) -> None:
        """Send the spans that wait, as far as the collector takes them, and stop."""

    def start_call(
        self, method: str, parent: RemoteParent | None, request_id: str, system: str = GRPC
    ) -> Span:
        """Start the span of a call.

        Args:
            method: Full name of the method, `package.Service/Method`.
            parent: The caller's span; None starts a trace.
            request_id: Id that the caller is given.
            system: Protocol of the call, by OpenTelemetry's name for it.
        """
        ...


class TracingNotInstalled(ValueError):
    """The setting `traces_to` needs an extra that is not installed."""


# The span of the call or the step that runs in this thread.
_current: ContextVar[Span | None] = ContextVar("span", default=None)


def tracing_of(traces_to: str, instance: str) -> Tracing | None:
    """Return the tracing of a node; None if its settings name no collector.

    Args:
        traces_to: URL of a collector that takes OTLP over gRPC; empty for none.
        instance: Name of the process among those of the bureau's nodes.

    Raises:
        TracingNotInstalled: A collector is named, and OpenTelemetry is not installed.
    """
    if not traces_to:
        return None
    try:
        from bureau.otlp import OtlpTracing  # noqa: PLC0415  (an extra, and slow to load)
    except ImportError as error:
        raise TracingNotInstalled(
            f"traces_to = {traces_to!r} needs OpenTelemetry: "
            "pip install 'creditbureau[otel]', or remove the setting"
        ) from error
    return OtlpTracing(traces_to, instance)


def current() -> Span | None:
    """Return the span of the call or the step that runs in this thread; None without one."""
    return _current.get()


def within(span: Span | None) -> AbstractContextManager[None]:
    """Make a span the parent of the steps inside the block."""
    return nullcontext() if span is None else _within(span)


def step(name: str) -> AbstractContextManager[None]:
    """Record a step of the call that runs in this thread, if it is traced."""
    return ending(start_step(name))


def start_step(name: str) -> Span | None:
    """Start a step of the call that runs in this thread; None if it is not traced."""
    parent = _current.get()
    return None if parent is None else parent.start_step(name)


def steps(
    parents: Sequence[Span | None], name: str
) -> AbstractContextManager[Sequence[Span | None]]:
    """Record a step that is taken for several calls at once, under the span of each; None for a
    call that is not traced.
    """
    return _steps(parents, name) if any(parents) else nullcontext([None] * len(parents))


def ending(span: Span | None) -> AbstractContextManager[None]:
    """End a step with the block, in which it is the parent of further ones."""
    return nullcontext() if span is None else _ending(span)


@contextmanager
def _within(span: Span) -> Iterator[None]:
    before = _current.get()
    _current.set(span)
    try:
        yield
    finally:
        # Not by a token: a stream that is abandoned may end in another thread.
        _current.set(before)


@contextmanager
def _steps(parents: Sequence[Span | None], name: str) -> Iterator[Sequence[Span | None]]:
    spans = [parent.start_step(name) if parent else None for parent in parents]
    reason = "OK"
    try:
        yield spans
    except BaseException as error:
        reason = _reason_of(error)
        raise
    finally:
        for span in spans:
            if span is not None:
                span.end(reason)


@contextmanager
def _ending(span: Span) -> Iterator[None]:
    reason = "OK"
    try:
        with _within(span):
            yield
    except BaseException as error:
        reason = _reason_of(error)
        raise
    finally:
        span.end(reason)


def _reason_of(error: BaseException) -> str:
    """Return why a step failed, without the message, which may name a value of the request."""
    return error.reason if isinstance(error, Refusal) else type(error).__name__
