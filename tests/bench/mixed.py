"""Reports while others use the node: another member uploads batches of 10,000 records, floods it
with inquiries of its own, or reads the log. Beside the same reports with nothing else going on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle

import grpc

from creditbureau.v1.log_pb2 import GetInclusionProofRequest
from creditbureau.v1.reporting_pb2 import EVIDENCE_LEVEL_NONE
from tests.bench.fixture import BATCH, LoadedBureau
from tests.bench.load import CALLERS, Load
from tests.bench.measure import Measure, Target, bench, percentile
from tests.bench.people import months_back, record
from tests.bench.reports import inquiries

LENDER, OTHER = "alder", "birch"
# Calls of the measured member in one round.
ROUND = 300
# Callers of the member that floods: as many as a node works on at once.
FLOOD = 32
# The newest month of the uploads, before those of other parts.
BEFORE = 202012
# Leaves that are there for sure.
LEAVES = 1000

# Keeps the node busy until it is told to stop.
Disturbance = Callable[[LoadedBureau, threading.Event], None]


@bench("mixed")
def mixed(loaded: LoadedBureau) -> Iterator[Measure]:
    """Each disturbance in turn with quiet rounds."""
    call = loaded.lenders[LENDER].call("Reporting/QueryReport")
    make = inquiries(loaded, loaded.people, EVIDENCE_LEVEL_NONE)
    for name, disturbance in DISTURBANCES.items():
        quiet, disturbed = Load(), Load()
        for _ in range(loaded.size.rounds):
            quiet.run(loaded.bureau.pid, call, make(ROUND))
            requests = make(ROUND)
            with during(disturbance, loaded):
                disturbed.run(loaded.bureau.pid, call, requests)
        p50, p99 = (percentile(disturbed.latencies_ms, share) for share in (0.5, 0.99))
        yield Measure(
            name=f"reports while another member {name}, p50 beside quiet",
            value=p50,
            unit="ms",
            baseline=percentile(quiet.latencies_ms, 0.5),
        )
        yield Measure(
            name=f"reports while another member {name}, p99 beside p50 with {CALLERS} callers",
            value=p99,
            unit="ms",
            baseline=p50,
            target=Target("ratio", "most", 5),
        )


@contextmanager
def during(disturbance: Disturbance, loaded: LoadedBureau) -> Iterator[None]:
    """Keep a disturbance going inside the block; what it raises is raised at the end."""
    stopping = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(disturbance, loaded, stopping)
        try:
            yield
        finally:
            stopping.set()
        running.result()


def upload(loaded: LoadedBureau, stopping: threading.Event) -> None:
    """Submit batches of records of known accounts, one after the other."""
    lender = loaded.lenders[OTHER]
    submit = lender.call("Furnishing/SubmitRecords")
    accounts = [account for account in loaded.crowd if account.lender == OTHER][:BATCH]
    for month in cycle(months_back(12, BEFORE)):
        batch = [record(account, month) for account in accounts]
        if stopping.is_set():
            return
        submit(lender.submission(batch))


def flood(loaded: LoadedBureau, stopping: threading.Event) -> None:
    """Query reports with more callers than a member may have at once; some are refused."""
    call = loaded.lenders[OTHER].call("Reporting/QueryReport")
    make = inquiries(loaded, loaded.people, EVIDENCE_LEVEL_NONE, lender_name=OTHER)

    def send(_number: int) -> None:
        while not stopping.is_set():
            for request in make(10):
                try:
                    call(request)
                except grpc.RpcError as error:
                    if error.code() != grpc.StatusCode.RESOURCE_EXHAUSTED:
                        raise

    with ThreadPoolExecutor(FLOOD) as pool:
        list(pool.map(send, range(FLOOD)))


def read_log(loaded: LoadedBureau, stopping: threading.Event) -> None:
    """Ask for one inclusion proof after the other."""
    call = loaded.lenders[OTHER].call("Log/GetInclusionProof")
    for index in cycle(range(LEAVES)):
        if stopping.is_set():
            return
        call(GetInclusionProofRequest(leaf_index=index, tree_size=LEAVES).SerializeToString())


DISTURBANCES: dict[str, Disturbance] = {
    "uploads batches": upload,
    "floods the node": flood,
    "reads the log": read_log,
}
