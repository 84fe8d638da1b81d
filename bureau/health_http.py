"""The plain HTTP endpoint for whoever looks after a node: `/metrics` for Prometheus,
`/livez` and `/readyz` for service managers and load balancers. It tells nothing of anybody;
listen where they are alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

TEXT = [("Content-Type", "text/plain; charset=utf-8")]


class HealthServer(ThreadingMixIn, WSGIServer):
    """Serves until it is shut down."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Says nothing: probes come every few seconds."""


def serve(address: str, is_ready: Callable[[], bool]) -> HealthServer:
    """Starts serving.

    Raises:
        OSError: The port is taken.
    """
    metrics = make_wsgi_app()

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path not in {"/livez", "/readyz"}:
            return metrics(environ, start)  # type: ignore[no-any-return]
        well = path == "/livez" or is_ready()
        start("200 OK" if well else "503 Service Unavailable", TEXT)
        return [b"ok\n" if well else b"not ready\n"]

    host, _, port = address.rpartition(":")
    server = make_server(host, int(port), answer, server_class=HealthServer, handler_class=_Quiet)
    threading.Thread(target=server.serve_forever, name="vitals", daemon=True).start()
    return server
