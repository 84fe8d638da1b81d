"""One node on SQLite by one process and by two workers, on all cores, in turns.

Each node has a copy of the same bureau. A connection belongs to one worker, so every caller has a
connection of its own. Callers share the cores with the nodes: what they take, two workers lack,
so the ratio is a floor of what two cores without callers would do.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from bureau.testing import free_port
from bureau_keys.profile import Profile
from tests.bench import process
from tests.bench.fixture import BUREAU_SERVE, Call, LoadedBureau, bytes_call, serving, wait_for
from tests.bench.load import CALLERS
from tests.bench.measure import Measure, bench, percentile
from tests.bench.nodes import LENDER, reports, single_records

COUNTS = (1, 2)
# Of the wall time of one process on the same cores.
LEAST_RATIO = 1.6
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
        """One round: every caller sends its share."""
        calls = [bytes_call(channel, f"/creditbureau.v1.{method}") for channel in self.channels]
        shares = [requests[number::CALLERS] for number in range(CALLERS)]
        started = time.perf_counter()
        with ThreadPoolExecutor(CALLERS) as pool:
            for latencies_ms in pool.map(_send, calls, shares):
                self.latencies_ms += latencies_ms
        self.seconds += time.perf_counter() - started


def _send(call: Call, requests: Sequence[bytes]) -> list[float]:
    latencies_ms = []
    for request in requests:
        before = time.perf_counter()
        call(request)
        latencies_ms.append((time.perf_counter() - before) * 1000)
    return latencies_ms


@bench("workers")
def workers(loaded: LoadedBureau) -> Iterator[Measure]:
    """Each load by one process and by two workers."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-workers-") as folder,
        process.on_core(process.ALL_CORES),
        ExitStack() as stack,
    ):
        nodes = {count: _node(stack, loaded, Path(folder) / f"{count}", count) for count in COUNTS}
        for name, method, make in LOADS:
            for _ in range(loaded.size.rounds):
                for node in nodes.values():
                    node.run(method, make(loaded))
            one, two = nodes.values()
            yield Measure(
                name=f"{name}, two workers on SQLite beside one process",
                value=two.rate,
                unit="1/s",
                baseline=one.rate,
                least_ratio=LEAST_RATIO if name == "reports" else None,
            )
            for words, share in (("p50", 0.5), ("p99", 0.99)):
                yield Measure(
                    name=f"{name}, two workers beside one process, {words} with {CALLERS} callers",
                    value=percentile(two.latencies_ms, share),
                    unit="ms",
                    baseline=percentile(one.latencies_ms, share),
                )
            for node in nodes.values():
                node.forget()


def _node(stack: ExitStack, loaded: LoadedBureau, folder: Path, count: int) -> Node:
    """Serves a copy of the bureau."""
    # The kept checkpoint first: the copy of the database must hold it.
    shutil.copytree(loaded.folder, folder, ignore=shutil.ignore_patterns("bureau.db*"))
    with (
        closing(sqlite3.connect(loaded.folder / "bureau.db")) as source,
        closing(sqlite3.connect(folder / "bureau.db")) as copy,
    ):
        source.backup(copy)
    address = f"127.0.0.1:{free_port()}"
    stack.enter_context(
        serving(
            *(*BUREAU_SERVE, folder, "--listen", address, "--workers", str(count)),
            log=folder / "serve.log",
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
