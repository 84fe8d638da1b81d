"""The endpoint for probes ends the connections of clients that send nothing."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Iterator

import pytest

from bureau import health_http
from bureau.health_http import HealthServer

BEGUN = b"GET /livez HTTP/1.1\r\nHost: a"


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    monkeypatch.setattr(health_http._Quiet, "timeout", 0.2)
    server = HealthServer("127.0.0.1:0", lambda: True)
    server.bind()
    server.start()
    assert server._server is not None
    yield "127.0.0.1", server._server.server_port
    server.stop()
    server.close()


@pytest.mark.parametrize("sent", [b"", BEGUN])
def test_an_idle_connection_ends(
    address: tuple[str, int], sent: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(address, timeout=60) as connection:
        connection.sendall(sent)
        assert connection.recv(100) == b""
    with urllib.request.urlopen(f"http://{address[0]}:{address[1]}/livez", timeout=60) as answer:
        assert answer.read() == b"ok\n"
    assert capfd.readouterr().err == ""


def test_the_limit_is_in_seconds_that_a_probe_never_takes() -> None:
    assert health_http._Quiet.timeout == health_http.IDLE_S == 10
