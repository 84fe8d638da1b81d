"""Nodes that die, stop for a while, or are restarted in turn."""

from __future__ import annotations

import os
from dataclasses import dataclass
from signal import SIGKILL
from typing import ClassVar

from tests.cluster.faults.fault import DATABASE, Fault
from tests.cluster.topology.node import START_S
from tests.cluster.topology.process import wait_until
from tests.cluster.topology.topology import WORKERS, Topology


@dataclass(frozen=True)
class KillNode(Fault):
    """A node, or the directory, is killed in the midst of its work, and started again."""

    node: str

    @property
    def takes(self) -> frozenset[str]:
        """The node."""
        return frozenset({self.node})

    def inject(self, topology: Topology) -> None:
        """SIGKILL."""
        topology.node(self.node).kill()

    def heal(self, topology: Topology) -> None:
        """Starts it as a service manager would."""
        topology.node(self.node).start()


@dataclass(frozen=True)
class KillWorker(Fault):
    """One of the workers of a node is killed; its supervisor starts another."""

    node: str
    which: int

    @property
    def takes(self) -> frozenset[str]:
        """The node."""
        return frozenset({self.node})

    def inject(self, topology: Topology) -> None:
        """SIGKILL, to one process of the node."""
        os.kill(topology.node(self.node).worker_pids()[self.which], SIGKILL)

    def heal(self, topology: Topology) -> None:
        """Nobody starts it but the supervisor, which has had the time."""
        node = topology.node(self.node)
        wait_until(
            f"{self.node} has its workers", lambda: len(node.worker_pids()) == WORKERS, START_S
        )
        node.await_answer(topology.operator)


@dataclass(frozen=True)
class PauseNode(Fault):
    """A node stands still for longer than every timeout, with its connections open."""

    node: str
    length_s: ClassVar[tuple[float, float]] = (8.0, 12.0)

    @property
    def takes(self) -> frozenset[str]:
        """The node."""
        return frozenset({self.node})

    def inject(self, topology: Topology) -> None:
        """SIGSTOP."""
        topology.node(self.node).process.pause()

    def heal(self, topology: Topology) -> None:
        """SIGCONT: it goes on where it stood, on a world that has moved."""
        topology.node(self.node).process.resume()


@dataclass(frozen=True)
class RollingRestart(Fault):
    """Every node drains and starts again, one after another, under load."""

    nodes: tuple[str, ...]
    length_s: ClassVar[tuple[float, float]] = (0.0, 0.0)

    @property
    def takes(self) -> frozenset[str]:
        """Every node; and each waits for the database before the next goes."""
        return frozenset({*self.nodes, DATABASE})

    def inject(self, topology: Topology) -> None:
        """One after another; the next when the last one answers again."""
        asking = topology.operator
        for name in self.nodes:
            node = topology.node(name)
            node.drain()
            node.start()
            node.await_answer(asking)

    def heal(self, topology: Topology) -> None:
        """They are all up already."""


@dataclass(frozen=True)
class SkewClock(Fault):
    """A node's clock is wrong by minutes, and right again at once."""

    node: str
    by_s: float

    @property
    def takes(self) -> frozenset[str]:
        """The node."""
        return frozenset({self.node})

    @classmethod
    def missing(cls, topology: Topology) -> str:
        """It needs the library between a process and its clock."""
        return "" if topology.library else "no compiler (cc) for the clock's shim"

    def inject(self, topology: Topology) -> None:
        """Moves the time of day; what measures intervals stays right."""
        topology.node(self.node).set_clock(self.by_s)

    def heal(self, topology: Topology) -> None:
        """Sets it right."""
        topology.node(self.node).set_clock()
