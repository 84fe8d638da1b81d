"""Mutual TLS of the HTTP port: the same files and the same authority as on the gRPC port."""

from __future__ import annotations

import ssl
from pathlib import Path

import structlog

from bureau.rpc.tls import NAMES

logger = structlog.get_logger("bureau.tls")


class TlsFiles:
    """The TLS of a node's folder; new connections take up new files."""

    def __init__(self, folder: Path) -> None:
        """Read the files.

        Raises:
            OSError: The node's TLS key or a certificate cannot be read.
        """
        self._folder = folder
        self._context = self._read()

    def current(self) -> ssl.SSLContext:
        """Return the TLS of a new connection, which has it alone: a session of TLS 1.2 is resumed
        from the memory of its context, and every connection shows its certificate instead.
        """
        try:
            self._context = self._read()
        except OSError:
            # Connections share the TLS that was read before; the operator must know.
            logger.exception("tls_reload_failed", folder=str(self._folder))
        return self._context

    def _read(self) -> ssl.SSLContext:
        key, chain, authority = (self._folder / name for name in NAMES)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(chain, key)
        context.load_verify_locations(authority)
        # A handshake without a certificate of the authority fails.
        context.verify_mode = ssl.CERT_REQUIRED
        # Without tickets no connection is resumed by what its client kept.
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
        return context
