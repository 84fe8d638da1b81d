"""The reservation of a port for the workers of one node.

The supervisor binds the port and never listens. It binds alone, so that a port at which any
program listens is an error, and lets its workers bind the same port afterwards.
"""

from __future__ import annotations

import socket

from bureau.listen import ListenError

HIGHEST_PORT = 65_535


def reserve(setting: str, address: str) -> tuple[socket.socket, str]:
    """Reserve a port; return the socket that holds it, and the address with the port's number.

    Args:
        setting: Name of the setting, for the error.
        address: `host:port`; port 0 lets the system choose.

    Raises:
        ListenError: The address cannot be listened at.
    """
    host, _, port = address.rpartition(":")
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(
            host.strip("[]") or None,
            _number_of(port),
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )[0]
        reserved = socket.socket(family, kind, protocol)
    except (OSError, OverflowError, ValueError) as error:
        raise _not_listening(setting, address, error) from error
    try:
        # Connections of an earlier process may still be closing; that must not hold up a start.
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(target)
        # From here on sockets that share the port may bind it, and no others.
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except (OSError, OverflowError) as error:
        reserved.close()
        raise _not_listening(setting, address, error) from error
    return reserved, f"{host}:{reserved.getsockname()[1]}"


def _number_of(port: str) -> int:
    # The system would take a larger number modulo 65,536.
    if not 0 <= int(port) <= HIGHEST_PORT:
        raise ValueError(f"the port {port} is above {HIGHEST_PORT}")
    return int(port)


def _not_listening(setting: str, address: str, error: Exception) -> ListenError:
    return ListenError(setting, address, getattr(error, "strerror", None) or str(error))
