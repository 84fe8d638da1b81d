"""Reports as Arrow tables: 10,000 reports like those that the bureau gives on ordinary files.

The baseline makes plain dictionaries of the months of the same reports, and nothing of their
accounts, inquiries and attributes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, islice
from typing import Any

from bureau_client._codec.reports import read_report
from bureau_client.models.reports import Report
from bureau_client.risk.tables import report_tables
from creditbureau.v1 import report_pb2
from creditbureau.v1.reporting_pb2 import EVIDENCE_LEVEL_NONE, QueryReportResponse
from tests.bench.fixture import QUICK, LoadedBureau
from tests.bench.measure import Measure, Target, bench
from tests.bench.reports import LENDER, inquiries

REPORTS = 10_000
# Both take turns at slices of this many reports.
SLICE = 1_000
TARGET = Target("ratio", "least", 2.0)


@bench("arrow")
def arrow(loaded: LoadedBureau) -> Iterator[Measure]:
    """Processor time of one process; the reports are in memory."""
    slices = 2 if loaded.size == QUICK else REPORTS // SLICE
    queried = _queried(loaded)
    report_tables(queried)  # loads the functions of Arrow
    bare = took = 0.0
    rows = months = 0
    for reports in _slices(queried, slices):
        started = time.process_time()
        rows += len(list(month_rows(reports)))
        between = time.process_time()
        tables = report_tables(reports)
        took += time.process_time() - between
        bare += between - started
        months += tables.months.num_rows
    assert rows == months > 0, "both have the same months"
    yield Measure(
        name="reports to Arrow tables, by processor time",
        value=slices * SLICE / took,
        unit="reports/s",
        baseline=slices * SLICE / bare,
        target=TARGET,
    )


def _queried(loaded: LoadedBureau) -> list[Report]:
    """A full report on each of the people."""
    call = loaded.lenders[LENDER].call("Reporting/QueryReport")
    requests = inquiries(loaded, loaded.people, EVIDENCE_LEVEL_NONE, "full")(len(loaded.people))
    payloads = [QueryReportResponse.FromString(call(one)).report.payload for one in requests]
    return [
        read_report(report_pb2.Report.FromString(payload), envelope=b"", inquiry=b"")
        for payload in payloads
    ]


def _slices(reports: list[Report], count: int) -> Iterator[list[Report]]:
    """Slices of the reports, repeated under new ids."""
    repeated = cycle(reports)
    for number in range(count):
        yield [
            replace(report, request_id=f"{number}-{index}", subject_id=f"{number:016}{index:016}")
            for index, report in enumerate(islice(repeated, SLICE))
        ]


def month_rows(reports: list[Report]) -> Iterator[dict[str, Any]]:
    """The rows of the table of months, as a loop over the models gives them."""
    for one in reports:
        for line in one.tradelines:
            for month in line.history.months() if line.history else ():
                yield {
                    "report_id": one.request_id,
                    "subject_id": one.subject_id,
                    "report_time": one.issue_time,
                    "log_size": one.log_size,
                    "tradeline_id": line.tradeline_id,
                    "currency": line.currency,
                    "month": month.month,
                    "status": month.status,
                    "balance_minor": month.balance_minor,
                    "amount_due_minor": month.amount_due_minor,
                    "amount_paid_minor": month.amount_paid_minor,
                    "amount_past_due_minor": month.amount_past_due_minor,
                }
