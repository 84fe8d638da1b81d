"""Count the handshakes of the HTTP port by their address."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack, suppress
from typing import Any

import pytest
import uvicorn

from bureau.rpc.http.handshakes import MAX_OF_ADDRESS, source_of
from bureau.rpc.http.server import _Server


@pytest.mark.parametrize(
    ("host", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("2001:db8:0:1:ffff::2", "2001:db8:0:1::/64"),
        ("2001:db8:0:2::1", "2001:db8:0:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_an_ipv6_network_is_one_source(host: str, source: str) -> None:
    assert source_of(host) == source


def test_each_handshake_begins_before_a_later_one_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that connect at the same moment wait in the queue of the port."""
    count = MAX_OF_ADDRESS + 8
    begun: list[str] = []
    all_begun = asyncio.Event()
    tls: Any = None

    async def shake_hands(_server: _Server, accepted: socket.socket) -> None:
        with accepted:
            begun.append(accepted.getpeername())
            if len(begun) == count:
                all_begun.set()
            await asyncio.sleep(60)

    async def accept(listener: socket.socket) -> None:
        server = _Server(uvicorn.Config("none"), tls, None)
        accepting = asyncio.create_task(server._accept(listener))
        with suppress(TimeoutError):
            await asyncio.wait_for(all_begun.wait(), 20)
        for task in (accepting, *server._tasks):
            task.cancel()

    monkeypatch.setattr(_Server, "_shake_hands", shake_hands)
    with ExitStack() as closing:
        listener = closing.enter_context(socket.create_server(("127.0.0.1", 0), backlog=count))
        for _ in range(count):
            closing.enter_context(socket.create_connection(listener.getsockname()))
        listener.setblocking(False)
        asyncio.run(accept(listener))
    assert len(begun) == count
