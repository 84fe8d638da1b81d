"""An attempt is traced whatever its address looks like, and costs nothing without a provider."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bureau_client._operations import methods
from bureau_client._operations.operation import Call
from bureau_client._transport.tracing import AttemptSpan
from bureau_client.errors import Unavailable
from creditbureau.v1.log_pb2 import GetCheckpointRequest

CALL = Call(methods.GET_CHECKPOINT, GetCheckpointRequest())


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    return exporter


@pytest.mark.parametrize(
    ("address", "server"),
    [
        ("bureau.example:7443", ("bureau.example", 7443)),
        ("[::1]:7443", ("[::1]", 7443)),
        ("bureau", ("bureau", None)),
        ("dns:bureau", ("dns:bureau", None)),
        (":7443", (":7443", None)),
        ("", ("", None)),
    ],
)
def test_every_address_is_an_attribute(
    exporter: InMemorySpanExporter, address: str, server: tuple[str, int | None]
) -> None:
    with AttemptSpan(CALL, address, 1) as attempt:
        assert [name for name, _ in attempt.metadata] == ["traceparent"]
    (span,) = exporter.get_finished_spans()
    attributes = span.attributes or {}
    assert (attributes["server.address"], attributes.get("server.port")) == server


def test_the_text_of_an_error_is_not_recorded(exporter: InMemorySpanExporter) -> None:
    def fail() -> None:
        with AttemptSpan(CALL, "bureau.example:7443", 1):
            raise Unavailable("about 900-12-3456", reason="UNREACHABLE", fix="900-12-3456")

    with pytest.raises(Unavailable):
        fail()
    (span,) = exporter.get_finished_spans()
    assert "900-12-3456" not in span.to_json()
    assert (span.attributes or {})["error.type"] == "UNREACHABLE"


def test_without_a_provider_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    with AttemptSpan(CALL, "bureau.example:7443", 1) as attempt:
        assert attempt.metadata == ()
