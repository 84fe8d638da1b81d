"""A member that calls over gRPC and reads no answers holds neither memory nor streams."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import repeat
from typing import Any

import grpc
import pytest

from bureau import main
from bureau.journeys import monitoring
from bureau.rpc import unread_answers
from bureau.rpc.guard import Guard
from bureau.rpc.limits import MemberLimits
from bureau.rpc.services.log import Log
from bureau.testing import RunningBureau, running_bureau
from bureau_keys.profile import Profile
from creditbureau.v1 import log_pb2, reporting_pb2
from tests.service.postgres import until
from tests.service.raw import Raw, channel_of

CHECKPOINT = "/creditbureau.v1.Log/GetCheckpoint"
ALERTS = "/creditbureau.v1.Reporting/WatchAlerts"
# Three of them are more than the sockets and the windows of HTTP/2 hold.
LARGE = 3_500_000


class Relay:
    """Passes the bytes of one connection on, those of the bureau while it is `open`."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._there = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.open = threading.Event()
        self.open.set()
        self._sockets: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.open.set()
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            here, _ = self._listener.accept()
            there = socket.create_connection(self._there)
            self._sockets += [here, there]
            for source, target, gate in ((here, there, None), (there, here, self.open)):
                threading.Thread(target=_pass, args=(source, target, gate), daemon=True).start()


def _pass(source: socket.socket, target: socket.socket, gate: threading.Event | None) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            if gate is not None:
                gate.wait()
            target.sendall(data)


@pytest.fixture
def open_streams(monkeypatch: pytest.MonkeyPatch) -> list[MemberLimits]:
    """The limits of the open streams of the node that is made next."""
    limits: list[MemberLimits] = []

    def kept(*arguments: Any, **named: Any) -> Guard:
        guard = Guard(*arguments, **named)
        limits.append(guard.stream_limits)
        return guard

    monkeypatch.setattr(main, "Guard", kept)
    return limits


@pytest.fixture
def bureau(
    open_streams: list[MemberLimits], monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunningBureau]:
    """A bureau with large answers, of which a member may leave three unread."""
    del open_streams
    monkeypatch.setattr(main, "MEMBER_UNREAD_BYTES", 3 * LARGE)

    def large(*_arguments: Any) -> log_pb2.GetCheckpointResponse:
        return log_pb2.GetCheckpointResponse(checkpoint="x" * LARGE)

    monkeypatch.setattr(Log, "GetCheckpoint", large)
    with running_bureau() as bureau:
        yield bureau


@contextmanager
def unread(bureau: RunningBureau, profile: Profile) -> Iterator[tuple[grpc.Channel, Relay]]:
    """A channel on which the answers after the first one stay unread."""
    relay = Relay(bureau.address)
    try:
        with channel_of(replace(profile, addresses=(relay.address,))) as channel:
            ask: Any = channel.unary_unary(CHECKPOINT)
            assert len(ask(b"", timeout=60)) > LARGE
            relay.open.clear()
            yield channel, relay
            relay.open.set()
    finally:
        relay.close()


def test_answers_that_are_not_read_are_bounded_and_end(
    bureau: RunningBureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = (bureau.add_member(name, ["auditor"]) for name in ("bad", "good"))
    counted = bureau.server._unread
    until(lambda: not counted._bytes, "what is read does not count")
    with unread(bureau, bad) as (channel, _):
        ask: Any = channel.unary_unary(CHECKPOINT)
        calls = [ask.future(b"", timeout=600) for _ in range(6)]
        until(lambda: counted._bytes["bad"] >= 3 * LARGE, "three are not read")
        assert Raw(bad).send("Log/GetCheckpoint", b"").reason == "OVERLOADED"
        assert Raw(good).send("Log/GetCheckpoint", b"").code == "OK"
        # Their time is over.
        for context in list(counted._until):
            counted._until[context] = 0.0
        until(lambda: not counted._bytes, "the calls have ended")
        assert Raw(bad).send("Log/GetCheckpoint", b"").code == "OK"
    assert grpc.StatusCode.OK not in {call.code() for call in calls}


def test_small_answers_count_too(bureau: RunningBureau, monkeypatch: pytest.MonkeyPatch) -> None:
    small = log_pb2.GetCheckpointResponse(checkpoint="x" * 50_000)
    profile, counted = bureau.add_member("bad", ["auditor"]), bureau.server._unread
    with unread(bureau, profile) as (channel, _):
        monkeypatch.setattr(Log, "GetCheckpoint", lambda *_arguments: small)
        ask: Any = channel.unary_unary(CHECKPOINT)
        calls = [ask.future(b"", timeout=600) for _ in range(300)]
        until(lambda: counted._bytes["bad"] >= 3 * LARGE, "two hundred are not read")
        for context in list(counted._until):
            counted._until[context] = 0.0
        until(lambda: not counted._bytes, "the calls have ended")
    assert any(call.code() is not grpc.StatusCode.OK for call in calls)


def test_a_stream_that_is_not_read_ends(
    open_streams: list[MemberLimits], bureau: RunningBureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread_answers, "READ_S", 1.0)
    message = reporting_pb2.WatchAlertsResponse(cursor=1)
    message.alert.alert_id = "x" * LARGE
    alerts = repeat(message)
    monkeypatch.setattr(monitoring, "watch_alerts", lambda *_arguments: alerts)
    (streams,) = open_streams
    profile = bureau.add_member("bad", ["subscriber", "auditor"], ["account-review"])
    with unread(bureau, profile) as (channel, _):
        watch: Any = channel.unary_stream(ALERTS)
        stream = watch(b"", timeout=600)
        until(lambda: bureau.server._unread._until, "a message is not read")
        until(lambda: not bureau.server._unread._until, "the stream has ended")
        until(lambda: not streams._taken, "its worker is free")
    with pytest.raises(grpc.RpcError):
        for _ in stream:
            pass
