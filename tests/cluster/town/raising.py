"""Raises a town, step by step, and takes it down."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bureau.config import SERVICES, SETTINGS_FILE, Settings
from bureau.office.folder import Plan, create, trust_of
from bureau.office.operator import Operator
from bureau_keys.profile import Profile
from tests.cluster.directions import Directions, MemberAt, NodeAt, TownMap, WitnessAt
from tests.cluster.timeline import Timeline
from tests.cluster.town.members import Addresses, admit_all, newcomers, save_operator
from tests.cluster.town.node import Node, several_hosts
from tests.cluster.town.pair import Pair
from tests.cluster.town.ports import free_ports
from tests.cluster.town.postgres import Postgres, make_place
from tests.cluster.town.process import NotReadyError, Process
from tests.cluster.town.proxy import Proxy
from tests.cluster.town.shim import Shim, compile_shim
from tests.cluster.town.warden import Warden
from tests.cluster.town.witness import Witness

ORIGIN = "cluster.creditbureau/log"
DIRECTORY = "directory"
SERVERS = ("postgres-a", "postgres-b")
WITNESSES = ("witness-a", "witness-b")


@dataclass(frozen=True, slots=True)
class Size:
    """How large a town is."""

    nodes: int = 3
    lenders: int = 3
    wallets: int = 2


@dataclass
class Town:
    """A bureau that serves, and all that can be done to it.

    Attributes:
        folder: The run's folder.
        settings: The bureau's, with the authority: the operator's own machine.
        library: What stands between processes and the C library; None without a compiler.
    """

    folder: Path
    timeline: Timeline
    directions: Directions
    warden: Warden
    proxy: Proxy
    library: Path | None
    settings: Settings
    pair: Pair
    nodes: list[Node]
    directory: Node
    witnesses: list[Witness]
    members: list[MemberAt] = field(default_factory=list)

    @property
    def serving(self) -> list[Node]:
        """Everything that serves the contract."""
        return [*self.nodes, self.directory]

    @property
    def processes(self) -> list[Process]:
        """Every process of the town."""
        servers = [server.process for server in self.pair.servers]
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


def _silently(_step: str) -> None:
    """Tells nobody."""


@contextmanager
def raised_town(
    folder: Path, size: Size, seed: int, tell: Callable[[str], None] = _silently
) -> Iterator[Town]:
    """A town that serves inside the block; everything in it has ended afterwards.

    Args:
        folder: The run's, empty: logs, histories and the map of the town go there.
        tell: Is told each step as it begins.
    """
    with ExitStack() as closing:
        # Whatever goes wrong from here on, the warden closes last and leaves nothing.
        warden = Warden()
        closing.callback(warden.close)
        proxy = Proxy()
        closing.callback(proxy.close)
        # Where PostgreSQL's own user may read and write, which a home need not allow.
        place = Path(tempfile.mkdtemp(prefix="creditbureau-cluster-"))
        closing.callback(shutil.rmtree, place, ignore_errors=True)
        place.chmod(0o755)
        make_place(place / "postgres")
        logs = folder / "logs"
        logs.mkdir()
        library = compile_shim(place)
        builder = _Builder(folder, place, logs, warden, proxy, library, Timeline(folder), closing)

        tell("PostgreSQL: a primary")
        pair = builder.pair()
        closing.callback(_stop_servers, pair)
        pair.make()

        tell("the bureau, its first log entry, its witnesses")
        settings = create(
            folder / "bureau",
            Plan(origin=ORIGIN, database_url=pair.primary.url, names=("127.0.0.1",)),
        )
        witnesses = builder.witnesses(settings)
        for witness in witnesses:
            closing.callback(witness.process.stop)
            witness.start()
        nodes, directory = builder.nodes(size.nodes, pair, settings.folder, witnesses)
        settings = witnessed(settings.folder, {w.url: w.key for w in witnesses})
        town = Town(
            folder,
            builder.timeline,
            Directions(folder),
            warden,
            proxy,
            library,
            settings,
            pair,
            nodes,
            directory,
            witnesses,
        )
        closing.callback(_stop_nodes, town)

        tell("PostgreSQL: a synchronous standby")
        pair.join()

        tell("nodes and directory")
        for node in town.serving:
            node.start()
        town.await_service()

        tell("members")
        to = Addresses(tuple(node.way.address for node in nodes), (directory.way.address,))
        with Operator(town.operator) as operator:
            people = list(newcomers(size.lenders, size.wallets))
            town.members = admit_all(operator, settings, people, to, folder / "members")
        town.members.append(save_operator(settings, to, folder / "members"))
        map_of(town, seed).save(folder)
        yield town


def map_of(town: Town, seed: int) -> TownMap:
    """Where everything is."""
    servers = town.pair.servers
    return TownMap(
        seed=seed,
        origin=town.settings.origin,
        jurisdiction=town.settings.jurisdiction,
        nodes=[NodeAt(node.name, node.way.address, node.address) for node in town.nodes],
        directory=NodeAt(DIRECTORY, town.directory.way.address, town.directory.address),
        members=town.members,
        witnesses=[WitnessAt(w.name, w.url, w.key) for w in town.witnesses],
        database_url=several_hosts([server.port for server in servers]),
        servers={server.name: server.url for server in servers},
    )


def witnessed(folder: Path, keys: Mapping[str, str]) -> Settings:
    """Adds witnesses, by their URLs, to the settings in a folder."""
    tables = [f'[[witnesses]]\nurl = "{url}"\nkey = "{key}"\n' for url, key in keys.items()]
    with (folder / SETTINGS_FILE).open("a", encoding="utf-8") as file:
        file.write("\n".join(tables))
    return Settings.load(folder)


@dataclass(frozen=True, slots=True)
class _Builder:
    """Makes the parts of a town; nothing runs yet but the proxy."""

    folder: Path
    place: Path
    logs: Path
    warden: Warden
    proxy: Proxy
    library: Path | None
    timeline: Timeline
    closing: ExitStack

    def pair(self) -> Pair:
        """Two servers, and the ways on which each would follow the other."""
        *ports, first_way, second_way = free_ports(2 * len(SERVERS))
        servers = [
            Postgres(
                name,
                self.place / "postgres",
                port,
                logs=self.logs,
                warden=self.warden,
                timeline=self.timeline,
                shim=self.shim(name),
            )
            for name, port in zip(SERVERS, ports, strict=True)
        ]
        ways = {
            server.name: self.proxy.open(f"standby to {server.name}", way, server.port)
            for server, way in zip(servers, (first_way, second_way), strict=True)
        }
        return Pair(servers[0], servers[1], ways)

    def witnesses(self, settings: Settings) -> list[Witness]:
        """Witnesses that follow the bureau's log."""
        trust = trust_of(settings)
        witnesses = []
        for name, port in zip(WITNESSES, free_ports(len(WITNESSES)), strict=True):
            place = self.folder / "witnesses" / name
            witness = Witness(
                name, place, port, logs=self.logs, warden=self.warden, timeline=self.timeline
            )
            witness.follow(trust.origin, trust.log_key)
            witnesses.append(witness)
        return witnesses

    def nodes(
        self, count: int, pair: Pair, bureau: Path, witnesses: Sequence[Witness]
    ) -> tuple[list[Node], Node]:
        """The nodes, and the directory; each with ways of its own to everything."""
        others = [service for service in SERVICES if service != "Directory"]
        nodes = [self._node(f"node-{n}", others, pair, bureau) for n in range(1, count + 1)]
        directory = self._node(DIRECTORY, ["Directory", "Log"], pair, bureau)
        for node in (*nodes, directory):
            for witness, port in zip(witnesses, free_ports(len(witnesses)), strict=True):
                way = self.proxy.open(f"{node.name} to {witness.name}", port, witness.port)
                node.witness_ways[witness.name] = way
            ways = {f"http://{node.witness_ways[w.name].address}": w.key for w in witnesses}
            witnessed(node.folder, ways)
        return nodes, directory

    def shim(self, name: str) -> Shim | None:
        """What stands between a process and the C library."""
        if self.library is None:
            return None
        shim = Shim(self.library, self.place / f"{name}.page")
        self.closing.callback(shim.close)
        return shim

    def _node(self, name: str, services: list[str], pair: Pair, bureau: Path) -> Node:
        port, own, *to_databases = free_ports(2 + len(SERVERS))
        database_ways = {
            server.name: self.proxy.open(f"{name} to {server.name}", way, server.port)
            for server, way in zip(pair.servers, to_databases, strict=True)
        }
        node = Node(
            name,
            port,
            self.proxy.open(f"members to {name}", own, port),
            database_ways,
            services=services,
            folder=self.folder / "nodes" / name,
            logs=self.logs,
            warden=self.warden,
            timeline=self.timeline,
            shim=self.shim(name),
        )
        node.settle(bureau)
        return node


def _stop_nodes(town: Town) -> None:
    for node in town.serving:
        if node.process.paused:
            node.process.resume()
        node.process.send(signal.SIGTERM)
    for node in town.serving:
        node.drain()


def _stop_servers(pair: Pair) -> None:
    # The standby last: the primary's own end waits for nobody, but sessions may.
    for server in (pair.primary, pair.standby):
        if server.process.paused:
            server.process.resume()
        if server.process.alive:
            server.stop(signal.SIGQUIT)
