"""One trace leads from an operation of the SDK to the numbered steps of the server, at a collector
that takes OTLP over gRPC; nobody's call depends on it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from bureau import otlp, tracing
from bureau.admin.enrolment import new_kit
from bureau.cli import exit_codes
from bureau.config import Settings
from bureau.main import Server
from bureau.otlp import OtlpTracing
from bureau.rpc.call_log import CallLog, EndedCall
from bureau.testing import free_port, running_bureau
from bureau.tracing import RemoteParent, TracingNotInstalled, tracing_of
from bureau_client import (
    AsyncLender,
    BureauError,
    ConsentRequired,
    EvidenceLevel,
    Lender,
    Month,
    Purpose,
    RetryPolicy,
    Wallet,
)
from creditbureau.v1 import log_pb2
from tests.documents import DOCS, blocks
from tests.service.collector import Collected, Collector, running_collector
from tests.service.http_client import client_of
from tests.service.postgres import until
from tests.service.raw import answer_of, channel_of
from tests.service.scenario import PATIENCE, Scenario, account, open_scenario

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
QUERY = "creditbureau.v1.Reporting/QueryReport"
CHECKPOINT = "creditbureau.v1.Log/GetCheckpoint"
# No hexadecimal digits alone: ids have those, any four of them sooner or later.
ACCOUNT_REF = "card-7731"
UNKNOWN = str(uuid4())
STEPS = ("admit", "verify", "consent", "read", "shape", "commit", "unit of work", "sign")


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with running_collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def ended() -> Iterator[list[EndedCall]]:
    """The lines of the log of calls, of all nodes of this module."""
    calls: list[EndedCall] = []
    add = CallLog.add

    def keep(log: CallLog, call: EndedCall) -> None:
        calls.append(call)
        add(log, call)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CallLog, "add", keep)
        # Spans are sent soon after they end, and none is given up on a busy machine.
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        patch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "120")
        yield calls


@pytest.fixture(scope="module")
def scenario(collector: Collector, ended: list[EndedCall]) -> Iterator[Scenario]:
    del ended
    http = f"127.0.0.1:{free_port()}"
    with open_scenario(
        "acme", traces_to=collector.url, node="node-7", http_listen=http
    ) as scenario:
        yield scenario


@pytest.fixture(scope="module")
def wallet(scenario: Scenario) -> Wallet:
    wallet = scenario.person("acme")
    scenario.submit("acme", account(wallet, ACCOUNT_REF, Month(2026, 9)))
    return wallet


@pytest.fixture
def application(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Iterator[TracerProvider]:
    """The application's own provider, sending to the same collector."""
    provider = TracerProvider(resource=Resource.create({"service.name": "lending"}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(collector.url)))
    # A process sets its provider once; tests beside this one must not find it.
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield provider
    provider.shutdown()


def query(scenario: Scenario, wallet: Wallet, consent_id: str) -> Any:
    return scenario.lenders["acme"].query(
        wallet.subject_id,
        purpose=Purpose.CREDIT_APPLICATION,
        consent_id=consent_id,
        evidence=EvidenceLevel.NONE,
    )


def send(scenario: Scenario, *metadata: tuple[str, str]) -> str:
    """Send a read with metadata; return the request id of the answer."""
    with channel_of(scenario.profiles["acme"]) as channel:
        ask: Any = channel.unary_unary(f"/{CHECKPOINT}")
        reply, call = ask.with_call(
            log_pb2.GetCheckpointRequest().SerializeToString(), timeout=60, metadata=metadata
        )
    assert log_pb2.GetCheckpointResponse.FromString(reply).checkpoint
    return str(dict(call.trailing_metadata())["request-id"])


