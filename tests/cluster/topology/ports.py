"""Ports for the servers of a run."""

from __future__ import annotations

from bureau.testing import free_port


def free_ports(count: int) -> list[int]:
    """Return different ports that nothing listens on."""
    ports = set[int]()
    while len(ports) < count:
        ports.add(free_port())
    return sorted(ports)
