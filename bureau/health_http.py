"""The plain HTTP endpoint for the operator's tools: `/metrics` for Prometheus, `/livez`
and `/readyz` for service managers and load balancers. Its answers hold no personal data;
listen where only those tools connect.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import REGISTRY, CollectorRegistry, make_wsgi_app

from bureau.listen import ListenError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

# Seconds without a byte after which a connection ends: probes send at once, and each open
# connection holds a thread.
IDLE_S = 10.0
TEXT = ("Content-Type", "text/plain; charset=utf-8")


class HealthServer:
    """The endpoint of one node."""

    def __init__(
        self,
        address: str,
        is_ready: Callable[[], bool],
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        """Create the endpoint without binding its port.

        Args:
            address: `host:port`; port 0 lets the system choose.
            is_ready: Returns the node's readiness.
            registry: The metrics; this process's own by default.
        """
        self._address = address
        self._is_ready = is_ready
        self._metrics = make_wsgi_app(registry)
        self._server: WSGIServer | None = None
        self._thread: threading.Thread | None = None

    def bind(self) -> None:
        """Bind the port; requests are answered from `start` on.

        Raises:
            ListenError: The address cannot be listened at.
        """
        host, _, port = self._address.rpartition(":")
        try:
            self._server = make_server(
                host, int(port), self._answer, server_class=_Threaded, handler_class=_Quiet
            )
        except (OSError, OverflowError, ValueError) as error:
            cause = getattr(error, "strerror", None) or str(error)
            raise ListenError("metrics_listen", self._address, cause) from error

    def start(self) -> None:
        """Answer requests until `stop`."""
        assert self._server is not None, "a server is bound before it starts"
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="health-http", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Answer no more requests."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()

    def close(self) -> None:
        """Release the port."""
        if self._server is not None:
            self._server.server_close()

    def _answer(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        match environ.get("PATH_INFO", ""):
            case "/metrics":
                return self._metrics(environ, start)  # type: ignore[no-any-return]
            case "/livez":
                return _text(start, "200 OK", b"ok\n")
            case "/readyz" if self._is_ready():
                return _text(start, "200 OK", b"ok\n")
            case "/readyz":
                return _text(start, "503 Service Unavailable", b"not ready\n")
        return _text(start, "404 Not Found", b"not found: use /metrics, /livez or /readyz\n")


def _text(start: StartResponse, status: str, body: bytes) -> Iterable[bytes]:
    start(status, [TEXT])  # a new list: wsgiref adds the length of the body to it
    return [body]


class _Threaded(ThreadingMixIn, WSGIServer):
    """A server with a thread for each request."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    # The base class gives it to the socket, for reads and writes.
    timeout = IDLE_S

    def handle(self) -> None:
        """Answer the request; end the connection of a client that sends or reads nothing."""
        with suppress(TimeoutError, ConnectionError):
            super().handle()

    def log_message(self, *_: object) -> None:
        """Write nothing: probes come every few seconds."""
