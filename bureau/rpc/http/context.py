"""The context of a call over HTTP: what handlers read of a call and set on it, by gRPC's names."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

import grpc
from google.rpc.status_pb2 import Status

# Trailing metadata in which `grpc_status` carries the status with its details.
DETAILS_KEY = "grpc-status-details-bin"
Metadata = Sequence[tuple[str, str | bytes]]


class Peer(NamedTuple):
    """The other end of a connection.

    Attributes:
        certificate: Its certificate in PEM, as the TLS handshake verified it.
        address: Its address and port.
        shutdown: Ends the connection after the answer at work; for the event loop's thread.
        abort: Closes the connection at once; for the event loop's thread.
    """

    certificate: bytes
    address: str
    shutdown: Callable[[], None]
    abort: Callable[[], None]


class CallAborted(Exception):
    """A handler ended its call with a status."""


class CallCancelled(grpc.RpcError):
    """A call ended before its handler: the caller is gone, or sent its request too slowly."""


class HttpContext(grpc.ServicerContext):
    """The context of one call.

    Attributes:
        rpc_system: OpenTelemetry's name for the protocol of the call.
    """

    rpc_system = "connect_rpc"

    def __init__(self, peer: Peer, metadata: Metadata, timeout_s: float | None) -> None:
        """Create the context of a call that begins now.

        Args:
            peer: The caller's end, from the connection; no header has a say in it.
            metadata: The headers of the request.
            timeout_s: The caller's deadline; None for none.
        """
        self._peer = peer
        self._metadata = metadata
        self._end = None if timeout_s is None else time.monotonic() + timeout_s
        self._active = True
        self._callbacks: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._code, self._details = grpc.StatusCode.UNKNOWN, ""
        self._trailing: Metadata = ()

    @property
    def status(self) -> Status:
        """The status with which the handler ended the call."""
        for name, value in self._trailing:
            if name == DETAILS_KEY and isinstance(value, bytes):
                return Status.FromString(value)
        return Status(code=self._code.value[0], message=self._details)

    def trailing_metadata(self) -> Any:
        """Return the metadata that the handler set."""
        return self._trailing

    # The connection.

    def peer(self) -> str:
        """Return the caller's address."""
        return f"https:{self._peer.address}"

    def auth_context(self) -> Mapping[str, Any]:
        """Return the caller's certificate, as gRPC names it."""
        return {"x509_pem_cert": [self._peer.certificate]}

    def peer_identities(self) -> None:
        """Return none: the guard reads the certificate."""

    def peer_identity_key(self) -> None:
        """Return none: the guard reads the certificate."""

    def invocation_metadata(self) -> Any:
        """Return the headers of the request."""
        return self._metadata

    def end_connection(self) -> None:
        """End the connection after the answer; for the event loop's thread."""
        self._peer.shutdown()

    # The life of the call.

    def is_active(self) -> bool:
        """Return true until the call is cancelled."""
        return self._active

    def time_remaining(self) -> Any:
        """Return the seconds to the caller's deadline; None without one."""
        return None if self._end is None else self._end - time.monotonic()

    def cancel(self) -> bool:
        """End the call; its handler notices."""
        with self._lock:
            callbacks, self._callbacks = self._callbacks, []
            was_active, self._active = self._active, False
        for callback in callbacks:
            callback()
        return was_active

    def add_callback(self, callback: Callable[[], None]) -> bool:
        """Call back when the call is cancelled; return false if it has been."""
        with self._lock:
            if self._active:
                self._callbacks.append(callback)
            return self._active

    # The answer.

    def send_initial_metadata(self, initial_metadata: Any) -> None:
        """Add metadata to that which is sent."""
        self._trailing = (*self._trailing, *initial_metadata)

    def set_trailing_metadata(self, trailing_metadata: Any) -> None:
        """Replace the metadata that is sent."""
        self._trailing = tuple(trailing_metadata)

    def set_code(self, code: grpc.StatusCode) -> None:
        """Set the code of the status."""
        self._code = code

    def set_details(self, details: str) -> None:
        """Set the message of the status."""
        self._details = details

    def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        """End the call with a status."""
        self._code, self._details = code, details
        raise CallAborted

    def abort_with_status(self, status: Any) -> NoReturn:
        """End the call with a status and its metadata."""
        self.set_trailing_metadata(status.trailing_metadata or ())
        self.abort(status.code, status.details)