def test_one_trace_leads_from_the_operation_to_the_steps(
    scenario: Scenario,
    wallet: Wallet,
    collector: Collector,
    application: TracerProvider,
    ended: list[EndedCall],
) -> None:
    consent_id = scenario.inquiring(wallet, "acme")
    before = len(ended)
    with application.get_tracer("lending").start_as_current_span("decide") as span:
        query(scenario, wallet, consent_id)
    call = next(call for call in ended[before:] if call.method == "Reporting/QueryReport")
    served = collector.of_request(call.request_id, QUERY)

    (root,) = collector.named("decide")
    (operation,) = collector.children(root)
    assert operation.name == "reporting.query"
    (attempt,) = [child for child in collector.children(operation) if child.name == QUERY]
    assert collector.tree(attempt) == (
        QUERY,
        [
            (
                QUERY,
                [
                    "admit",
                    "verify",
                    "consent",
                    "read",
                    "shape",
                    ("commit", [("unit of work", ["consent"])]),
                    "sign",
                ],
            )
        ],
    )
    # One trace, which the line of the log names.
    trace_id = f"{span.get_span_context().trace_id:032x}"
    assert {root.trace_id, attempt.trace_id, served.trace_id, call.trace_id} == {trace_id}
    assert (attempt.span.kind, served.span.kind) == (attempt.span.SPAN_KIND_CLIENT, 2)
    assert attempt.attributes == {
        "rpc.system": "grpc",
        "rpc.service": "creditbureau.v1.Reporting",
        "rpc.method": "QueryReport",
        "server.address": "127.0.0.1",
        "server.port": int(scenario.bureau.address.rpartition(":")[2]),
        "creditbureau.request_id": attempt.attributes["creditbureau.request_id"],
        "creditbureau.attempt": 1,
    }
    assert served.attributes == {
        "rpc.system": "grpc",
        "rpc.service": "creditbureau.v1.Reporting",
        "rpc.method": "QueryReport",
        "creditbureau.request_id": call.request_id,
        "creditbureau.member": "acme",
    }
    assert served.resource["service.name"] == "creditbureau"
    assert served.resource["service.instance.id"] == "node-7"
    assert attempt.resource["service.name"] == "lending"


def test_no_span_has_personal_data(
    scenario: Scenario, wallet: Wallet, collector: Collector, application: TracerProvider
) -> None:
    """Neither of requests nor of answers nor of errors, which may name what a request says."""
    del application
    number = "900-12-3456"
    acme = scenario.lenders["acme"]
    subject_id = acme.subject_id("US", "ssn", number)
    with pytest.raises(ConsentRequired):
        query(scenario, wallet, UNKNOWN)
    collector.of_request(send(scenario), CHECKPOINT)
    everything = b"".join(request.SerializeToString() for request in collector.requests)
    assert b"acme" in everything
    for personal in (subject_id, wallet.subject_id, number, "900123456", ACCOUNT_REF):
        assert personal.encode() not in everything
    assert not [span for span in collector.spans if span.span.events]


def test_a_refused_call_has_the_reason_and_is_no_error_of_the_server(
    scenario: Scenario, wallet: Wallet, collector: Collector, ended: list[EndedCall]
) -> None:
    before = len(ended)
    with pytest.raises(ConsentRequired):
        query(scenario, wallet, UNKNOWN)
    call = next(call for call in ended[before:] if call.method == "Reporting/QueryReport")
    served = collector.of_request(call.request_id, QUERY)
    assert served.attributes["error.type"] == "CONSENT_REQUIRED"
    assert not served.is_error


def test_every_attempt_is_a_span(
    scenario: Scenario, collector: Collector, application: TracerProvider
) -> None:
    profile = scenario.profiles["acme"]
    nowhere = f"127.0.0.1:{free_port()}"
    profile = replace(profile, addresses=(nowhere, scenario.bureau.address))
    with (
        Lender(profile, clock=scenario.now, policy=PATIENCE) as lender,
        application.get_tracer("lending").start_as_current_span("fail over"),
    ):
        lender.submissions(limit=1)
    (root,) = collector.named("fail over")
    (operation,) = collector.children(root)
    first, second, *_ = collector.children(operation)
    assert [span.attributes["creditbureau.attempt"] for span in (first, second)] == [1, 2]
    assert (first.attributes["error.type"], first.is_error) == ("UNREACHABLE", True)
    assert "error.type" not in second.attributes
    assert not operation.is_error


