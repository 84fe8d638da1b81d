"""Ports on which nothing listens, for the bureaus of tests."""

from __future__ import annotations

import random
import socket

# Below the ports that systems give to outgoing connections: from 32768 on Linux, from 49152
# elsewhere (RFC 6335, section 6).
PORTS = range(15_000, 32_000)


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nothing listens.

    No outgoing connection gets it, so a server that was down finds its port again.
    """
    # Not by a seeded generator: tests that run side by side must not choose alike.
    chance = random.SystemRandom()
    while True:
        port = chance.choice(PORTS)
        with socket.socket() as probe:
            # As servers do: a port whose last connection is still closing is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
