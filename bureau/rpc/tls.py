"""Mutual TLS of the gRPC port, and a count of the connections that it accepts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import structlog

from bureau import metrics

logger = structlog.get_logger("bureau.tls")

NAMES = ("tls.key", "tls.pem", "ca.pem")


def tls_credentials(folder: Path) -> grpc.ServerCredentials:
    """Return mutual TLS from a node's folder; new connections take up new files."""
    state: dict[str, float] = {}

    def read() -> grpc.ServerCertificateConfiguration:
        key, chain, authority = ((folder / name).read_bytes() for name in NAMES)
        return grpc.ssl_server_certificate_configuration([(key, chain)], authority)

    def changed() -> Any:  # the stubs do not know that None keeps the present certificate
        # gRPC asks once for each connection, before its handshake.
        metrics.connections_accepted.inc()
        try:
            newest = max((folder / name).stat().st_mtime for name in NAMES)
            if state.get("newest") == newest:
                return None
            configuration = read()
        except OSError:
            # gRPC keeps the certificate that it has; the operator must know.
            logger.exception("tls_reload_failed", folder=str(folder))
            return None
        state["newest"] = newest
        return configuration

    return grpc.dynamic_ssl_server_credentials(read(), changed, require_client_authentication=True)