def test_a_failed_operation_has_its_reason(
    scenario: Scenario, collector: Collector, application: TracerProvider
) -> None:
    del application
    profile = replace(scenario.profiles["acme"], addresses=(f"127.0.0.1:{free_port()}",))
    policy = RetryPolicy(attempts=2, longest_pause_seconds=0.01)
    with (
        Lender(profile, clock=scenario.now, policy=policy) as lender,
        pytest.raises(BureauError),
    ):
        lender.standard(7)
    (operation,) = collector.named("standards.get_standard")
    assert (operation.attributes["error.type"], operation.is_error) == ("UNREACHABLE", True)
    assert len(collector.children(operation)) == 2


async def _asynchronously(scenario: Scenario, provider: TracerProvider) -> str:
    async with AsyncLender(scenario.profiles["acme"], clock=scenario.now) as lender:
        with provider.get_tracer("lending").start_as_current_span("async") as span:
            await lender.submissions(limit=1)
            return f"{span.get_span_context().trace_id:032x}"


def test_asynchronous_calls_and_many_at_once_join_the_trace_too(
    scenario: Scenario, wallet: Wallet, collector: Collector, application: TracerProvider
) -> None:
    trace_id = asyncio.run(_asynchronously(scenario, application))
    (root,) = collector.named("async")
    (operation,) = collector.children(root)
    assert (operation.name, operation.trace_id) == ("furnishing.list_submissions", trace_id)
    with application.get_tracer("lending").start_as_current_span("many"):
        outcomes = list(scenario.lenders["acme"].consents_many([wallet.subject_id]))
    assert len(outcomes) == 1
    (root,) = collector.named("many")
    assert [child.name for child in collector.children(root)] == ["many.consents"]


@pytest.mark.parametrize(
    "value",
    [
        "no traceparent at all",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"cc-{TRACE}-{PARENT}-01-{'x' * 5000}",
    ],
    ids=["text", "capitals", "zeros", "more", "long"],
)
def test_a_wrong_traceparent_is_ignored(
    scenario: Scenario, collector: Collector, value: str
) -> None:
    request_id = send(scenario, ("traceparent", value))
    served = collector.of_request(request_id, CHECKPOINT)
    assert served.trace_id != TRACE
    assert not served.span.parent_span_id


def test_a_caller_names_its_trace_and_decides_nothing(
    scenario: Scenario, collector: Collector, ended: list[EndedCall]
) -> None:
    """It can neither keep its call out of the operator's traces nor store state in them."""
    request_id = send(
        scenario,
        ("traceparent", f"00-{TRACE}-{PARENT}-00"),
        ("tracestate", "vendor=secret"),
        ("baggage", "user=secret"),
    )
    served = collector.of_request(request_id, CHECKPOINT)
    assert (served.trace_id, served.span.parent_span_id.hex()) == (TRACE, PARENT)
    assert not served.span.trace_state
    assert next(call for call in ended if call.request_id == request_id).trace_id == TRACE
    everything = b"".join(request.SerializeToString() for request in collector.requests)
    assert b"secret" not in everything


def test_a_stranger_in_the_trace_of_a_member_stays_a_stranger(
    scenario: Scenario, collector: Collector
) -> None:
    kit = new_kit(scenario.bureau.settings, "stranger", scenario.clock)
    profile = replace(kit.profile, addresses=(scenario.bureau.address,))
    traceparent = ("traceparent", f"00-{TRACE}-{PARENT}-01")
    with channel_of(profile) as channel:
        ask: Any = channel.unary_unary(f"/{CHECKPOINT}")
        with pytest.raises(grpc.RpcError) as raised:
            ask(b"", timeout=60, metadata=[traceparent])
    answer = answer_of(raised.value)
    assert (answer.code, answer.reason) == ("UNAUTHENTICATED", "UNKNOWN_CERTIFICATE")
    served = collector.of_request(answer.request_id, CHECKPOINT)
    assert served.attributes["error.type"] == "UNKNOWN_CERTIFICATE"
    assert "creditbureau.member" not in served.attributes


