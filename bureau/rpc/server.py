"""The gRPC server of one node: its port, its limits, and the services on it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from bureau.config import Settings
from bureau.listen import ListenError
from bureau.rpc.edge import Edge
from bureau.rpc.guard import Guard, MembersOnlyInterceptor
from bureau.rpc.methods import MAX_REQUEST_BYTES, SERVICES
from bureau.rpc.reflection import add_reflection
from bureau.rpc.services import grpc_handlers, served_methods, servicers_of
from bureau.rpc.tls import tls_credentials

# Limits against floods, stalls and bombs; each measured, see docs/adr/0004.
CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES + 1024),
    ("grpc.max_metadata_size", 8192),
    ("grpc.absolute_max_metadata_size", 16384),
    ("grpc.max_concurrent_streams", 100),
    ("grpc.max_allowed_incoming_connections", 4096),
    ("grpc.server_handshake_timeout_ms", 5000),
    ("grpc.max_connection_idle_ms", 300_000),
    ("grpc.max_connection_age_ms", 600_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),  # clients ping each 10 s
    ("grpc.http2.max_ping_strikes", 2),
    ("grpc.so_reuseport", 0),  # a second server on the port must fail, not share it
)
# Of a worker: its supervisor has reserved the port (`bureau/workers/port.py`), and the system
# spreads connections over the workers.
SHARED_PORT = (*CHANNEL_OPTIONS[:-1], ("grpc.so_reuseport", 1))
# Calls waiting for a worker, for each worker; gRPC refuses calls beyond them.
CALLS_PER_WORKER = 8


class RpcServer:
    """The server of the contract, health and reflection over mutual TLS.

    Attributes:
        methods: The methods of the contract that the node serves, by their path.
    """

    def __init__(
        self,
        settings: Settings,
        guard: Guard,
        edge: Edge | None = None,
        *,
        shares_port: bool = False,
    ) -> None:
        self._settings = settings
        added = edge.services if edge else {}
        # A stream keeps its worker for its whole life, so streams have workers of their own.
        self._pool = ThreadPoolExecutor(
            settings.calls + settings.streams, thread_name_prefix="call"
        )
        self._grpc = grpc.server(
            self._pool,
            interceptors=[*([edge.interceptor] if edge else []), MembersOnlyInterceptor(guard)],
            options=SHARED_PORT if shares_port else CHANNEL_OPTIONS,
            maximum_concurrent_rpcs=settings.calls * CALLS_PER_WORKER + settings.streams,
        )
        self.methods = served_methods(guard, {**servicers_of(settings.services), **added})
        self._grpc.add_generic_rpc_handlers(grpc_handlers(self.methods))
        self._health = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        served = [service for service in SERVICES if service.name in settings.services]
        names = [service.full_name for service in (*served, *added)]
        add_reflection(self._grpc, [*names, health.SERVICE_NAME])
        # `liveness` is SERVING as long as the process is up; the others follow readiness.
        self._readiness = ["", "readiness", *names]
        self.show_ready(ready=False)
        self._health.set("liveness", health_pb2.HealthCheckResponse.SERVING)
        self._bound = self._started = False
        self.port = 0

    def show_ready(self, *, ready: bool) -> None:
        """Set the health of every service that follows readiness."""
        status = health_pb2.HealthCheckResponse
        for name in self._readiness:
            self._health.set(name, status.SERVING if ready else status.NOT_SERVING)

    def bind(self) -> None:
        """Bind the port; no call is accepted before `start`.

        Raises:
            ListenError: The address cannot be listened at.
            OSError: The node's TLS key or a certificate cannot be read.
        """
        credentials = tls_credentials(self._settings.server_folder)
        try:
            self.port = self._grpc.add_secure_port(self._settings.listen, credentials)
        except RuntimeError as error:
            raise ListenError("listen", self._settings.listen, _cause(error)) from error
        self._bound = True

    def unbind(self) -> None:
        """Release the port of a server that was bound and never started."""
        if self._bound and not self._started:
            # gRPC closes a listening socket only when a started server stops.
            self._grpc.start()
            self._grpc.stop(0).wait()

    def start(self) -> None:
        """Accept calls."""
        self._started = True
        self._grpc.start()

    def stop(self, grace_s: float) -> None:
        """Refuse new calls, wait at most `grace_s` for those at work, and close the port."""
        if self._started:
            self._grpc.stop(grace_s).wait()
        self._pool.shutdown(wait=False)


def _cause(error: RuntimeError) -> str:
    """Return gRPC's message without the advice to run again with its debug log."""
    return str(error).partition(";")[0]
