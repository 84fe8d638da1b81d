"""The baseline of every call: a bare gRPC server that answers with fixed bytes.

It has the bureau's TLS, thread pool and gRPC options, and does nothing.
`python -m tests.bench.echo FOLDER ADDRESS`: FOLDER is the bureau's. Requests name
the answer: the method `/echo/<name>` sends the file `<FOLDER>/echo/<name>`.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

from bureau.rpc.server import CHANNEL_OPTIONS
from bureau.rpc.tls import tls_credentials

SERVICE = "echo"
# Threads of the echo and of the bureau: a member has three quarters of them, so 48 callers.
THREADS = 64


class Echo(grpc.GenericRpcHandler):
    """Answers each method of the service with its file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {}

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[bytes, bytes]:
        method = handler_call_details.method
        if method not in self._handlers:
            answer = (self._folder / method.lstrip("/")).read_bytes()
            self._handlers[method] = grpc.unary_unary_rpc_method_handler(lambda _, __: answer)
        return self._handlers[method]


def main(folder: Path, address: str) -> None:
    server = grpc.server(ThreadPoolExecutor(THREADS), options=CHANNEL_OPTIONS)
    server.add_generic_rpc_handlers([Echo(folder)])
    server.add_secure_port(address, tls_credentials(folder / "server"))
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