def test_a_call_without_traceparent_begins_a_trace_that_its_log_line_names(
    scenario: Scenario, collector: Collector, ended: list[EndedCall]
) -> None:
    request_id = send(scenario)
    served = collector.of_request(request_id, CHECKPOINT)
    assert next(call for call in ended if call.request_id == request_id).trace_id == served.trace_id


@pytest.mark.parametrize("has_provider", [True, False])
def test_an_application_that_records_nothing_leaves_the_nodes_spans(
    scenario: Scenario,
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
    has_provider: bool,
) -> None:
    if has_provider:
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", TracerProvider(sampler=ALWAYS_OFF))
    before = {span.span.span_id for span in collector.spans}
    scenario.lenders["acme"].submissions(limit=1)

    def new() -> list[Collected]:
        spans = collector.named("creditbureau.v1.Furnishing/ListSubmissions")
        return [span for span in spans if span.span.span_id not in before]

    until(new, "the node's span")
    (served,) = new()
    assert bool(served.span.parent_span_id) is has_provider


def test_the_spans_that_wait_are_sent_before_a_node_ends(
    collector: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=of-the-environment")
    with running_bureau(tmp_path, traces_to=collector.url) as bureau:
        assert "tracing" in [part.name for part in bureau.server.parts]
        bureau.add_member("acme")
    added = collector.named("creditbureau.v1.Members/AdmitMember")
    assert [span.resource["service.instance.id"] for span in added][-1:] == ["of-the-environment"]


def test_a_collector_that_hangs_or_is_away_harms_no_call_and_no_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    monkeypatch.setattr(otlp, "LAST_EXPORT_S", 0.1)
    lines: list[dict[str, Any]] = []
    monkeypatch.setattr(otlp.logger, "warning", lambda event, **named: lines.append({event: named}))
    with running_collector() as collector:
        collector.answering.clear()
        with running_bureau(tmp_path, traces_to=collector.url) as bureau:
            acme = bureau.add_member("acme")
            assert collector.reached.wait(60)
            with Lender(acme) as lender:
                assert lender.subject_id("US", "ssn", "900-12-3456")
    away = f"http://127.0.0.1:{free_port()}"
    with running_bureau(tmp_path, traces_to=away) as bureau:
        lines.clear()
        with Lender(replace(acme, addresses=(bureau.address,))) as lender:
            assert lender.subject_id("US", "ssn", "900-12-3457")
        until(lambda: lines, "the log says that spans are not sent")
    assert [list(line) for line in lines] == [["traces_not_sent"]]  # one line a minute


def test_the_queue_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the collector hangs, the oldest spans are dropped, and no thread waits."""
    for name, value in (
        ("MAX_QUEUE_SIZE", 8),
        ("MAX_EXPORT_BATCH_SIZE", 4),
        ("SCHEDULE_DELAY", 10),
    ):
        monkeypatch.setenv(f"OTEL_BSP_{name}", str(value))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "120")
    monkeypatch.setattr(otlp, "LAST_EXPORT_S", 120.0)
    with running_collector() as collector:
        collector.answering.clear()
        sending = OtlpTracing(collector.url, "node-1")
        sending.start()
        sending.start_call("a.B/First", None, "").end()
        assert collector.reached.wait(60)
        for number in range(1000):
            sending.start_call(f"a.B/M{number}", None, "").end()
        collector.answering.set()
        sending.stop()
    names = [span.name for span in collector.spans]
    assert names == ["a.B/First", *(f"a.B/M{number}" for number in range(992, 1000))]


def test_the_steps_of_a_call_are_bounded(collector: Collector) -> None:
    sending = OtlpTracing(collector.url, "node-1")
    sending.start()
    span = sending.start_call("a.B/Stream", RemoteParent(TRACE, PARENT, False), "")
    with tracing.within(span):
        for _ in range(1000):
            with tracing.step("report"):
                pass
    span.end()
    sending.stop()
    assert len(collector.named("report")) == otlp.MAX_STEPS
    assert tracing.current() is None


def test_the_operator_may_sample(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    sending = OtlpTracing(collector.url, "node-1")
    sending.start()
    span = sending.start_call("a.B/Unsampled", None, "")
    span.end()
    sending.stop()
    assert not collector.named("a.B/Unsampled")
    assert len(span.trace_id) == 32


@pytest.mark.parametrize(
    ("sampler", "ratio", "is_recorded"),
    [
        ("parentbased_always_off", "", False),
        ("parentbased_always_on", "", True),
        ("traceidratio", "0.5", None),
        ("parentbased_traceidratio", "0.5", None),
    ],
)
def test_no_caller_decides_what_is_recorded(
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
    sampler: str,
    ratio: str,
    is_recorded: bool | None,
) -> None:
    """Neither by its flag nor by the trace id that it chooses; a step follows its call."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", ratio)
    sending = OtlpTracing(collector.url, "node-1")
    sending.start()
    for number, trace_id in enumerate(("0" * 31 + "1", "f" * 32)):
        for flag in (True, False):
            parent, name = RemoteParent(trace_id, PARENT, flag), f"{sampler}.B/{number}{flag}"
            for _ in range(100):
                span = sending.start_call(name, parent, "")
                with tracing.within(span), tracing.step(f"step of {name}"):
                    pass
                span.end()
    sending.stop()
    for number in range(2):
        for flag in (True, False):
            name = f"{sampler}.B/{number}{flag}"
            recorded = len(collector.named(name))
            assert len(collector.named(f"step of {name}")) == recorded
            if is_recorded is None:
                # Of 100 at a half: chance meets neither bound.
                assert 5 < recorded < 95
            else:
                assert recorded == 100 * is_recorded


