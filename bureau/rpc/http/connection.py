"""One HTTP connection: uvicorn's, bounded in time and for each member.

uvicorn bounds heads of requests by bytes and pauses reading beyond 64 KiB; it does not bound how
long a client takes to send a head, or to read an answer.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter

import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from bureau import metrics
from bureau.rpc.http.context import Peer
from bureau.rpc.http.entrance import PEER
from bureau_keys.authority import identity_of
from bureau_keys.errors import MalformedMessage

logger = structlog.get_logger("bureau.http")

# Seconds from the handshake, or from an answer, to the whole head of the next request; the
# answer must have been read by then, too.
IDLE_S = 30.0
# Seconds after which a connection takes no further request, and seconds after which it is
# closed: those of a gRPC connection.
MAX_AGE_S, AGE_GRACE_S = 600.0, 30.0
# Seconds in which a client of a node that stops, or of an old connection, reads the rest of its
# answer and ends TLS. Clients that hold a connection idle notice nothing of its end.
CLOSE_S = 2.0
# Connections of one member on this node; a further one is closed.
MAX_OF_MEMBER = 64


class Connections(ServerState):
    """The open connections of a node, counted for each member.

    Attributes:
        of_member: Number of open connections by member id.
    """

    def __init__(self) -> None:
        super().__init__()
        self.of_member: Counter[str] = Counter()
        self._refused: set[str] = set()

    def add(self, member: str) -> bool:
        """Count a connection of a member; return false beyond the member's limit."""
        self.of_member[member] += 1
        if self.of_member[member] <= MAX_OF_MEMBER:
            return True
        metrics.http_connections_refused.labels("member").inc()
        if member not in self._refused:  # one line, however often it tries
            self._refused.add(member)
            logger.warning("connection_refused", member=member, limit=MAX_OF_MEMBER)
        return False

    def remove(self, member: str) -> None:
        """Count the end of a connection."""
        self.of_member[member] -= 1
        if not self.of_member[member]:
            del self.of_member[member]
            self._refused.discard(member)


class Connection(H11Protocol):
    """The server's end of one connection, after its TLS handshake."""

    def __init__(self, config: Config, connections: Connections) -> None:
        super().__init__(config, connections, {})
        self._counted = connections
        self._member = ""
        self._idle: asyncio.TimerHandle | None = None
        self._ages: list[asyncio.TimerHandle] = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Note whose connection it is, from its certificate, and start its timers."""
        super().connection_made(transport)
        der = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        pem = ssl.DER_cert_to_PEM_cert(der).encode()
        try:
            # The authority writes the member into each certificate. The guard looks up at every
            # call whose it is; here it is counted.
            member = identity_of(pem)
        except MalformedMessage:
            transport.abort()
            return
        host, port = self.client or ("", 0)
        self.app_state = {PEER: Peer(pem, f"{host}:{port}")}
        self._ages = [
            self.loop.call_later(MAX_AGE_S, self.shutdown),
            self.loop.call_later(MAX_AGE_S + AGE_GRACE_S, transport.abort),
        ]
        self._member = member
        if not self._counted.add(member):
            transport.abort()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers."""
        super().connection_lost(exc)
        for timer in (self._idle, *self._ages):
            if timer is not None:
                timer.cancel()
        if self._member:
            self._counted.remove(self._member)

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Start waiting for the next request, unless the connection is to end."""
        super().on_response_complete()
        if self.cycle.keep_alive:
            self._watch()
        else:
            self._end_soon()

    def shutdown(self) -> None:
        """End the connection: now if it has no request, otherwise after the answer."""
        super().shutdown()
        if self.transport.is_closing():
            self._end_soon()

    def _end_soon(self) -> None:
        self._ages.append(self.loop.call_later(CLOSE_S, self.transport.abort))

    def _watch(self) -> None:
        """Bound the time without a request: bytes of its head do not extend it."""
        if self.cycle is not None and not self.cycle.response_complete:
            if self._idle is not None:
                self._idle.cancel()
            self._idle = None
        elif self._idle is None:
            self._idle = self.loop.call_later(IDLE_S, self.transport.abort)
