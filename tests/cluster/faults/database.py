"""The database restarts, crashes, changes places, loses its standby, fills its disk."""

from __future__ import annotations

from dataclasses import dataclass
from signal import SIGINT, SIGKILL, SIGQUIT, Signals
from typing import ClassVar

from tests.cluster.faults.fault import DATABASE, Fault
from tests.cluster.topology.proxy import BOTH, Condition, Way
from tests.cluster.topology.topology import Town


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

    def inject(self, town: Town) -> None:
        """Stops it."""
        town.pair.primary.stop(self.how)

    def heal(self, town: Town) -> None:
        """Starts it, and waits for its standby."""
        town.pair.start_primary()
        town.pair.await_together()


@dataclass(frozen=True)
class CrashDatabase(RestartDatabase):
    """The primary ends without a checkpoint, as in a crash, and recovers."""

    how: ClassVar[Signals] = SIGQUIT


@dataclass(frozen=True)
class KillPrimary(DatabaseFault):
    """The primary is killed for good; the standby is promoted, and gets a new standby."""

    length_s: ClassVar[tuple[float, float]] = (1.0, 3.0)

    def inject(self, town: Town) -> None:
        """SIGKILL."""
        town.pair.primary.stop(SIGKILL)

    def heal(self, town: Town) -> None:
        """Fences what was the primary, promotes, and makes a standby anew."""
        town.pair.fail_over()
        town.pair.join()


@dataclass(frozen=True)
class IsolatePrimary(DatabaseFault):
    """The primary is cut off yet lives while its standby is promoted: two believe they write."""

    def inject(self, town: Town) -> None:
        """Nobody reaches it; then the standby takes over, and it does not know."""
        pair = town.pair
        for way in ways_to(town, pair.primary.name):
            town.proxy.become(way, Condition(held=BOTH))
        pair.standby.promote()

    def heal(self, town: Town) -> None:
        """Fences it, lets the network be whole, and makes a standby anew."""
        pair = town.pair
        isolated = pair.primary
        pair.fail_over()
        for way in ways_to(town, isolated.name):
            town.proxy.become(way)
        pair.join()


@dataclass(frozen=True)
class KillStandby(DatabaseFault):
    """The standby dies: nothing may be acknowledged until it is back."""

    length_s: ClassVar[tuple[float, float]] = (5.0, 9.0)

    def inject(self, town: Town) -> None:
        """SIGKILL."""
        town.pair.standby.stop(SIGKILL)

    def heal(self, town: Town) -> None:
        """Starts it on its own files; it catches up."""
        town.pair.start_standby()
        town.pair.await_together()


@dataclass(frozen=True)
class CutStandby(DatabaseFault):
    """The network between primary and standby drops everything."""

    length_s: ClassVar[tuple[float, float]] = (4.0, 8.0)

    def inject(self, town: Town) -> None:
        """Holds what they send each other."""
        town.proxy.become(town.pair.standby_way, Condition(held=BOTH))

    def heal(self, town: Town) -> None:
        """Lets it through."""
        town.proxy.become(town.pair.standby_way)
        town.pair.await_together()


@dataclass(frozen=True)
class LagStandby(DatabaseFault):
    """The standby is far away: every commit waits for the network."""

    delay_s: float

    def inject(self, town: Town) -> None:
        """Delays what they send each other."""
        town.proxy.become(town.pair.standby_way, Condition(delay_s=self.delay_s))

    def heal(self, town: Town) -> None:
        """Lets it through."""
        town.proxy.become(town.pair.standby_way)


class DiskFault(DatabaseFault):
    """Something between the primary and its disk."""

    @classmethod
    def missing(cls, town: Town) -> str:
        """It needs the library between a process and its disk."""
        return "" if town.library else "no compiler (cc) for the disk's shim"

    def heal(self, town: Town) -> None:
        """The disk is well; a server that it ended is started again."""
        primary = town.pair.primary
        primary.disk()
        if not primary.ask("SELECT 1"):
            primary.start()
        town.pair.await_together()


@dataclass(frozen=True)
class SlowDisk(DiskFault):
    """The primary's disk takes long for every flush."""

    delay_s: float

    def inject(self, town: Town) -> None:
        """Every fsync waits."""
        town.pair.primary.disk(flush_delay_s=self.delay_s)


@dataclass(frozen=True)
class FullDisk(DiskFault):
    """The primary's disk is full: what is there can be overwritten, nothing can grow."""

    length_s: ClassVar[tuple[float, float]] = (6.0, 9.0)

    def inject(self, town: Town) -> None:
        """Everything that makes a file longer fails with ENOSPC."""
        town.pair.primary.disk(full=True)


def ways_to(town: Town, server: str) -> list[Way]:
    """Every way that leads to a server."""
    return [town.pair.ways[server], *(node.database_ways[server] for node in town.serving)]
