"""The HTTP server of one node: its port, its thread, and the bounds of its connections."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
import uvicorn

from bureau import metrics
from bureau.config import Settings
from bureau.listen import ListenError
from bureau.rpc.http.connection import IDLE_S, Connection, Connections
from bureau.rpc.http.entrance import MAX_HEAD_BYTES, HttpEntrance
from bureau.rpc.http.handshakes import HANDSHAKE_S, Handshakes
from bureau.rpc.http.tls import TlsFiles
from bureau.rpc.limits import MemberLimits, SharedAmounts
from bureau.rpc.services import ServedMethod

logger = structlog.get_logger("bureau.http")

# Seconds to wait when the process can accept no connection: it has no file descriptor left.
PAUSE_S = 1.0


class HttpServer:
    """The server of the contract over HTTP and mutual TLS."""

    def __init__(
        self,
        settings: Settings,
        methods: Mapping[str, ServedMethod],
        memory: MemberLimits,
        on_fatal: Callable[[str], None],
        shared: SharedAmounts | None = None,
    ) -> None:
        """Create the server without binding its port.

        Args:
            settings: The node's settings.
            methods: The methods that the node serves, by their path.
            memory: Limits of the bytes of large requests in memory.
            on_fatal: Called with the reason when the server ended by itself.
            shared: Connections under certificates to the node's other workers, which share the
                port; None for a node of one process.
        """
        self._settings = settings
        self._on_fatal = on_fatal
        self._shared = shared
        self._pool = ThreadPoolExecutor(
            settings.calls + settings.streams, thread_name_prefix="http-call"
        )
        self._config = uvicorn.Config(
            HttpEntrance(methods, self._pool, memory),
            http=Connection,
            loop="asyncio",
            ws="none",
            lifespan="off",
            # The caller is who holds the connection, whatever its headers say.
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_config=None,
            log_level="critical",
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
            timeout_keep_alive=int(IDLE_S),
        )
        self._server: _Server | None = None
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """Address at which a bound server listens."""
        assert self._socket is not None, "a server has its address when it is bound"
        host = self._settings.http_listen.rpartition(":")[0]
        return f"{host}:{self._socket.getsockname()[1]}"

    def bind(self) -> None:
        """Bind the port; calls are answered from `start` on.

        Raises:
            ListenError: The address cannot be listened at.
            OSError: The node's TLS key or a certificate cannot be read.
        """
        tls = TlsFiles(self._settings.server_folder)
        host, _, port = self._settings.http_listen.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            # Of a worker: its supervisor has reserved the port (`bureau/workers/port.py`).
            shares_port = self._shared is not None
            self._socket = socket.create_server(
                (host, int(port)), family=family, reuse_port=shares_port
            )
        except (OSError, OverflowError, ValueError) as error:
            cause = getattr(error, "strerror", None) or str(error)
            raise ListenError("http_listen", self._settings.http_listen, cause) from error
        self._socket.setblocking(False)
        self._server = _Server(self._config, tls, self._shared)

    def start(self) -> None:
        """Answer calls until `drain` or `stop`."""
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        self._thread.start()

    def drain(self, grace_s: float) -> None:
        """Take no more calls, and give those at work at most `grace_s` seconds."""
        # uvicorn passes it to asyncio, which takes fractions of seconds.
        self._config.timeout_graceful_shutdown = grace_s  # type: ignore[assignment]
        if self._server is not None:
            self._server.should_exit = True

    def stop(self) -> None:
        """Wait for the calls at work, as long as `drain` gives them."""
        if self._thread is not None:
            self.drain(self._config.timeout_graceful_shutdown or 0)
            self._thread.join()
        self._pool.shutdown(wait=False)

    def close(self) -> None:
        """Release the port."""
        if self._socket is not None:
            self._socket.close()

    def _run(self) -> None:
        assert self._server is not None, "a server is bound before it starts"
        assert self._socket is not None, "a server is bound before it starts"
        try:
            self._server.run([self._socket])
        except Exception:
            logger.exception("http_broken")
        if not self._server.should_exit:
            self._on_fatal("the HTTP server ended")


class _Server(uvicorn.Server):
    """uvicorn's server, but that it accepts connections itself: handshakes bounded in number and in
    time, and each with the node's present certificate.
    """

    def __init__(self, config: uvicorn.Config, tls: TlsFiles, shared: SharedAmounts | None) -> None:
        super().__init__(config)
        self.server_state = self.connections = Connections(shared)
        self._tls = tls
        self._handshakes = Handshakes()
        self._tasks: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start accepting connections."""
        assert sockets is not None, "the port is bound before the server starts"
        await self.lifespan.startup()
        self.servers = []
        self._begin(self._accept(sockets[0]))
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, let requests end, and close what is left."""
        for task in list(self._tasks):
            task.cancel()
        await super().shutdown(sockets)
        for connection in list(self.connections.connections):
            connection.transport.abort()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, address = await loop.sock_accept(listener)
            except OSError as error:
                logger.error("accept_failed", error=str(error))
                await asyncio.sleep(PAUSE_S)
                continue
            metrics.connections_accepted.inc()
            self._handshakes.add(self._begin(self._shake_hands(accepted)), address[0])
            # Let each handshake begin: those of clients that all come at once would be the oldest
            # of their address before they have done anything.
            await asyncio.sleep(0)

    async def _shake_hands(self, accepted: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            # An answer is several writes; none of them waits for the client's acknowledgement.
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.connect_accepted_socket(
                lambda: Connection(self.config, self.connections),
                accepted,
                ssl=self._tls.current(),
                ssl_handshake_timeout=HANDSHAKE_S,
                # Also for the rest of an answer, if the client wants the connection closed.
                ssl_shutdown_timeout=IDLE_S,
            )
        except OSError:  # also of TLS: no certificate, or another authority's
            accepted.close()

    def _begin(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
