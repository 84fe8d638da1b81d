"""The bureau beside a plain, unsigned service that answers the same questions.

The service (`tests/bench/plain_service`) is what many teams would build first: FastAPI, SQLModel
and uvicorn over SQLite, with TLS. It has the people, accounts and months of the bureau. It asks its
callers for no certificate and verifies no signature. Bureau and service take turns on the servers'
core; with two workers the two take turns on all cores, which the callers share.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from creditbureau.v1.report_pb2 import Report
from creditbureau.v1.reporting_pb2 import EVIDENCE_LEVEL_NONE, QueryReportResponse
from tests.bench import plain_calls, process
from tests.bench.bulk import Spent
from tests.bench.fixture import BATCH, LoadedBureau
from tests.bench.load import CALLERS, Load
from tests.bench.measure import Measure, Target, bench, percentile
from tests.bench.people import Account, months_back, record
from tests.bench.plain_calls import PlainService, serving_plain
from tests.bench.reports import inquiries
from tests.bench.workers import copy_bureau, serve_node

LENDER = "alder"
METHOD = "Reporting/QueryReport"
WORKERS = 2
REPORTS = Target("ratio", "least", 2.5)
RECORDS = Target("ratio", "least", 4)
REPORTS_OF_WORKERS = Target("ratio", "least", 4)
# The newest month of the batches, before those of other parts.
NEWEST = 202012
# People whose reports are compared before any is measured.
CHECKED = 20
# Figures of the summary that both compute.
FIGURES = (
    "tradeline_count",
    "open_tradeline_count",
    "furnisher_count",
    "delinquent_tradeline_count",
    "worst_status_24m",
    "oldest_open_date",
    "inquiry_count_6m",
    "lending_line_count",
    "stale_tradeline_count",
)
COLUMNS = (
    "profile",
    "balance_minor",
    "amount_due_minor",
    "amount_paid_minor",
    "amount_past_due_minor",
)


@bench("plain")
def plain(loaded: LoadedBureau) -> Iterator[Measure]:
    """Reports and bulk records on one core, then reports of two workers on all cores."""
    with tempfile.TemporaryDirectory(prefix="bench-plain-") as name, ExitStack() as stack:
        folder = Path(name)
        with serving_plain(loaded, folder) as service:
            plain_calls.fill(loaded, service)
            yield from _reports(loaded, service)
            yield from _bulk(loaded, service)
        stack.enter_context(process.on_core(process.ALL_CORES))
        service = stack.enter_context(serving_plain(loaded, folder, process.ALL_CORES))
        node = serve_node(stack, loaded, copy_bureau(loaded, folder / "bureau"), WORKERS)
        alone = Load()
        for _ in range(loaded.size.rounds):
            node.run(METHOD, _signed(loaded))
            alone.run(service.pid, service.call("/reports"), _unsigned(loaded))
        yield Measure(
            name=f"reports, {WORKERS} workers beside a plain service's one process, on all cores",
            value=node.rate,
            unit="1/s",
            baseline=alone.rate,
            target=REPORTS_OF_WORKERS,
        )


def _signed(loaded: LoadedBureau) -> list[bytes]:
    return inquiries(loaded, loaded.people, EVIDENCE_LEVEL_NONE)(loaded.size.calls)


def _unsigned(loaded: LoadedBureau) -> list[bytes]:
    return plain_calls.inquiries(loaded.people, LENDER)(loaded.size.calls)


def _reports(loaded: LoadedBureau, service: PlainService) -> Iterator[Measure]:
    """Query reports on the same people from both."""
    query, query_plain = loaded.lenders[LENDER].call(METHOD), service.call("/reports")
    for signed, unsigned in islice(zip(_signed(loaded), _unsigned(loaded), strict=True), CHECKED):
        _check_same(query(signed), query_plain(unsigned))
    bureau, bare = Load(), Load()
    for _ in range(loaded.size.rounds):
        bureau.run(loaded.bureau.pid, query, _signed(loaded))
        bare.run(service.pid, query_plain, _unsigned(loaded))
    yield Measure(
        name="reports, beside a plain service",
        value=bureau.rate,
        unit="1/s",
        baseline=bare.rate,
        target=REPORTS,
    )
    yield Measure(
        name="reports, beside a plain service, by processor time",
        value=bureau.rate_of_processor,
        unit="1/s",
        baseline=bare.rate_of_processor,
        target=REPORTS,
    )
    for point, share in (("p50", 0.5), ("p99", 0.99)):
        yield Measure(
            name=f"reports, beside a plain service, {point} with {CALLERS} callers",
            value=percentile(bureau.latencies_ms, share),
            unit="ms",
            baseline=percentile(bare.latencies_ms, share),
        )


def _bulk(loaded: LoadedBureau, service: PlainService) -> Iterator[Measure]:
    """Submit the same batches to both: new accounts, then more months of the same accounts."""
    lender = loaded.lenders[LENDER]
    submit, submit_plain = lender.call("Furnishing/SubmitRecords"), service.call("/records")
    crowd = [account for account in loaded.crowd if account.lender == LENDER]
    first, *later = months_back(loaded.size.batches + 1, NEWEST)
    accounts = [
        [
            Account(LENDER, f"plain-{number}-{account.ref}", account.subject_id)
            for account in islice(crowd, BATCH)
        ]
        for number in range(loaded.size.batches)
    ]
    for kind, batches in (
        ("new", [(batch, first) for batch in accounts]),
        ("known", [(accounts[0], month) for month in later]),
    ):
        bureau, bare = Spent(), Spent()
        for batch, month in batches:
            records = [record(account, month) for account in batch]
            signed, body = lender.submission(records), plain_calls.submission(LENDER, records)
            with bureau.on(loaded.bureau.pid):
                submit(signed)
            with bare.on(service.pid):
                answer = json.loads(submit_plain(body))
            assert answer == {"count": BATCH, "new": BATCH if kind == "new" else 0}
        count = len(batches) * BATCH
        name = f"bulk records of {kind} accounts, beside a plain service"
        yield Measure(
            name=name,
            value=count / bureau.seconds,
            unit="1/s",
            baseline=count / bare.seconds,
            target=RECORDS,
        )
        yield Measure(
            name=f"{name}, by processor time",
            value=count / bureau.processor_s,
            unit="1/s",
            baseline=count / bare.processor_s,
            target=RECORDS,
        )


def _check_same(answer: bytes, plain_answer: bytes) -> None:
    """Check that both report the same figures and histories of a person."""
    report = Report.FromString(QueryReportResponse.FromString(answer).report.payload)
    body = json.loads(plain_answer)
    for figure in FIGURES:
        assert body["summary"][figure] == getattr(report.summary, figure), figure
    for total, plain_total in zip(report.summary.totals, body["summary"]["totals"], strict=True):
        assert plain_total == {name: getattr(total, name) for name in plain_total}
    assert sorted(
        [line["lender"], *(list(line["history"][column]) for column in COLUMNS)]
        for line in body["tradelines"]
    ) == sorted(
        [line.member_id, *(list(getattr(line.history, column)) for column in COLUMNS)]
        for line in report.tradelines
    )
