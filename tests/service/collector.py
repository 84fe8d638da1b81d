"""A collector of traces, as OpenTelemetry's own is: OTLP over gRPC."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.service.postgres import until


@dataclass(frozen=True, slots=True)
class Collected:
    """A span that arrived."""

    span: Span
    resource: dict[str, Any]

    @property
    def name(self) -> str:
        return self.span.name

    @property
    def trace_id(self) -> str:
        return self.span.trace_id.hex()

    @property
    def attributes(self) -> dict[str, Any]:
        return values_of(self.span.attributes)

    @property
    def is_error(self) -> bool:
        return self.span.status.code == Status.STATUS_CODE_ERROR


@dataclass
class Collector(TraceServiceServicer):
    """Keeps what arrives, unless it is told to hang."""

    url: str = ""
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)
    # Set: it answers. Cleared: an exporter waits for its answer.
    answering: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802  (the contract's name)
        """Take spans."""
        self.reached.set()
        while not self.answering.wait(0.05):
            if not context.is_active():
                return ExportTraceServiceResponse()
        self.requests.append(request)
        return ExportTraceServiceResponse()

    @property
    def spans(self) -> list[Collected]:
        """All spans that arrived."""
        return [
            Collected(span, values_of(resource.resource.attributes))
            for request in list(self.requests)
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def named(self, name: str) -> list[Collected]:
        """The spans with a name."""
        return [span for span in self.spans if span.name == name]

    def of_request(self, request_id: str, name: str) -> Collected:
        """Wait for the one span of a call with the name and the request id."""

        def those() -> list[Collected]:
            wanted = ("creditbureau.request_id", request_id)
            return [span for span in self.named(name) if wanted in span.attributes.items()]

        until(those, f"the span {name} of {request_id}")
        (span,) = those()
        return span

    def children(self, parent: Collected) -> list[Collected]:
        """The spans whose parent this is, in the order of their start."""
        spans = [span for span in self.spans if span.span.parent_span_id == parent.span.span_id]
        return sorted(spans, key=lambda child: child.span.start_time_unix_nano)

    def tree(self, root: Collected) -> Any:
        """Names: of the span alone, or with a list of its children's trees."""
        children = [self.tree(child) for child in self.children(root)]
        return (root.name, children) if children else root.name


def values_of(attributes: Any) -> dict[str, Any]:
    """Attributes as a dictionary."""
    return {
        pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value")
        for pair in attributes
    }


@contextmanager
def running_collector() -> Iterator[Collector]:
    """A collector inside the block."""
    server = grpc.server(ThreadPoolExecutor(4))
    port = server.add_insecure_port("127.0.0.1:0")
    collector = Collector(f"http://127.0.0.1:{port}")
    collector.answering.set()
    add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]
    server.start()
    try:
        yield collector
    finally:
        collector.answering.set()
        server.stop(None).wait()
