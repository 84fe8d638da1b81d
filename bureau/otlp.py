"""Traces by OpenTelemetry, sent to a collector as OTLP over gRPC.

Names of attributes are those of OpenTelemetry's semantic conventions for RPC. A span says what the
log of calls says, and no more: nothing of a request or of its answer.

The caller's `traceparent` is untrusted. It names the trace that the span joins and nothing more:
the node alone decides which calls are recorded (`bureau/otlp_sampling.py`). A collector that does
not answer slows no call: ended spans wait in a queue of bounded length, and the oldest are dropped
when it is full.
"""

from __future__ import annotations

import logging
import threading
import time
from itertools import count

import structlog
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
    format_trace_id,
    set_span_in_context,
)
from opentelemetry.trace import Span as OpenTelemetrySpan

from bureau.errors import REASONS
from bureau.otlp_sampling import CallSampler, chosen_sampler
from bureau.tracing import GRPC, RemoteParent

logger = structlog.get_logger("bureau.otlp")

# Statuses that are the server's own fault (semantic conventions for gRPC): the span of a call
# that was refused is no error.
FAULTS = {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
# Steps of one call that are recorded: a stream of thousands of reports has thousands of steps.
MAX_STEPS = 64
# Seconds that a stopping node gives the collector for all spans that wait, and then the exporter
# for its own end. OpenTelemetry gives half a minute; a node has not so long to stop.
LAST_EXPORT_S = 3.0
EXPORTER_ENDS_S = 1.0
# Seconds between two lines of the log about spans that cannot be sent.
QUIET_S = 60.0


class OtlpSpan:
    """The span of a call or of a step."""

    def __init__(self, tracer: Tracer, span: OpenTelemetrySpan, steps: count[int]) -> None:
        self._tracer = tracer
        self._span = span
        # Shared by all spans of a call; some start in the writer's thread.
        self._steps = steps

    @property
    def trace_id(self) -> str:
        """The trace, 32 hexadecimal digits; empty if OpenTelemetry is disabled."""
        context = self._span.get_span_context()
        return format_trace_id(context.trace_id) if context.is_valid else ""

    def start_step(self, name: str) -> OtlpSpan | None:
        """See `bureau.tracing.Span.start_step`."""
        if next(self._steps) >= MAX_STEPS:
            return None
        span = self._tracer.start_span(name, set_span_in_context(self._span))
        return OtlpSpan(self._tracer, span, self._steps)

    def end(self, reason: str = "OK", member_id: str = "") -> None:
        """See `bureau.tracing.Span.end`."""
        if member_id:
            self._span.set_attribute("creditbureau.member", member_id)
        if reason != "OK":
            self._span.set_attribute("error.type", reason)
        rule = REASONS.get(reason)  # type: ignore[call-overload]
        if rule is not None and rule.status in FAULTS:
            self._span.set_status(StatusCode.ERROR, reason)
        self._span.end()


class OtlpTracing:
    """The tracing of a node that sends its spans to a collector."""

    def __init__(self, collector: str, instance: str) -> None:
        """Prepare; nothing runs yet.

        Args:
            collector: URL of the collector; with `http` the spans go in the clear.
            instance: Name of the process among those of the bureau's nodes.
        """
        self._collector = collector
        self._instance = instance
        self._provider: TracerProvider | None = None
        self._exporter: OTLPSpanExporter | None = None
        self._tracer: Tracer | None = None
        self._errors = ExportErrors()

    def start(self) -> None:
        """See `Tracing.start`."""
        self._errors.start()
        self._provider = TracerProvider(
            CallSampler(chosen_sampler()), resource_of(self._instance), shutdown_on_exit=False
        )
        self._exporter = OTLPSpanExporter(self._collector)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("bureau")

    def stop(self) -> None:
        """See `Tracing.stop`."""
        if self._provider is not None:
            last = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
            last.start()
            last.join(LAST_EXPORT_S)
            if last.is_alive() and self._exporter is not None:
                self._exporter.shutdown()
                last.join(EXPORTER_ENDS_S)
            self._provider = None
        self._errors.stop()

    def start_call(
        self, method: str, parent: RemoteParent | None, request_id: str, system: str = GRPC
    ) -> OtlpSpan:
        """See `Tracing.start_call`."""
        assert self._tracer is not None, "calls are served by a started node"
        service, _, name = method.partition("/")
        span = self._tracer.start_span(
            method,
            set_span_in_context(_remote(parent) if parent else INVALID_SPAN),
            SpanKind.SERVER,
            {
                "rpc.system": system,
                "rpc.service": service,
                "rpc.method": name,
                "creditbureau.request_id": request_id,
            },
        )
        return OtlpSpan(self._tracer, span, count())


class ExportErrors(logging.Handler):
    """The lines that OpenTelemetry logs about spans that it cannot send, as events of the node's
    log: one a minute at most.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._source = logging.getLogger("opentelemetry")
        self._next_s = 0.0

    def start(self) -> None:
        """Take the lines over."""
        self._source.addHandler(self)
        self._source.propagate = False

    def stop(self) -> None:
        """Leave the lines to the program that embeds the server."""
        self._source.removeHandler(self)
        self._source.propagate = True

    def emit(self, record: logging.LogRecord) -> None:
        """Log an event unless one was logged a moment ago."""
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + QUIET_S
            logger.warning("traces_not_sent", error=record.getMessage())


def resource_of(instance: str) -> Resource:
    """Describe a process of a node; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES go before."""
    about = Resource.create({"service.name": "creditbureau", "service.instance.id": instance})
    return about.merge(OTELResourceDetector().detect())


def _remote(parent: RemoteParent) -> NonRecordingSpan:
    flags = TraceFlags(TraceFlags.SAMPLED if parent.is_recorded else TraceFlags.DEFAULT)
    trace_id, span_id = int(parent.trace_id, 16), int(parent.span_id, 16)
    return NonRecordingSpan(SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags))
