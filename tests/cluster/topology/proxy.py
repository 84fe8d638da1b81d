"""A TCP proxy on every link, whose condition the nemesis changes while it runs.

One thread carries all links of a topology. What a proxy can do is what networks do: delay, drop,
drop one way only, forget one side of a connection, refuse, throttle, and lose the answer to
a request that has arrived.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from tests.cluster.topology.host import LOOPBACK

T = TypeVar("T")

PIECE = 64 * 1024
# Seconds for which a connection's answers pass before they may be cut: TLS has shaken hands.
SETTLED_S = 0.5


class Direction(StrEnum):
    """The direction of bytes on a link."""

    THERE = "there"  # from who opened the connection
    BACK = "back"


BOTH = frozenset(Direction)
NEITHER: frozenset[Direction] = frozenset()


@dataclass(frozen=True, slots=True)
class Condition:
    """The condition of a link; a new link passes everything.

    Attributes:
        delay_s: Everything arrives so much later, in each direction.
        bytes_per_s: No more passes in each direction; 0: as much as comes.
        held: Directions in which nothing arrives until the link is clear again: packets are
            dropped, and TCP sends them anew. A connection begun meanwhile waits.
        lost: Directions in which what is sent never arrives, though the sender believes so:
            half-open connections, which are reset once the link is clear.
        refused: Connections are reset, and new ones as well.
        cut_answers: An answer of so many bytes or more does not arrive: after the request
            was forwarded the connection is reset instead. 0: answers arrive.
    """

    delay_s: float = 0.0
    bytes_per_s: int = 0
    held: frozenset[Direction] = NEITHER
    lost: frozenset[Direction] = NEITHER
    refused: bool = False
    cut_answers: int = 0


CLEAR = Condition()


@dataclass(eq=False, slots=True)
class _Connection:
    """A connection through a link: both its ends, and whether it lost something."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    begun: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    spoiled: bool = False

    def reset(self) -> None:
        """Breaks it off, so that both ends know."""
        for end in (self.client, self.server):
            if end is not None:
                end.transport.abort()


class Link:
    """A port that leads to another."""

    def __init__(
        self, name: str, port: int, target: int, *, listen: str = LOOPBACK, to: str = LOOPBACK
    ) -> None:
        """Args:
        port: Where it listens.
        target: The port that it leads to.
        listen: The address on which it listens.
        to: The address that it leads to.
        """
        self.name = name
        self.port = port
        self._listen = listen
        self._to = to
        self._target = target
        self.condition = CLEAR
        self.carried = dict.fromkeys(Direction, 0)
        self._connections: set[_Connection] = set()
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        """The address on which it listens."""
        return f"{self._listen}:{self.port}"

    @property
    def connections(self) -> int:
        """The number of open connections."""
        return len(self._connections)

    async def open(self) -> None:
        """Listens."""
        self._server = await asyncio.start_server(self._carry, self._listen, self.port)

    async def become(self, condition: Condition) -> None:
        """Changes its condition, at once."""
        before, self.condition = self.condition, condition
        for connection in list(self._connections):
            # What lost bytes can only break; so does everything where nothing is let in.
            if condition.refused or (before.lost and not condition.lost and connection.spoiled):
                connection.reset()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def close(self) -> None:
        """Listens no more, and resets its connections."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.reset()

    async def _carry(self, from_client: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        connection = _Connection(client)
        self._connections.add(connection)
        try:
            await self._clear(Direction.THERE)
            if self.condition.refused:
                return
            try:
                from_server, server = await asyncio.open_connection(self._to, self._target)
            except OSError:
                return
            connection.server = server
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(from_client, server, Direction.THERE, connection))
                both.create_task(self._pump(from_server, client, Direction.BACK, connection))
        finally:
            connection.reset()
            self._connections.discard(connection)

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        direction: Direction,
        connection: _Connection,
    ) -> None:
        with suppress(OSError):  # a reset, from either end
            while piece := await source.read(PIECE):
                if not await self._pass(piece, sink, direction, connection):
                    return
            await self._clear(direction)
            if direction in self.condition.lost:
                connection.spoiled = True  # the other end does not learn that this one closed
            if not connection.spoiled:
                sink.write_eof()
            return
        connection.reset()

    async def _pass(
        self,
        piece: bytes,
        sink: asyncio.StreamWriter,
        direction: Direction,
        connection: _Connection,
    ) -> bool:
        """Lets a piece through as the condition has it; False where the connection ended."""
        if self.condition.delay_s:
            await asyncio.sleep(self.condition.delay_s)
        if self.condition.bytes_per_s:
            await asyncio.sleep(len(piece) / self.condition.bytes_per_s)
        await self._clear(direction)
        if direction in self.condition.lost:
            connection.spoiled = True
        if connection.spoiled:
            return True
        if direction is Direction.BACK and 0 < self.condition.cut_answers <= len(piece):
            age = asyncio.get_running_loop().time() - connection.begun
            if age > SETTLED_S:
                connection.reset()
                return False
        self.carried[direction] += len(piece)
        sink.write(piece)
        await sink.drain()
        return True

    async def _clear(self, direction: Direction) -> None:
        while direction in self.condition.held:
            await self._changed.wait()


class Proxy:
    """All links of a topology, in a thread of their own."""

    def __init__(self) -> None:
        self.links: dict[str, Link] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()

    def open(
        self, name: str, port: int, target: int, *, listen: str = LOOPBACK, to: str = LOOPBACK
    ) -> Link:
        """A new link from a port to another; see `Link`."""
        link = Link(name, port, target, listen=listen, to=to)
        self._wait(link.open())
        self.links[name] = link
        return link

    def become(self, link: Link, condition: Condition = CLEAR) -> None:
        """Changes a link's condition; it holds when this returns."""
        self._wait(link.become(condition))

    def close(self) -> None:
        """Closes all links and ends the thread."""
        for link in self.links.values():
            self._wait(link.close())
        self._wait(_cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
