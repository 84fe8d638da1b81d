"""Raises a town, step by step, and takes it down."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bureau.admin.bureau_folder import InitOptions, create
from bureau.admin.operator import Operator
from bureau.config import SERVICES
from tests.cluster.control_files import Directions, NodeAt, TownMap, WitnessAt
from tests.cluster.timeline import Timeline
from tests.cluster.topology.host import Host, new_namespace
from tests.cluster.topology.layout import Builder, witnessed
from tests.cluster.topology.members import Addresses, admit_all, newcomers, save_operator
from tests.cluster.topology.node import Node, several_hosts
from tests.cluster.topology.postgres import make_place
from tests.cluster.topology.proxy import Proxy
from tests.cluster.topology.reaper import Warden
from tests.cluster.topology.replicated_postgres import Pair
from tests.cluster.topology.shim import compile_shim
from tests.cluster.topology.topology import Size, Town

ORIGIN = "cluster.creditbureau/log"
DIRECTORY = "directory"
DIRECTORY_SERVES = ("Directory", "Log")
NODE_SERVES = tuple(service for service in SERVICES if service != "Directory")


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
        # However this process ends, the warden closes last and leaves nothing.
        warden = Warden()
        closing.callback(warden.close)
        proxy = Proxy()
        closing.callback(proxy.close)
        # Where PostgreSQL's own user may read and write, which a home need not allow.
        place = Path(tempfile.mkdtemp(prefix="creditbureau-cluster-"))
        warden.undo("rm", "-rf", str(place))
        place.chmod(0o755)
        make_place(place / "postgres")
        logs = folder / "logs"
        logs.mkdir()
        library = compile_shim(place)
        builder = Builder(folder, place, logs, warden, proxy, library, Timeline(folder), closing)

        tell("PostgreSQL: a primary")
        pair = builder.pair()
        closing.callback(_stop_servers, pair)
        pair.make()

        tell("the bureau, its first log entry, its witnesses")
        namespace, no_namespace = new_namespace(warden)
        hosts = [Host()] * size.nodes
        if namespace is not None:
            hosts[-1] = namespace.host
        names = tuple({host.address for host in hosts})
        settings = create(
            folder / "bureau",
            InitOptions(origin=ORIGIN, database_url=pair.primary.url, names=names),
        )
        witnesses = builder.witnesses(settings)
        for witness in witnesses:
            closing.callback(witness.process.stop)
            witness.start()

        def new_node(name: str, services: Sequence[str], host: Host) -> Node:
            return builder.node(name, services, host, pair, witnesses, settings.folder)

        nodes = [new_node(f"node-{n}", NODE_SERVES, host) for n, host in enumerate(hosts, 1)]
        directory = new_node(DIRECTORY, DIRECTORY_SERVES, Host())
        # Each node has ways of its own to the witnesses; the operator goes straight.
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
            namespace,
            no_namespace,
        )
        closing.callback(_stop_nodes, town)

        tell("PostgreSQL: a synchronous standby")
        pair.join()

        tell("nodes and directory")
        for node in town.serving:
            node.start()
        town.await_service()

        tell("members")
        to = Addresses(
            tuple(node.way.address for node in town.nodes), (town.directory.way.address,)
        )
        with Operator(town.operator) as operator:
            people = list(newcomers(size.lenders, size.wallets))
            town.members = admit_all(operator, town.settings, people, to, folder / "members")
        town.members.append(save_operator(town.settings, to, folder / "members"))
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
        database_url=several_hosts([server.address for server in servers]),
        servers={server.name: server.url for server in servers},
    )


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
