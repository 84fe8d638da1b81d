"""The database restarts, crashes, changes places, loses its standby, fills its disk."""

from __future__ import annotations

from dataclasses import dataclass
from signal import SIGINT, SIGKILL, SIGQUIT, Signals
from typing import ClassVar

from tests.cluster.faults.fault import DATABASE, Fault
from tests.cluster.topology.proxy import BOTH, Condition, Link
from tests.cluster.topology.topology import Topology


class DatabaseFault(Fault):
    """Whatever befalls the database befalls all of it."""

    @property
    def takes(self) -> frozenset[str]:
        """Both servers."""
        return frozenset({DATABASE})


@dataclass(frozen=True)
class RestartDatabase(DatabaseFault):
    """The primary is stopped in good order, and started again."""

    how: ClassVar[Signals] = SIGINT

    def inject(self, topology: Topology) -> None:
        """Stops it."""
        topology.pair.primary.stop(self.how)

    def heal(self, topology: Topology) -> None:
        """Starts it, and waits for its standby."""
        topology.pair.start_primary()
        topology.pair.await_together()


@dataclass(frozen=True)
class CrashDatabase(RestartDatabase):
    """The primary ends without a checkpoint, as in a crash, and recovers."""

    how: ClassVar[Signals] = SIGQUIT


@dataclass(frozen=True)
class KillPrimary(DatabaseFault):
    """The primary is killed for good; the standby is promoted, and gets a new standby."""

    length_s: ClassVar[tuple[float, float]] = (1.0, 3.0)

    def inject(self, topology: Topology) -> None:
        """SIGKILL."""
        topology.pair.primary.stop(SIGKILL)

    def heal(self, topology: Topology) -> None:
        """Fences what was the primary, promotes, and makes a standby anew."""
        topology.pair.fail_over()
        topology.pair.join()


@dataclass(frozen=True)
class IsolatePrimary(DatabaseFault):
    """The primary is cut off yet lives while its standby is promoted: two believe they write."""

    def inject(self, topology: Topology) -> None:
        """Nobody reaches it; then the standby takes over, and it does not know."""
        pair = topology.pair
        for link in links_to(topology, pair.primary.name):
            topology.proxy.become(link, Condition(held=BOTH))
        pair.standby.promote()

    def heal(self, topology: Topology) -> None:
        """Fences it, lets the network be whole, and makes a standby anew."""
        pair = topology.pair
        isolated = pair.primary
        pair.fail_over()
        for link in links_to(topology, isolated.name):
            topology.proxy.become(link)
        pair.join()


@dataclass(frozen=True)
class KillStandby(DatabaseFault):
    """The standby dies: nothing may be acknowledged until it is back."""

    length_s: ClassVar[tuple[float, float]] = (5.0, 9.0)

    def inject(self, topology: Topology) -> None:
        """SIGKILL."""
        topology.pair.standby.stop(SIGKILL)

    def heal(self, topology: Topology) -> None:
        """Starts it on its own files; it catches up."""
        topology.pair.start_standby()
        topology.pair.await_together()


@dataclass(frozen=True)
class CutStandby(DatabaseFault):
    """The network between primary and standby drops everything."""

    length_s: ClassVar[tuple[float, float]] = (4.0, 8.0)

    def inject(self, topology: Topology) -> None:
        """Holds what they send each other."""
        topology.proxy.become(topology.pair.standby_link, Condition(held=BOTH))

    def heal(self, topology: Topology) -> None:
        """Lets it through."""
        topology.proxy.become(topology.pair.standby_link)
        topology.pair.await_together()


@dataclass(frozen=True)
class LagStandby(DatabaseFault):
    """The standby is far away: every commit waits for the network."""

    delay_s: float

    def inject(self, topology: Topology) -> None:
        """Delays what they send each other."""
        topology.proxy.become(topology.pair.standby_link, Condition(delay_s=self.delay_s))

    def heal(self, topology: Topology) -> None:
        """Lets it through."""
        topology.proxy.become(topology.pair.standby_link)


class DiskFault(DatabaseFault):
    """Something between the primary and its disk."""

    @classmethod
    def missing(cls, topology: Topology) -> str:
        """It needs the library between a process and its disk."""
        return "" if topology.library else "no compiler (cc) for the disk's shim"

    def heal(self, topology: Topology) -> None:
        """The disk is well; a server that it ended is started again."""
        primary = topology.pair.primary
        primary.disk()
        if not primary.ask("SELECT 1"):
            primary.start()
        topology.pair.await_together()


@dataclass(frozen=True)
class SlowDisk(DiskFault):
    """The primary's disk takes long for every flush."""

    delay_s: float

    def inject(self, topology: Topology) -> None:
        """Every fsync waits."""
        topology.pair.primary.disk(flush_delay_s=self.delay_s)


@dataclass(frozen=True)
class FullDisk(DiskFault):
    """The primary's disk is full: what is there can be overwritten, nothing can grow."""

    length_s: ClassVar[tuple[float, float]] = (6.0, 9.0)

    def inject(self, topology: Topology) -> None:
        """Everything that makes a file longer fails with ENOSPC."""
        topology.pair.primary.disk(full=True)


def links_to(topology: Topology, server: str) -> list[Link]:
    """Every link that leads to a server."""
    return [topology.pair.links[server], *(node.database_ways[server] for node in topology.serving)]
