"""Growth: a bureau with many more accounts, beside one without them, in turns.

The accounts come through the front door, in signed batches about people with signed consents, so
that the database is what a bureau would hold: `db check` passes, and the reports on people of the
crowd hold every account that was furnished.
"""

from __future__ import annotations

import random
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from creditbureau.v1 import codes_pb2
from creditbureau.v1.report_pb2 import Report
from creditbureau.v1.reporting_pb2 import EVIDENCE_LEVEL_NONE, QueryReportResponse
from tests.bench import process
from tests.bench.fixture import (
    BATCH,
    BUREAU_SERVE,
    CALLERS,
    LENDERS,
    LoadedBureau,
    open_loaded_bureau,
)
from tests.bench.load import Load
from tests.bench.measure import Measure, Target, bench, percentile
from tests.bench.people import NEWEST_MONTH, Account, Person, people, record
from tests.bench.process import MIB
from tests.bench.reports import LENDER, inquiries
from tests.bench.statements import attestation, consent, consent_id_of

# Accounts of one person of the crowd, so that ten million need 25,000 people's signatures.
EACH = 400
# People of the crowd whose reports are read.
SAMPLES = 20
# Calls of each bureau in one round.
ROUND = 100
# Statements that are signed before the first of them is sent: a bureau refuses older ones.
AHEAD = 1_000


@bench("growth")
def growth(loaded: LoadedBureau) -> Iterator[Measure]:
    """Measure latency, memory, disk, backup and check with `Size.growth` accounts."""
    size, wanted = replace(loaded.size, crowd=0), loaded.size.growth
    whole = f"at {wanted:,} accounts"
    with ExitStack() as stack:
        folders = [stack.enter_context(TemporaryDirectory(prefix="bench-growth-")) for _ in "12"]
        few, grown = (
            stack.enter_context(open_loaded_bureau(Path(folder), size)) for folder in folders
        )
        crowd = crowd_of(wanted)
        sign_up(grown, crowd)
        before = stored_bytes(grown.folder)
        used = process.cpu_seconds(grown.bureau.pid)
        furnished = sum(_furnish(grown, crowd))
        yield Measure(
            name=f"records of new accounts, up to {furnished:,}, by processor time",
            value=furnished / (process.cpu_seconds(grown.bureau.pid) - used),
            unit="1/s",
        )
        _check(grown, crowd[:: max(len(crowd) // SAMPLES, 1)])
        small, large = _in_turns(few, grown)
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            yield Measure(
                name=f"report {whole}, {name} with one caller",
                value=percentile(large.latencies_ms, share),
                unit="ms",
                baseline=percentile(small.latencies_ms, share),
                target=Target("ratio", "most", 1.3) if name == "p50" else None,
            )
        yield Measure(
            name=f"report {whole}, by processor time",
            value=large.rate_of_processor,
            unit="1/s",
            baseline=small.rate_of_processor,
        )
        yield Measure(
            name=f"memory {whole}",
            value=process.memory_mib(grown.bureau.pid),
            unit="MiB",
            baseline=process.memory_mib(few.bureau.pid),
        )
        stored = stored_bytes(grown.folder)
        yield Measure(name=f"database {whole}", value=stored / MIB, unit="MiB")
        yield Measure(
            name=f"stored for an account of one month {whole}",
            value=(stored - before) / furnished,
            unit="bytes",
        )
        yield from _operated(grown.folder, whole)


def crowd_of(accounts: int) -> list[Person]:
    """Make people who have a number of accounts between them, EACH of their own."""
    return [replace(person, accounts=()) for person in people("grown", LENDERS, accounts // EACH)]


def _accounts_of(person: Person) -> Iterator[Account]:
    """Make a person's accounts when they are needed: ten million would fill the memory."""
    for number in range(EACH):
        ref = f"{person.subject_id}-{number}"
        yield Account(LENDERS[number % len(LENDERS)], ref, person.subject_id)


def sign_up(grown: LoadedBureau, crowd: list[Person]) -> None:
    """Bind the keys of the crowd, and let all lenders furnish and the one inquire."""
    origin, agent = grown.settings.origin, grown.lenders[LENDERS[0]]
    keys = (attestation(origin, person, LENDERS[0], agent.key) for person in crowd)
    _send(agent.call("Subjects/AttestKey"), keys)
    consents = (
        request
        for person in crowd
        for request in (
            *(consent(origin, person, name, codes_pb2.ACTION_FURNISH) for name in LENDERS),
            consent(origin, person, LENDER, consent_id=consent_id_of(person, LENDER)),
        )
    )
    _send(agent.call("Consents/GrantConsent"), consents)


def _send(call: Callable[[bytes], bytes], requests: Iterator[bytes]) -> None:
    """Send requests that are signed on the way."""
    with ThreadPoolExecutor(CALLERS) as pool:
        while ready := list(islice(requests, AHEAD)):
            list(pool.map(call, ready))


def _furnish(grown: LoadedBureau, crowd: list[Person]) -> Iterator[int]:
    """Furnish a month of every account; yield the number of records of each batch."""
    for name in LENDERS:
        lender = grown.lenders[name]
        submit = lender.call("Furnishing/SubmitRecords")
        records = (
            record(account, NEWEST_MONTH)
            for person in crowd
            for account in _accounts_of(person)
            if account.lender == name
        )
        while batch := list(islice(records, BATCH)):
            submit(lender.submission(batch))
            yield len(batch)


def _check(grown: LoadedBureau, sample: list[Person]) -> None:
    """Check that the reports on some of the crowd hold all of their accounts."""
    query = grown.lenders[LENDER].call("Reporting/QueryReport")
    for request in inquiries(grown, sample, EVIDENCE_LEVEL_NONE)(len(sample)):
        answer = QueryReportResponse.FromString(query(request))
        report = Report.FromString(answer.report.payload)
        assert len(report.tradelines) == EACH


def _in_turns(few: LoadedBureau, many: LoadedBureau) -> tuple[Load, Load]:
    """Query reports on ordinary people of two bureaus, drawn by chance, one caller after the
    other.
    """
    loads, dice = (Load(), Load()), random.Random("growth")
    for _ in range(few.size.rounds):
        asked = dice.sample(few.people, min(ROUND, len(few.people)))  # the same people in both
        for load, bureau in zip(loads, (few, many), strict=True):
            query = bureau.lenders[LENDER].call("Reporting/QueryReport")
            requests = inquiries(bureau, asked, EVIDENCE_LEVEL_NONE)(len(asked))
            load.run(bureau.bureau.pid, query, requests, callers=1)
    return loads


def stored_bytes(folder: Path) -> int:
    """Return the bytes of a SQLite database, with those that are in its write-ahead log only."""
    with closing(sqlite3.connect(folder / "bureau.db")) as database:
        (pages,), (size,) = (
            database.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size")
        )
    return int(pages * size)


def _operated(folder: Path, whole: str) -> Iterator[Measure]:
    """Back the database up, and check it: all is read and computed again."""
    for words, arguments in (
        ("db backup", ["backup", str(folder / "backup")]),
        ("db check", ["check"]),
    ):
        command = [str(BUREAU_SERVE[0]), "db", *arguments, "--dir", str(folder)]
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        yield Measure(name=f"{words} {whole}", value=time.perf_counter() - started, unit="s")
