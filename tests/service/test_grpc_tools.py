"""Generic tools work by reflection; every call has a request id and may carry a trace."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2 as rpb

from bureau.rpc import call_log
from bureau.rpc.call_log import EndedCall
from bureau.rpc.methods import SERVICES
from bureau.rpc.reflection import V1, V1ALPHA
from bureau.testing import RunningBureau, running_bureau
from bureau_client import AsyncAuditor, Auditor, NotFound
from bureau_keys.profile import Profile
from creditbureau.v1 import log_pb2
from tests.service.postgres import until
from tests.service.raw import channel_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CHECKPOINT = "/creditbureau.v1.Log/GetCheckpoint"


@pytest.fixture(scope="module")
def bureau() -> Iterator[RunningBureau]:
    with running_bureau() as bureau:
        yield bureau


@pytest.fixture(scope="module")
def acme(bureau: RunningBureau) -> Profile:
    return bureau.add_member("acme", ["auditor"])


@pytest.fixture
def channel(acme: Profile) -> Iterator[grpc.Channel]:
    with channel_of(acme) as channel:
        yield channel


def buf_curl(profile: Profile, folder: Path, *arguments: str) -> str:
    profile.save(folder)
    files = {"--cacert": "ca.pem", "--cert": "tls.pem", "--key": "tls.key"}
    options = [word for name, file in files.items() for word in (name, str(folder / file))]
    buf = Path(sys.executable).with_name("buf")
    return subprocess.run(
        [buf, "curl", "--protocol", "grpc", *options, *arguments],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_buf_curl_lists_services_and_calls_a_method(acme: Profile, tmp_path: Path) -> None:
    url, folder = f"https://{acme.addresses[0]}", tmp_path / "acme"
    listed = buf_curl(acme, folder, "--list-services", url).split()
    assert {service.full_name for service in SERVICES} <= set(listed)
    assert {V1, V1ALPHA, "grpc.health.v1.Health"} <= set(listed)
    methods = buf_curl(acme, folder, "--list-methods", url).split()
    assert "creditbureau.v1.Log/GetCheckpoint" in methods
    answer = json.loads(buf_curl(acme, folder, url + CHECKPOINT))
    assert answer["checkpoint"].startswith(acme.trust.origin)


@pytest.mark.parametrize("version", [V1, V1ALPHA])
@pytest.mark.parametrize(
    ("symbol", "file"),
    [
        ("creditbureau.v1.Log", "creditbureau/v1/log.proto"),
        ("creditbureau.v1.Log.GetCheckpoint", "creditbureau/v1/log.proto"),
        ("creditbureau.v1.GetCheckpointRequest.tree_size", "creditbureau/v1/log.proto"),
        (V1, "grpc_reflection/v1/reflection.proto"),
        ("creditbureau.v1.Log.NoMethod", None),
        ("creditbureau.v1.NoService", None),
    ],
)
def test_reflection_resolves_symbols(
    channel: grpc.Channel, version: str, symbol: str, file: str | None
) -> None:
    call: Any = channel.stream_stream(
        f"/{version}/ServerReflectionInfo",
        request_serializer=rpb.ServerReflectionRequest.SerializeToString,
        response_deserializer=rpb.ServerReflectionResponse.FromString,
    )
    request = rpb.ServerReflectionRequest(file_containing_symbol=symbol)
    (answer,) = call(iter([request]), timeout=120)
    if file is None:
        assert answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]
    else:
        files = answer.file_descriptor_response.file_descriptor_proto
        assert any(file.encode() in data for data in files)


def trailing(call: Any) -> dict[str, str]:
    return {key: value for key, value in call.trailing_metadata() if key == "request-id"}


def test_every_call_has_a_request_id_and_its_line_the_peer_and_the_trace(
    bureau: RunningBureau, channel: grpc.Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[EndedCall] = []
    monkeypatch.setattr(call_log.CallLog, "add", lambda _self, call: ended.append(call))
    call: Any = channel.unary_unary(CHECKPOINT)
    header = (("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01"),)
    _, accepted = call.with_call(b"", timeout=120, metadata=header)
    until(lambda: len(ended) == 1, "the call has ended")
    assert trailing(accepted) == {"request-id": ended[0].request_id}
    assert ended[0].trace_id == TRACE
    assert ended[0].peer.startswith("ipv4:127.0.0.1:")

    refused: Any = channel.unary_unary("/creditbureau.v1.Log/GetInclusionProof")
    request = log_pb2.GetInclusionProofRequest(leaf_index=10**9).SerializeToString()
    with pytest.raises(grpc.RpcError) as error:
        refused(request, timeout=120, metadata=(("traceparent", "malformed"),))
    until(lambda: len(ended) == 2, "the refused call has ended")
    assert trailing(error.value) == {"request-id": ended[1].request_id}
    assert (ended[1].reason, ended[1].trace_id) == ("BEYOND_LOG", "")


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The request ids of calls that the bureau logged, in order of their ends."""
    request_ids: list[str] = []
    monkeypatch.setattr(
        call_log.CallLog, "add", lambda _self, call: request_ids.append(call.request_id)
    )
    return request_ids


def test_a_client_has_the_request_id_of_its_newest_call_in_each_thread(
    acme: Profile, logged: list[str]
) -> None:
    with Auditor(acme) as auditor, Auditor(acme) as other, ThreadPoolExecutor(1) as thread:
        assert auditor.last_request_id == ""
        auditor.member("acme")
        first = auditor.last_request_id
        until(lambda: logged[-1:] == [first], "the bureau has logged the call")
        with pytest.raises(NotFound) as refused:
            auditor.member("absent")
        second = auditor.last_request_id
        assert refused.value.request_id == second != first
        until(lambda: logged[-1:] == [second], "the bureau has logged the refused call")

        thread.submit(auditor.member, "acme").result()
        third = thread.submit(lambda: auditor.last_request_id).result()
        until(lambda: logged[-1:] == [third], "the bureau has logged the thread's call")
        assert auditor.last_request_id == second
        assert other.last_request_id == ""


def test_an_asynchronous_client_has_the_request_id_of_its_newest_call_in_each_task(
    acme: Profile, logged: list[str]
) -> None:
    async def main() -> set[str]:
        async with AsyncAuditor(acme) as auditor:

            async def task() -> str:
                await auditor.member("acme")
                return auditor.last_request_id

            return {await task(), *await asyncio.gather(task(), task())}

    request_ids = asyncio.run(main())
    assert len(request_ids) == 3
    until(lambda: request_ids <= set(logged), "the bureau has logged the calls")


def test_a_client_logs_each_call_with_its_request_id(
    acme: Profile, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "bureau_client"), Auditor(acme) as auditor:
        auditor.member("acme")
        answered = auditor.last_request_id
        with pytest.raises(NotFound):
            auditor.member("absent")
        assert [record.getMessage() for record in caplog.records][-2:] == [
            f"creditbureau.v1.Members/GetMember OK request_id={answered}",
            f"creditbureau.v1.Members/GetMember NOT_FOUND request_id={auditor.last_request_id}",
        ]
