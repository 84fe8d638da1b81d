"""Reports while others use the node: another member uploads batches of 10,000 records, or of as
many as the SDK sends, floods it with inquiries of its own, audits the log, streams its portfolio,
or follows alerts. Beside the same reports with nothing else going on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import chain, cycle, islice
from typing import Any

import grpc

from bureau_client._operations.batches import BATCH_RECORDS
from bureau_keys.envelope import seal
from creditbureau.v1.furnishing_pb2 import SubmitRecordsResponse
from creditbureau.v1.log_pb2 import GetInclusionProofRequest
from creditbureau.v1.record_pb2 import FACILITY_ACTION_KIND_FREEZE, FACILITY_ACTION_KIND_RESTORE
from creditbureau.v1.reporting_pb2 import (
    EVIDENCE_LEVEL_NONE,
    AcknowledgeAlertsRequest,
    PortfolioInquiry,
    QueryPortfolioRequest,
    WatchAlertsRequest,
    WatchAlertsResponse,
)
from tests.bench import customers
from tests.bench.alerts import action
from tests.bench.fixture import BATCH, WATCHER, LoadedBureau
from tests.bench.load import CALLERS, Load
from tests.bench.measure import Measure, Target, bench, percentile
from tests.bench.people import is_card, months_back, record
from tests.bench.reports import inquiries

LENDER, OTHER = "alder", WATCHER
# Calls of the measured member in one round.
ROUND = 300
# Callers of the member that floods: as many as a node works on at once.
FLOOD = 32
# The newest month of the uploads, before those of other parts.
BEFORE = 202012
# Leaves that are there for sure.
LEAVES = 1000

# Records that are ready before a round begins. Making one takes the callers' core longer than the
# node needs for it: a short round would otherwise end before the first batch is sent.
READY = 60_000

# Keeps the node busy until the event is set.
Busy = Callable[[threading.Event], None]
# Prepares the requests of one round.
Disturbance = Callable[[LoadedBureau], Busy]


@bench("mixed")
def mixed(loaded: LoadedBureau) -> Iterator[Measure]:
    """Each disturbance in turn with quiet rounds."""
    customers.sign_up_customers(loaded)
    call = loaded.lenders[LENDER].call("Reporting/QueryReport")
    make = inquiries(loaded, loaded.people, EVIDENCE_LEVEL_NONE)
    for name, disturbance in DISTURBANCES.items():
        quiet, disturbed = Load(), Load()
        for _ in range(loaded.size.rounds):
            quiet.run(loaded.bureau.pid, call, make(ROUND))
            busy, requests = disturbance(loaded), make(ROUND)
            with during(busy):
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
def during(busy: Busy) -> Iterator[None]:
    """Keep a disturbance going inside the block; raise its error, if any, at the end."""
    stopping = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(busy, stopping)
        try:
            yield
        finally:
            stopping.set()
        running.result()


def upload(loaded: LoadedBureau, batch: int = BATCH) -> Busy:
    """Submit batches of records of the same accounts, one after the other."""
    lender = loaded.lenders[OTHER]
    submit = lender.call("Furnishing/SubmitRecords")
    accounts = [account for account in loaded.crowd if account.lender == OTHER][:batch]
    submissions = (
        lender.submission([record(account, month) for account in accounts])
        for month in cycle(months_back(12, BEFORE))
    )
    ready = list(islice(submissions, READY // batch))

    def run(stopping: threading.Event) -> None:
        for submission in chain(ready, submissions):
            submit(submission)
            if stopping.is_set():
                return

    return run


def flood(loaded: LoadedBureau) -> Busy:
    """Query reports with more callers than a member may have at once; some are refused."""
    call = loaded.lenders[OTHER].call("Reporting/QueryReport")
    make = inquiries(loaded, loaded.people, EVIDENCE_LEVEL_NONE, lender_name=OTHER)

    def send(stopping: threading.Event) -> None:
        while not stopping.is_set():
            for request in make(10):
                try:
                    call(request)
                except grpc.RpcError as error:
                    if error.code() != grpc.StatusCode.RESOURCE_EXHAUSTED:
                        raise

    def run(stopping: threading.Event) -> None:
        with ThreadPoolExecutor(FLOOD) as pool:
            list(pool.map(send, [stopping] * FLOOD))

    return run


def audit(loaded: LoadedBureau) -> Busy:
    """Ask for one inclusion proof after the other."""
    call = loaded.lenders[OTHER].call("Log/GetInclusionProof")

    def run(stopping: threading.Event) -> None:
        for index in cycle(range(LEAVES)):
            if stopping.is_set():
                return
            call(GetInclusionProofRequest(leaf_index=index, tree_size=LEAVES).SerializeToString())

    return run


def stream_portfolio(loaded: LoadedBureau) -> Busy:
    """Query reports on all customers by one inquiry after the other."""
    lender = loaded.lenders[OTHER]
    open_stream: Any = lender.channel.unary_stream("/creditbureau.v1.Reporting/QueryPortfolio")
    count = len(customers.customers(loaded))

    def run(stopping: threading.Event) -> None:
        while not stopping.is_set():
            inquiry = PortfolioInquiry(header=lender.header(), purpose=customers.PURPOSE)
            request = QueryPortfolioRequest(inquiry=seal(inquiry, lender.key))
            assert sum(1 for _ in open_stream(request.SerializeToString())) == count

    return run


def follow_alerts(loaded: LoadedBureau) -> Busy:
    """Freeze and restore all lines of the customers by batches, and wait for the alerts."""
    actor, watcher = loaded.lenders[customers.SECOND], loaded.lenders[OTHER]
    submit = actor.call("Furnishing/SubmitRecords")
    acknowledge = watcher.call("Reporting/AcknowledgeAlerts")
    open_stream: Any = watcher.channel.unary_stream("/creditbureau.v1.Reporting/WatchAlerts")
    lines = [
        account
        for person in customers.customers(loaded)
        for account in person.accounts
        if account.lender == customers.SECOND and is_card(account)
    ]

    def run(stopping: threading.Event) -> None:
        stream = open_stream(WatchAlertsRequest().SerializeToString())
        alert = WatchAlertsResponse()
        while not stopping.is_set():
            for kind in (FACILITY_ACTION_KIND_FREEZE, FACILITY_ACTION_KIND_RESTORE):
                request = actor.submission([action(line, kind) for line in lines])
                cause = SubmitRecordsResponse.FromString(submit(request)).receipt.leaf_index
                while alert.alert.cause_leaf_index < cause:
                    alert = WatchAlertsResponse.FromString(next(stream))
        stream.cancel()
        acknowledge(AcknowledgeAlertsRequest(cursor=alert.cursor).SerializeToString())

    return run


DISTURBANCES: dict[str, Disturbance] = {
    "uploads batches": upload,
    "uploads by the SDK's batches": partial(upload, batch=BATCH_RECORDS),
    "floods the node": flood,
    "audits the log": audit,
    "streams its portfolio": stream_portfolio,
    "follows alerts": follow_alerts,
}
