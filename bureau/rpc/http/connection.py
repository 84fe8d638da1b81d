"""One HTTP connection: uvicorn's, bounded in time and for each certificate.

uvicorn bounds heads of requests by bytes and pauses reading beyond 64 KiB; it does not bound how
long a client takes to send a head. `reading.py` bounds how long it takes to read an answer.
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
from bureau.rpc.guard import fingerprint_of
from bureau.rpc.http.context import Peer
from bureau.rpc.http.entrance import PEER
from bureau.rpc.http.reading import PIECE_BYTES
from bureau.rpc.limits import SharedAmounts
from bureau_keys.authority import identity_of
from bureau_keys.errors import MalformedMessage

logger = structlog.get_logger("bureau.http")

# Seconds from the handshake, or from an answer, to the whole head of the next request.
IDLE_S = 30.0
# Seconds after which a connection takes no further request, and seconds after which it is
# closed: those of a gRPC connection.
MAX_AGE_S, AGE_GRACE_S = 600.0, 30.0
# Seconds in which a client of a node that stops, or of an old connection, reads the rest of its
# answer and ends TLS. Clients that hold a connection idle notice nothing of its end.
CLOSE_S = 2.0
# Connections to this process. A further one closes the one that has waited the longest for a
# request, and is closed itself if all have one at work.
MAX_CONNECTIONS = 512
# Connections under one certificate on this node; a further one is closed.
MAX_OF_CERTIFICATE = 64


class Connections(ServerState):
    """The open connections of a process, counted for each certificate: one that was withdrawn takes
    no connection from the one that replaced it.

    Attributes:
        of_certificate: Number of open connections by the certificate's fingerprint.
    """

    def __init__(self, shared: SharedAmounts | None = None) -> None:
        """Count no connection yet.

        Args:
            shared: Connections to the node's other workers; None for a node of one process.
        """
        super().__init__()
        self.of_certificate: Counter[str] = Counter()
        self._shared = shared
        self._refused: set[str] = set()

    def add(self, connection: Connection) -> bool:
        """Count a connection; return false beyond the limit of its certificate, or of all."""
        certificate = connection.certificate
        self.of_certificate[certificate] += 1
        if self._on_node(certificate) > MAX_OF_CERTIFICATE:
            metrics.http_connections_refused.labels("certificate").inc()
            if certificate not in self._refused:  # one line, however often it tries
                self._refused.add(certificate)
                logger.warning(
                    "connection_refused",
                    member=connection.member,
                    certificate=certificate,
                    limit=MAX_OF_CERTIFICATE,
                )
            return False
        return self._make_space()

    def remove(self, connection: Connection) -> None:
        """Count the end of a connection."""
        certificate = connection.certificate
        self.of_certificate[certificate] -= 1
        self._on_node(certificate)
        if not self.of_certificate[certificate]:
            del self.of_certificate[certificate]
            self._refused.discard(certificate)

    def _make_space(self) -> bool:
        """Return true if the newest connection, which is not waiting yet, may stay; close the one
        that has waited the longest if there are too many.
        """
        open_ones = [one for one in self.connections if not one.transport.is_closing()]
        if len(open_ones) <= MAX_CONNECTIONS:
            return True
        metrics.http_connections_refused.labels("node").inc()
        waiting = [one for one in open_ones if isinstance(one, Connection) and one.idle_until]
        if not waiting:
            return False
        min(waiting, key=lambda one: one.idle_until).transport.abort()
        return True

    def _on_node(self, certificate: str) -> int:
        """Show a certificate's connections to the other workers, and return those to all."""
        count = self.of_certificate[certificate]
        if self._shared is None:
            return count
        self._shared.publish(certificate, count)
        return count + self._shared.others(certificate)


class Connection(H11Protocol):
    """The server's end of one connection, after its TLS handshake.

    Attributes:
        certificate: Fingerprint of the client's certificate; empty before it is read.
        member: Member for whom the authority issued the certificate.
    """

    def __init__(self, config: Config, connections: Connections) -> None:
        super().__init__(config, connections, {})
        self._counted = connections
        self.certificate = self.member = ""
        self._idle: asyncio.TimerHandle | None = None
        self._ages: list[asyncio.TimerHandle] = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Note whose connection it is, from its certificate, and start its timers."""
        super().connection_made(transport)
        der = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        pem = ssl.DER_cert_to_PEM_cert(der).encode()
        try:
            # The authority writes the member into each certificate. The guard looks up at every
            # call whose it is; here it is for the log.
            self.member = identity_of(pem)
        except MalformedMessage:
            transport.abort()
            return
        host, port = self.client or ("", 0)
        self.app_state = {PEER: Peer(pem, f"{host}:{port}", self.shutdown, transport.abort)}
        transport.set_write_buffer_limits(PIECE_BYTES)
        self._ages = [
            self.loop.call_later(MAX_AGE_S, self.shutdown),
            self.loop.call_later(MAX_AGE_S + AGE_GRACE_S, transport.abort),
        ]
        self.certificate = fingerprint_of(pem)
        if not self._counted.add(self):
            transport.abort()
        self._watch()

    @property
    def idle_until(self) -> float:
        """Time of the event loop at which it is closed for want of a request; 0 if it has one."""
        return 0.0 if self._idle is None else self._idle.when()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers."""
        super().connection_lost(exc)
        for timer in (self._idle, *self._ages):
            if timer is not None:
                timer.cancel()
        if self.certificate:
            self._counted.remove(self)

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
