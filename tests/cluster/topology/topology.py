"""A bureau that serves, and all that can be done to it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from bureau.config import Settings
from bureau_keys.profile import Profile
from tests.cluster.control_files import Directions, MemberAt
from tests.cluster.timeline import Timeline
from tests.cluster.topology.host import Namespace
from tests.cluster.topology.node import Node
from tests.cluster.topology.process import NotReadyError, Process
from tests.cluster.topology.proxy import Proxy
from tests.cluster.topology.reaper import Reaper
from tests.cluster.topology.replicated_postgres import ReplicatedPostgres
from tests.cluster.topology.witness import Witness

# Processes of the first node; the others have one.
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a topology."""

    nodes: int = 3
    lenders: int = 3
    wallets: int = 2


@dataclass
class Topology:
    """A bureau that serves, and all that can be done to it.

    Attributes:
        folder: The run's folder.
        settings: The bureau's, with the authority: the operator's own machine.
        library: What stands between processes and the C library; None without a compiler.
        namespace: The network on which the last node lives; None where it lives beside the
            others.
        no_namespace: Why it does.
        workers: Those at work, by name.
    """

    folder: Path
    timeline: Timeline
    directions: Directions
    reaper: Reaper
    proxy: Proxy
    library: Path | None
    settings: Settings
    postgres: ReplicatedPostgres
    nodes: list[Node]
    directory: Node
    witnesses: list[Witness]
    namespace: Namespace | None
    no_namespace: str
    members: list[MemberAt] = field(default_factory=list)
    workers: dict[str, Process] = field(default_factory=dict)

    @property
    def serving(self) -> list[Node]:
        """Everything that serves the contract."""
        return [*self.nodes, self.directory]

    @property
    def processes(self) -> list[Process]:
        """Every process of the topology."""
        servers = [server.process for server in self.postgres.servers]
        witnesses = [witness.process for witness in self.witnesses]
        return [*servers, *(node.process for node in self.serving), *witnesses]

    @property
    def operator(self) -> Profile:
        """The operator's profile, past every proxy."""
        profile = Profile.load(self.settings.operator_folder)
        return replace(profile, addresses=tuple(node.address for node in self.nodes))

    def answering(self) -> Profile:
        """The operator's profile, at the first node that answers.

        Raises:
            NotReadyError: None does.
        """
        for node in self.nodes:
            asking = replace(self.operator, addresses=(node.address,))
            if node.process.state == "up" and node.answers(asking):
                return asking
        raise NotReadyError("no node answers the operator")

    def node(self, name: str) -> Node:
        """A node by its name."""
        return next(node for node in self.serving if node.name == name)

    def member(self, member_id: str) -> MemberAt:
        """A member by its id."""
        return next(member for member in self.members if member.member_id == member_id)

    def await_service(self) -> None:
        """Waits until everything that serves the contract answers.

        Raises:
            NotReadyError: Something does not.
        """
        asking = self.operator
        for node in self.serving:
            node.await_answer(asking)
