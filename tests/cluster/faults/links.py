"""The network between two parts of the topology: what a proxy can do to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tests.cluster.faults.fault import Fault
from tests.cluster.topology.proxy import BOTH, Condition, Direction, Link
from tests.cluster.topology.topology import Topology

# An answer on gRPC's connection: less are its pings and acknowledgements.
ANSWER_BYTES = 256

CONDITIONS = {
    "drop": Condition(held=BOTH),
    "drop-one-way": Condition(held=frozenset({Direction.BACK})),
    "half-open": Condition(lost=BOTH),
    "refuse": Condition(refused=True),
    "delay": Condition(delay_s=0.4),
    "throttle": Condition(bytes_per_s=20_000),
    "lose-answers": Condition(cut_answers=ANSWER_BYTES),
}


class LinkFault(Fault):
    """A fault on the links of one node."""

    length_s: ClassVar[tuple[float, float]] = (5.0, 8.0)

    node: str
    how: str

    @property
    def takes(self) -> frozenset[str]:
        """The node, which its peers cannot reach."""
        return frozenset({self.node})

    def links(self, topology: Topology) -> list[Link]:
        """Return the links that the fault changes."""
        raise NotImplementedError

    def condition(self) -> Condition:
        """Return the condition that the fault gives them."""
        return CONDITIONS[self.how]

    def inject(self, topology: Topology) -> None:
        """Put the links into the condition."""
        for link in self.links(topology):
            topology.proxy.become(link, self.condition())

    def heal(self, topology: Topology) -> None:
        """Restore the links."""
        for link in self.links(topology):
            topology.proxy.become(link)


@dataclass(frozen=True)
class MembersLinkFault(LinkFault):
    """The network between members and one node misbehaves."""

    node: str
    how: str

    def links(self, topology: Topology) -> list[Link]:
        """Return the members' links to the node."""
        return [topology.node(self.node).link]


@dataclass(frozen=True)
class DatabaseLinkFault(LinkFault):
    """The network between one node and the database misbehaves."""

    node: str
    how: str

    def links(self, topology: Topology) -> list[Link]:
        """Return the node's links to both servers."""
        return list(topology.node(self.node).database_links.values())

    def condition(self) -> Condition:
        """Return the condition; a database's answers are short, so each of them is lost."""
        lost = Condition(cut_answers=1)
        return lost if self.how == "lose-answers" else CONDITIONS[self.how]


@dataclass(frozen=True)
class WitnessLinkFault(LinkFault):
    """The network between one node and the witnesses misbehaves."""

    node: str
    how: str

    def links(self, topology: Topology) -> list[Link]:
        """Return the node's links to its witnesses."""
        return list(topology.node(self.node).witness_links.values())

    @classmethod
    def missing(cls, topology: Topology) -> str:
        """Return the missing requirement: witnesses."""
        return "" if topology.nodes[0].witness_links else "no witnesses"


@dataclass(frozen=True)
class PullCable(Fault):
    """The cable of the last node's own network is pulled: the kernel drops every packet."""

    node: str
    length_s: ClassVar[tuple[float, float]] = (5.0, 9.0)

    @property
    def takes(self) -> frozenset[str]:
        """The node."""
        return frozenset({self.node})

    @classmethod
    def missing(cls, topology: Topology) -> str:
        """Return the missing requirement: a network namespace, which needs root."""
        return topology.no_namespace

    def inject(self, topology: Topology) -> None:
        """Pull the cable."""
        assert topology.namespace is not None, "see `missing`"
        topology.namespace.pull()

    def heal(self, topology: Topology) -> None:
        """Plug the cable in."""
        assert topology.namespace is not None, "see `missing`"
        topology.namespace.plug()
