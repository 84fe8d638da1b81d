"""The host of a process: the machine's own network, or a network namespace.

With root a node gets a network namespace, joined to the machine by a pair of virtual
interfaces: when its cable is pulled, what happens is the kernel's own doing. Without root
every process lives on the loopback interface, and proxies are all there is.
"""

from __future__ import annotations

import os
import random
import subprocess
from dataclasses import dataclass

from tests.cluster.topology.reaper import Reaper

LOOPBACK = "127.0.0.1"
# A hardware address that no interface has.
NOBODY = "02:00:00:00:00:01"


@dataclass(frozen=True, slots=True)
class Host:
    """A machine, as far as a process knows.

    Attributes:
        address: Where a process on it listens.
        gateway: Where, seen from it, the proxies are.
        prefix: What a command begins with that is to run on it.
    """

    address: str = LOOPBACK
    gateway: str = LOOPBACK
    prefix: tuple[str, ...] = ()


class Namespace:
    """A host with a network of its own."""

    def __init__(self, name: str, subnet: str) -> None:
        self._cable = f"{name}-o"
        self.host = Host(f"{subnet}.2", f"{subnet}.1", ("ip", "netns", "exec", name))
        inside = f"{name}-i"
        _ip("netns", "add", name)
        _ip("link", "add", self._cable, "type", "veth", "peer", "name", inside)
        _ip("link", "set", inside, "netns", name)
        _ip("addr", "add", f"{subnet}.1/30", "dev", self._cable)
        _ip("link", "set", self._cable, "up")
        _ip("-n", name, "addr", "add", f"{subnet}.2/30", "dev", inside)
        _ip("-n", name, "link", "set", inside, "up")
        _ip("-n", name, "link", "set", "lo", "up")
        # Without its cable the machine would send what is for the namespace to its own gateway,
        # where anybody may answer: it goes to an end where nobody does.
        dead, end = f"{name}-d", f"{name}-e"
        _ip("link", "add", dead, "type", "veth", "peer", "name", end)
        _ip("link", "set", end, "netns", name)
        _ip("link", "set", dead, "up")
        _ip("-n", name, "link", "set", end, "up")
        _ip("neigh", "add", f"{subnet}.2", "lladdr", NOBODY, "dev", dead, "nud", "permanent")
        _ip("route", "add", f"{subnet}.0/30", "dev", dead, "metric", "1000")

    def pull(self) -> None:
        """Pulls its cable: packets are gone, both links, and nobody is told."""
        _ip("link", "set", self._cable, "down")

    def plug(self) -> None:
        """Plugs it in again."""
        _ip("link", "set", self._cable, "up")


def new_namespace(reaper: Reaper) -> tuple[Namespace | None, str]:
    """A namespace; or None, and why this machine does not allow one."""
    if os.geteuid() != 0:
        return None, "network namespaces want root"
    # Not of the run's seed: runs side by side must not meet.
    chance = random.SystemRandom()
    name = f"cb{chance.randrange(16**6):06x}"
    reaper.undo("ip", "netns", "delete", name)  # and its cable with it
    try:
        return Namespace(name, f"10.{chance.randint(64, 250)}.{chance.randint(0, 255)}"), ""
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", "") or str(error)
        return None, f"no network namespace: {reason.strip()}"


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
