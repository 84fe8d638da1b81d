"""A client that sends requests and does not read its answers loses its connection."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Iterator
from itertools import repeat

import pytest

from bureau.journeys import monitoring
from bureau.rpc.http import call, connection, reading
from bureau.rpc.http.messages import from_wire
from bureau.testing import RunningBureau
from bureau_keys.profile import Profile
from creditbureau.v1 import reporting_pb2
from tests.service.http_client import STREAM, tls_of
from tests.service.postgres import until
from tests.service.test_http_limits import (
    ALERTS,
    HEAD,
    address_of,
    connections_of,
    serving,
)

REQUEST = f"{HEAD}content-length: 2\r\n\r\n{{}}".encode()
# More than the sockets of both ends hold.
LARGE = 1_000_000


@pytest.fixture
def bureau(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningBureau]:
    """A bureau whose answers are large, over sockets that hold little."""

    def padded(*arguments: object) -> bytes:
        return from_wire(*arguments) + b" " * LARGE  # type: ignore[arg-type]

    monkeypatch.setattr(call, "from_wire", padded)
    with serving() as bureau:
        assert bureau.server.http
        assert bureau.server.http._socket
        # Accepted connections inherit it.
        bureau.server.http._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
        yield bureau


def connect(bureau: RunningBureau, profile: Profile) -> ssl.SSLSocket:
    host, _, port = address_of(bureau).rpartition(":")
    stream = socket.socket()
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    stream.settimeout(60)
    stream.connect((host, int(port)))
    return tls_of(profile).wrap_socket(stream, server_hostname=host)


@pytest.mark.parametrize("requests", [1, 3])
def test_answers_that_are_not_read_end_their_connection(
    bureau: RunningBureau, monkeypatch: pytest.MonkeyPatch, requests: int
) -> None:
    monkeypatch.setattr(reading, "READ_S", 0.5)
    # The time to the next request has no part in it.
    monkeypatch.setattr(connection, "IDLE_S", 3600.0)
    with connect(bureau, bureau.add_member("bad", ["auditor"])) as stream:
        stream.send(REQUEST * requests)
        until(lambda: connections_of(bureau), "the connection is open")
        until(lambda: not connections_of(bureau), "the connection is closed")


def test_reading_a_little_gives_no_further_time(
    bureau: RunningBureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "READ_S", 1.0)
    monkeypatch.setattr(connection, "IDLE_S", 3600.0)
    with connect(bureau, bureau.add_member("bad", ["auditor"])) as stream:
        stream.send(REQUEST * 2)
        until(lambda: connections_of(bureau), "the connection is open")
        received, begin = 0, time.monotonic()
        while connections_of(bureau) and received < LARGE:
            received += len(stream.recv(1000))
            time.sleep(0.01)
        assert received < LARGE, time.monotonic() - begin


def test_a_stream_that_is_not_read_ends_its_connection(
    bureau: RunningBureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "READ_S", 0.5)
    alerts = repeat(reporting_pb2.WatchAlertsResponse(cursor=1))
    monkeypatch.setattr(monitoring, "watch_alerts", lambda *_arguments: alerts)
    profile = bureau.add_member("acme", ["subscriber"], ["account-review"])
    body = struct.pack(">BI", 0, 2) + b"{}"
    headers = {**STREAM, "connect-timeout-ms": "600000", "content-length": str(len(body))}
    lines = [f"POST {ALERTS} HTTP/1.1", "host: bureau"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with connect(bureau, profile) as stream:
        stream.send("\r\n".join([*lines, "", ""]).encode() + body)
        until(lambda: connections_of(bureau), "the connection is open")
        until(lambda: not connections_of(bureau), "the connection is closed")


def test_large_answers_that_are_read_arrive_whole(
    bureau: RunningBureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "IDLE_S", 1.0)
    with connect(bureau, bureau.add_member("acme", ["auditor"])) as stream:
        stream.send(REQUEST * 2)
        received = b""
        while data := stream.recv(65536):  # it ends, without a further request
            received += data
    heads = [b"HTTP/1.1 200 OK" in part for part in received.split(b"\r\n")]
    assert heads.count(True) == 2
    assert received.count(b" ") >= 2 * LARGE
