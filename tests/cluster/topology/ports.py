"""Ports of 127.0.0.1 that stay free: below those that the system gives to connections.

A server that is down for a while must find its port again, so none may come from the range
in which the kernel chooses.
"""

from __future__ import annotations

import random
import socket

FIRST, LAST = 15_000, 31_999


def free_ports(count: int) -> list[int]:
    """So many different ports that nobody listens on."""
    # Not of the run's seed: runs side by side must not meet.
    chance, ports = random.SystemRandom(), set[int]()
    while len(ports) < count:
        port = chance.randint(FIRST, LAST)
        with socket.socket() as probe:
            # As servers do: a port whose last connection is still closing is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.add(port)
    return sorted(ports)
