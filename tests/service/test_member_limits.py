"""A member that opens calls and sends nothing keeps nobody else out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2

from bureau import main
from bureau.admin.operator import Operator
from bureau.rpc import guard
from bureau.testing import running_bureau
from bureau_keys.profile import Profile
from tests.service.raw import Raw, channel_of

METHODS = (
    "/creditbureau.v1.Log/GetCheckpoint",
    "/creditbureau.v1.Subjects/ListNotices",
    "/grpc.health.v1.Health/Check",
)


class Staller:
    """Opens calls whose request never comes."""

    def __init__(self, profile: Profile) -> None:
        self.channel = channel_of(profile)
        self._end = threading.Event()
        self.calls: list[Any] = []

    def stall(self, method: str, count: int) -> None:
        def never() -> Iterator[bytes]:
            self._end.wait()
            yield from ()

        call: Any = self.channel.stream_unary(method)
        self.calls += [call.future(never()) for _ in range(count)]

    def close(self) -> None:
        self._end.set()
        self.channel.close()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("suspended", [False, True])
def test_stalled_calls_keep_nobody_out(
    method: str, suspended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "READ_TIMEOUT_S", 2.0)
    with running_bureau(calls=8) as bureau:
        good = Raw(bureau.add_member("good", ["auditor"]))
        bad = bureau.add_member("bad", ["auditor"])
        if suspended:
            with Operator(bureau.operator) as operator:
                operator.set_state("bad", 2)
        staller = Staller(bad)
        try:
            staller.stall(method, 40)
            for _ in range(5):
                assert good.send("Log/GetCheckpoint", b"").code == "OK"
            # Each of them ends by itself.
            codes = {call.code() for call in staller.calls}
        finally:
            staller.close()
        assert grpc.StatusCode.OK not in codes
        assert grpc.StatusCode.UNKNOWN not in codes


def test_stalled_calls_do_not_hold_up_a_stop() -> None:
    with running_bureau() as bureau:
        staller = Staller(bureau.add_member("bad", ["auditor"]))
        good = Raw(bureau.add_member("good", ["auditor"]))
        try:
            for method in METHODS:
                staller.stall(method, 5)
            assert good.send("Log/GetCheckpoint", b"").code == "OK"  # they are at work by now
            bureau.server.stop(grace_s=3600)  # it would take as long as that
            codes = {call.code() for call in staller.calls}
        finally:
            staller.close()
        assert grpc.StatusCode.CANCELLED in codes
        assert not codes & {grpc.StatusCode.OK, grpc.StatusCode.UNKNOWN}


def test_calls_without_an_end_are_not_served() -> None:
    with running_bureau() as bureau:
        member = bureau.add_member("acme", ["auditor"])
        with channel_of(member) as channel:
            watch: Any = channel.unary_stream("/grpc.health.v1.Health/Watch")
            request = health_pb2.HealthCheckRequest().SerializeToString()
            with pytest.raises(grpc.RpcError) as caught:
                next(watch(request, timeout=60))
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_large_requests_of_a_member_leave_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that are at work are counted, and given back."""
    monkeypatch.setattr(main, "MEMBER_REQUEST_BYTES", 600_000)
    monkeypatch.setattr(main, "REQUEST_BYTES", 1_000_000)
    large = b"\0" * 400_000
    offline_bureau, end = threading.Event(), threading.Event()
    parse = guard.parse

    def parsed(*given: Any) -> Any:
        if not offline_bureau.is_set():
            offline_bureau.set()
            end.wait()
        return parse(*given)

    with running_bureau() as bureau:
        acme, brook = (Raw(bureau.add_member(name, ["furnisher"])) for name in ("acme", "brook"))
        monkeypatch.setattr(guard, "parse", parsed)
        first = threading.Thread(target=acme.send, args=("Furnishing/SubmitRecords", large))
        first.start()
        offline_bureau.wait()
        second = acme.send("Furnishing/SubmitRecords", large)
        other = brook.send("Furnishing/SubmitRecords", large)
        small = acme.send("Log/GetCheckpoint", b"")
        end.set()
        first.join()
        again = acme.send("Furnishing/SubmitRecords", large)
    answers = [second.reason, other.reason, small.code, again.reason]
    assert answers == ["OVERLOADED", "MALFORMED_MESSAGE", "OK", "MALFORMED_MESSAGE"]
