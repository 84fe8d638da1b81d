"""The TLS handshakes under way, which have limits of their own.

A connection counts among those of members once its handshake is complete, so that strangers, who
complete none, take no connection of theirs. At a limit the oldest handshake ends, not the newest: a
client that means to complete its handshake does so within a second.
"""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address, ip_address, ip_network

from bureau import metrics

# Seconds for one handshake.
HANDSHAKE_S = 10.0
# Handshakes under way in this process; of one address, of which strangers have few. At each of them
# the oldest one ends.
MAX_HANDSHAKES = 256
MAX_OF_ADDRESS = 32
# Bits of an IPv6 address that a network has: who has one has all addresses in it.
IPV6_NETWORK = 64


class Handshakes:
    """The handshakes under way in this process, the oldest one first."""

    def __init__(self) -> None:
        self._sources: dict[asyncio.Task[None], str] = {}

    def add(self, handshake: asyncio.Task[None], host: str) -> None:
        """Count a handshake until it ends; end the oldest one beyond a limit.

        Args:
            handshake: The task that makes it.
            host: Address of the other end.
        """
        source = source_of(host)
        same = [task for task, other in self._sources.items() if other == source]
        if len(same) >= MAX_OF_ADDRESS:
            self._end(same[0])
        elif len(self._sources) >= MAX_HANDSHAKES:
            self._end(next(iter(self._sources)))
        self._sources[handshake] = source
        handshake.add_done_callback(lambda done: self._sources.pop(done, None))

    def _end(self, handshake: asyncio.Task[None]) -> None:
        metrics.http_connections_refused.labels("handshakes").inc()
        del self._sources[handshake]
        handshake.cancel()


def source_of(host: str) -> str:
    """Return what limits count as one address: an IPv4 address, or the network of an IPv6 one."""
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((int(address), IPV6_NETWORK), strict=False))