def test_a_call_over_http_says_what_it_is(scenario: Scenario, collector: Collector) -> None:
    assert scenario.bureau.server.http
    with client_of(scenario.profiles["acme"], scenario.bureau.server.http.address) as client:
        reply = client.post(f"/{CHECKPOINT}", json={})
    served = collector.of_request(reply.headers["request-id"], CHECKPOINT)
    assert served.attributes["rpc.system"] == "connect_rpc"


def test_a_node_without_the_setting_loads_nothing_of_it(tmp_path: Path) -> None:
    """The SDK neither, although it is installed here."""
    code = (
        "import sys, bureau.cli.serve, bureau.testing, bureau_client, bureau_client.aio\n"
        "from bureau_client import Lender\n"
        "with bureau.testing.running_bureau() as running:\n"
        "    with Lender(running.add_member('acme')) as lender:\n"
        "        lender.subject_id('US', 'ssn', '900-12-3456')\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout == "[]\n"


def test_the_setting_without_the_extra_says_what_to_install(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bureau.otlp", None)
    monkeypatch.delattr("bureau.otlp", raising=False)
    with pytest.raises(TracingNotInstalled, match=r"pip install 'creditbureau\[otel\]'") as raised:
        Server(Settings.load(scenario.bureau.folder, traces_to="http://127.0.0.1:4317"))
    assert exit_codes.exit_of(raised.value) is exit_codes.Exit.INVALID
    assert tracing_of("", "node-1") is None


@pytest.mark.parametrize(
    "url", ["127.0.0.1:4317", "ftp://x", "http://user:pass@x:1", "http://x/path", "http://"]
)
def test_a_wrong_url_is_refused(scenario: Scenario, url: str) -> None:
    with pytest.raises(ValueError, match="traces_to"):
        Settings.load(scenario.bureau.folder, traces_to=url)


def test_the_page_traces_as_it_says(
    scenario: Scenario, collector: Collector, tmp_path: Path
) -> None:
    """In a process of its own: an application sets its provider once and for all."""
    (block,) = blocks(DOCS / "tracing.md", "python")
    scenario.profiles["acme"].save(tmp_path / "acme")
    done = subprocess.run(
        [sys.executable, "-c", block.code],
        env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    (root,) = collector.named("loan application")
    served = {span.name for span in collector.spans if span.trace_id == root.trace_id}
    assert {"directory.subject_ids", "creditbureau.v1.Directory/Evaluate", "admit"} <= served


def test_the_page_names_every_step_and_attribute() -> None:
    text = (DOCS / "tracing.md").read_text("utf-8")
    assert [step for step in STEPS if f"`{step}`" not in text] == []
