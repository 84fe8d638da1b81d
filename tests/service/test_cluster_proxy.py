"""The harness' proxy, on real sockets: each condition does what it says, and ends."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from bureau.testing import free_port
from tests.cluster.topology import proxy as proxy_module
from tests.cluster.topology.ports import free_ports
from tests.cluster.topology.proxy import BOTH, Condition, Direction, Link, Proxy

PATIENCE_S = 120.0
# As long as something is expected not to arrive.
SHORT_S = 0.3


class Echo:
    """Sends back what it gets, and remembers it."""

    def __init__(self) -> None:
        self.got = bytearray()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with closing(connection):
            try:
                while data := connection.recv(4096):
                    self.got += data
                    connection.sendall(data)
            except OSError:
                return

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    proxy = Proxy()
    yield proxy
    proxy.close()


@pytest.fixture
def link(proxy: Proxy, echo: Echo) -> Link:
    return proxy.open("test", free_port(), echo.port)


def connect(link: Link) -> socket.socket:
    return socket.create_connection(("127.0.0.1", link.port), timeout=PATIENCE_S)


def says_nothing(client: socket.socket) -> None:
    client.settimeout(SHORT_S)
    with pytest.raises(TimeoutError):
        client.recv(100)
    client.settimeout(PATIENCE_S)


def ends(client: socket.socket) -> None:
    try:
        assert client.recv(100) == b""
    except ConnectionError:
        return


def until(ready: object) -> None:
    assert callable(ready)
    end = time.monotonic() + PATIENCE_S
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_everything_passes(link: Link) -> None:
    with closing(connect(link)) as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b""


def test_what_was_dropped_arrives_later_as_tcp_has_it(proxy: Proxy, link: Link, echo: Echo) -> None:
    with closing(connect(link)) as client:
        client.sendall(b"1")
        assert client.recv(100) == b"1"
        proxy.become(link, Condition(held=BOTH))
        client.sendall(b"2")
        says_nothing(client)
        assert echo.got == b"1"
        with closing(connect(link)) as late:
            late.sendall(b"3")
            says_nothing(late)
            proxy.become(link)
            assert client.recv(100) == b"2"
            assert late.recv(100) == b"3"


def test_one_way_may_be_dropped_alone(proxy: Proxy, link: Link, echo: Echo) -> None:
    proxy.become(link, Condition(held=frozenset({Direction.BACK})))
    with closing(connect(link)) as client:
        client.sendall(b"1")
        until(lambda: echo.got == b"1")
        says_nothing(client)
        proxy.become(link)
        assert client.recv(100) == b"1"


def test_a_half_open_connection_is_reset_when_the_way_clears(proxy: Proxy, link: Link) -> None:
    with closing(connect(link)) as client:
        client.sendall(b"1")
        assert client.recv(100) == b"1"
        proxy.become(link, Condition(lost=BOTH))
        client.sendall(b"2")
        says_nothing(client)
        proxy.become(link)
        ends(client)
    with closing(connect(link)) as client:
        client.sendall(b"3")
        assert client.recv(100) == b"3"


def test_refused(proxy: Proxy, link: Link) -> None:
    with closing(connect(link)) as client:
        client.sendall(b"1")
        assert client.recv(100) == b"1"
        proxy.become(link, Condition(refused=True))
        ends(client)
    with closing(connect(link)) as client:
        ends(client)
    proxy.become(link)
    with closing(connect(link)) as client:
        client.sendall(b"2")
        assert client.recv(100) == b"2"


def test_an_answer_is_lost_after_its_request_arrived(
    proxy: Proxy, link: Link, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy_module, "SETTLED_S", 3600.0)
    proxy.become(link, Condition(cut_answers=3))
    with closing(connect(link)) as client:
        client.sendall(b"handshake")  # a fresh connection's answers pass
        assert client.recv(100) == b"handshake"
        monkeypatch.setattr(proxy_module, "SETTLED_S", 0.0)
        client.sendall(b"12")
        assert client.recv(100) == b"12"  # too short for an answer
        client.sendall(b"request")
        ends(client)
    assert echo.got.endswith(b"request")


def test_delay_and_throttle_only_take_time(proxy: Proxy, link: Link) -> None:
    proxy.become(link, Condition(delay_s=SHORT_S, bytes_per_s=1_000_000))
    with closing(connect(link)) as client:
        begun = time.monotonic()
        client.sendall(b"1")
        assert client.recv(100) == b"1"
        assert time.monotonic() - begun >= 2 * SHORT_S  # there and back; a floor, not a measure


def test_a_server_that_is_gone_refuses(proxy: Proxy) -> None:
    port, nobody = free_ports(2)
    link = proxy.open("nowhere", port, nobody)
    with closing(connect(link)) as client:
        ends(client)
    until(lambda: link.connections == 0)
