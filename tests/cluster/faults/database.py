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
        topology.postgres.primary.stop(self.how)

    def heal(self, topology: Topology) -> None:
        """Starts it, and waits for its standby."""
        topology.postgres.start_primary()
        topology.postgres.await_together()


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
        topology.postgres.primary.stop(SIGKILL)

    def heal(self, topology: Topology) -> None:
        """Fences what was the primary, promotes, and makes a standby anew."""
        topology.postgres.fail_over()
        topology.postgres.join()


@dataclass(frozen=True)
class IsolatePrimary(DatabaseFault):
    """The primary is cut off yet lives while its standby is promoted: two believe they write."""

    def inject(self, topology: Topology) -> None:
        """Nobody reaches it; then the standby takes over, and it does not know."""
        postgres = topology.postgres
        for link in links_to(topology, postgres.primary.name):
            topology.proxy.become(link, Condition(held=BOTH))
        postgres.standby.promote()

    def heal(self, topology: Topology) -> None:
        """Fences it, lets the network be whole, and makes a standby anew."""
        postgres = topology.postgres
        isolated = postgres.primary
        postgres.fail_over()
        for link in links_to(topology, isolated.name):
            topology.proxy.become(link)
        postgres.join()


@dataclass(frozen=True)
class KillStandby(DatabaseFault):
    """The standby dies: nothing may be acknowledged until it is back."""

    length_s: ClassVar[tuple[float, float]] = (5.0, 9.0)

    def inject(self, topology: Topology) -> None:
        """SIGKILL."""
        topology.postgres.standby.stop(SIGKILL)

    def heal(self, topology: Topology) -> None:
        """Starts it on its own files; it catches up."""
        topology.postgres.start_standby()
        topology.postgres.await_together()


@dataclass(frozen=True)
class CutStandby(DatabaseFault):
    """The network between primary and standby drops everything."""

    length_s: ClassVar[tuple[float, float]] = (4.0, 8.0)

    def inject(self, topology: Topology) -> None:
        """Holds what they send each other."""
        topology.proxy.become(topology.postgres.standby_link, Condition(held=BOTH))

    def heal(self, topology: Topology) -> None:
        """Lets it through."""
        topology.proxy.become(topology.postgres.standby_link)
        topology.postgres.await_together()


@dataclass(frozen=True)
class LagStandby(DatabaseFault):
    """The standby is far away: every commit waits for the network."""

    delay_s: float

    def inject(self, topology: Topology) -> None:
        """Delays what they send each other."""
        topology.proxy.become(topology.postgres.standby_link, Condition(delay_s=self.delay_s))

    def heal(self, topology: Topology) -> None:
        """Lets it through."""
        topology.proxy.become(topology.postgres.standby_link)


class DiskFault(DatabaseFault):
    """Something between the primary and its disk."""

    @classmethod
    def missing(cls, topology: Topology) -> str:
        """It needs the library between a process and its disk."""
        return "" if topology.library else "no compiler (cc) for the disk's shim"

    def heal(self, topology: Topology) -> None:
        """The disk is well; a server that it ended is started again."""
        primary = topology.postgres.primary
        primary.disk()
        if not primary.ask("SELECT 1"):
            primary.start()
        topology.postgres.await_together()


@dataclass(frozen=True)
class SlowDisk(DiskFault):
    """The primary's disk takes long for every flush."""

    delay_s: float

    def inject(self, topology: Topology) -> None:
        """Every fsync waits."""
        topology.postgres.primary.disk(flush_delay_s=self.delay_s)


@dataclass(frozen=True)
class FullDisk(DiskFault):
    """The primary's disk is full: what is there can be overwritten, nothing can grow."""

    length_s: ClassVar[tuple[float, float]] = (6.0, 9.0)

    def inject(self, topology: Topology) -> None:
        """Everything that makes a file longer fails with ENOSPC."""
        topology.postgres.primary.disk(full=True)


def links_to(topology: Topology, server: str) -> list[Link]:
    """Every link that leads to a server."""
    return [
        topology.postgres.links[server],
        *(node.database_links[server] for node in topology.serving),
    ]
