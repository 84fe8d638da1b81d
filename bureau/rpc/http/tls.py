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
        self._newest = self._changed()
        self._context = self._read()

    def current(self) -> ssl.SSLContext:
        """Return the TLS for a new connection."""
        try:
            newest = self._changed()
            if newest != self._newest:
                self._context, self._newest = self._read(), newest
        except OSError:
            # Connections keep the certificate that was read; the operator must know.
            logger.exception("tls_reload_failed", folder=str(self._folder))
        return self._context

    def _changed(self) -> float:
        return max((self._folder / name).stat().st_mtime for name in NAMES)

    def _read(self) -> ssl.SSLContext:
        key, chain, authority = (self._folder / name for name in NAMES)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(chain, key)
        context.load_verify_locations(authority)
        # A handshake without a certificate of the authority fails.
        context.verify_mode = ssl.CERT_REQUIRED
        # Without tickets a connection of TLS 1.3 shows its certificate again. One of TLS 1.2 may be
        # resumed by its session id; the guard judges the certificate at every call all the same.
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
        return context
