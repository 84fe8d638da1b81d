"""Raises a topology, step by step, and takes it down."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bureau.admin.bureau_folder import InitOptions, create
from bureau.admin.operator import Operator
from bureau.config import SERVICES
from tests.cluster.control_files import Directions, NodeAt, TopologyMap, WitnessAt
from tests.cluster.timeline import Timeline
from tests.cluster.topology.host import Host, new_namespace
from tests.cluster.topology.layout import Builder, witnessed
from tests.cluster.topology.members import Addresses, admit_all, newcomers, save_operator
from tests.cluster.topology.node import Node, several_hosts
from tests.cluster.topology.postgres import prepare_folder
from tests.cluster.topology.proxy import Proxy
from tests.cluster.topology.reaper import Reaper
from tests.cluster.topology.replicated_postgres import ReplicatedPostgres
from tests.cluster.topology.shim import compile_shim
from tests.cluster.topology.topology import WORKERS, Size, Topology

ORIGIN = "cluster.creditbureau/log"
DIRECTORY = "directory"
DIRECTORY_SERVES = ("Directory", "Log")
NODE_SERVES = tuple(service for service in SERVICES if service != "Directory")


def _silently(_step: str) -> None:
    """Tells nobody."""


@contextmanager
def running_topology(
    folder: Path, size: Size, seed: int, tell: Callable[[str], None] = _silently
) -> Iterator[Topology]:
    """A topology that serves inside the block; everything in it has ended afterwards.

    Args:
        folder: The run's, empty: logs, histories and the map of the topology go there.
        tell: Is told each step as it begins.
    """
    with ExitStack() as closing:
        # However this process ends, the reaper closes last and leaves nothing.
        reaper = Reaper()
        closing.callback(reaper.close)
        proxy = Proxy()
        closing.callback(proxy.close)
        # Where PostgreSQL's own user may read and write, which a home need not allow.
        shared = Path(tempfile.mkdtemp(prefix="creditbureau-cluster-"))
        reaper.undo("rm", "-rf", str(shared))
        shared.chmod(0o755)
        prepare_folder(shared / "postgres")
        logs = folder / "logs"
        logs.mkdir()
        library = compile_shim(shared)
        builder = Builder(folder, shared, logs, reaper, proxy, library, Timeline(folder), closing)

        tell("PostgreSQL: a primary")
        postgres = builder.postgres()
        closing.callback(_stop_servers, postgres)
        postgres.make()

        tell("the bureau, its first log entry, its witnesses")
        namespace, no_namespace = new_namespace(reaper)
        hosts = [Host()] * size.nodes
        if namespace is not None:
            hosts[-1] = namespace.host
        names = tuple({host.address for host in hosts})
        settings = create(
            folder / "bureau",
            InitOptions(origin=ORIGIN, database_url=postgres.primary.url, names=names),
        )
        witnesses = builder.witnesses(settings)
        for witness in witnesses:
            closing.callback(witness.process.stop)
            witness.start()

        def new_node(name: str, services: Sequence[str], host: Host, workers: int = 1) -> Node:
            return builder.node(name, services, host, postgres, witnesses, settings.folder, workers)

        nodes = [
            new_node(f"node-{n}", NODE_SERVES, host, WORKERS if n == 1 else 1)
            for n, host in enumerate(hosts, 1)
        ]
        directory = new_node(DIRECTORY, DIRECTORY_SERVES, Host())
        # Each node has links of its own to the witnesses; the operator goes straight.
        settings = witnessed(settings.folder, {w.url: w.key for w in witnesses})
        topology = Topology(
            folder,
            builder.timeline,
            Directions(folder),
            reaper,
            proxy,
            library,
            settings,
            postgres,
            nodes,
            directory,
            witnesses,
            namespace,
            no_namespace,
        )
        closing.callback(_stop_nodes, topology)

        tell("PostgreSQL: a synchronous standby")
        postgres.join()

        tell("nodes and directory")
        for node in topology.serving:
            node.start()
        topology.await_service()

        tell("members")
        to = Addresses(
            tuple(node.link.address for node in topology.nodes), (topology.directory.link.address,)
        )
        with Operator(topology.operator) as operator:
            people = list(newcomers(size.lenders, size.wallets))
            topology.members = admit_all(
                operator, topology.settings, people, to, folder / "members"
            )
        topology.members.append(save_operator(topology.settings, to, folder / "members"))
        map_of(topology, seed).save(folder)
        yield topology


def map_of(topology: Topology, seed: int) -> TopologyMap:
    """Return the map of all addresses and folders."""
    servers = topology.postgres.servers
    return TopologyMap(
        seed=seed,
        origin=topology.settings.origin,
        jurisdiction=topology.settings.jurisdiction,
        nodes=[NodeAt(node.name, node.link.address, node.address) for node in topology.nodes],
        directory=NodeAt(DIRECTORY, topology.directory.link.address, topology.directory.address),
        members=topology.members,
        witnesses=[WitnessAt(w.name, w.url, w.key) for w in topology.witnesses],
        database_url=several_hosts([server.address for server in servers]),
        servers={server.name: server.url for server in servers},
    )


def _stop_nodes(topology: Topology) -> None:
    for node in topology.serving:
        if node.process.paused:
            node.process.resume()
        node.process.send(signal.SIGTERM)
    for node in topology.serving:
        node.drain()


def _stop_servers(postgres: ReplicatedPostgres) -> None:
    # The standby last: the primary's own end waits for nobody, but sessions may.
    for server in (postgres.primary, postgres.standby):
        if server.process.paused:
            server.process.resume()
        if server.process.alive:
            server.stop(signal.SIGQUIT)
