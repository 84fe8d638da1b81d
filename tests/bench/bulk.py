"""Bulk: batches of 10,000 signed records, beside raw SQLite.

The baseline writes the very rows that the bureau stored for a batch, into a copy of
its database from before, with the same tables, indexes and pragmas, by
`executemany` and in one commit, on the servers' core. It is handed the rows ready made:
it parses, verifies, looks up and decides nothing, and writes no column that came out as
it was.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bureau.store.database import Database
from bureau.store.record_blocks import RecordBlock
from creditbureau.v1.furnishing_pb2 import SubmitRecordsResponse
from tests.bench.fixture import BATCH, LENDERS, LoadedBureau
from tests.bench.measure import Measure, Target, bench
from tests.bench.people import months_back, record
from tests.bench.process import SERVER_CORE, cpu_seconds, on_core

# What a batch leaves behind: table, and how its rows are found by the entry's key.
STORED = (
    ("tradeline", "tradeline_key > :tradeline"),
    ("tradeline_party", "tradeline_key > :tradeline"),
    ("record", "submission_key = :entry"),
    ("record_tile", "submission_key = :entry"),
    ("submission", "submission_key = :entry"),
    ("entry", "entry_key = :entry"),
    ("statement", "entry_key = :entry"),
    ("notice", "entry_key = :entry"),
    ("checkpoint", "time_us >= (SELECT time_us FROM entry WHERE entry_key = :entry)"),
)
# What it changes: the accounts that were known before.
MOVED = (
    "SELECT history, trail, marks, newest_submission_key, newest_record_index, tradeline_key "
    "FROM tradeline WHERE newest_submission_key = :entry AND tradeline_key <= :tradeline"
)
MOVE = (
    "UPDATE tradeline SET history = ?, trail = ?, marks = ?, newest_submission_key = ?, "
    "newest_record_index = ? WHERE tradeline_key = ?"
)


@bench("bulk")
def bulk(loaded: LoadedBureau) -> Iterator[Measure]:
    """The crowd's first month (every account new), then more months of the same."""
    crowd = {
        name: [account for account in loaded.crowd if account.lender == name] for name in LENDERS
    }
    new_batches = min(loaded.size.batches, len(LENDERS) * len(crowd[LENDERS[0]]) // BATCH)
    months = list(months_back(loaded.size.batches + 1))
    with closing(Raw(Path(loaded.settings.folder))) as raw:
        for name, batches in (
            ("bulk records, new accounts", [(lender, months[0]) for lender in LENDERS]),
            (
                "bulk records, known accounts",
                [(lender, month) for month in months[1:] for lender in LENDERS],
            ),
        ):
            spent, bare = Spent(), Spent()
            wanted = new_batches if "new" in name else loaded.size.batches
            for lender_name, month in batches[:wanted]:
                lender = loaded.lenders[lender_name]
                submit = lender.call("Furnishing/SubmitRecords")
                request = lender.submission(
                    [record(account, month) for account in crowd[lender_name][:BATCH]]
                )
                with spent.on(loaded.bureau.pid):
                    answer = submit(request)
                raw.repeat(SubmitRecordsResponse.FromString(answer), bare)
            count = wanted * BATCH
            yield Measure(
                name=name,
                value=count / spent.seconds,
                unit="1/s",
                baseline=count / bare.seconds,
                target=Target("ratio", "least", 0.35),
            )
            yield Measure(
                name=f"{name}, by processor time",
                value=count / spent.processor_s,
                unit="1/s",
                baseline=count / bare.processor_s,
            )


def _record_count(row: tuple[int, int, int, bytes]) -> int:
    """Return the number of records in a row."""
    return len(RecordBlock(*row[1:]).records())


@dataclass(slots=True)
class Spent:
    """Time that was spent on something, on the wall and of the processor."""

    seconds: float = 0.0
    processor_s: float = 0.0

    @contextmanager
    def on(self, pid: int) -> Iterator[None]:
        """Adds what the block takes, and what a process does meanwhile."""
        started, used = time.perf_counter(), cpu_seconds(pid)
        yield
        self.seconds += time.perf_counter() - started
        self.processor_s += cpu_seconds(pid) - used


class Raw:
    """A copy of the bureau's database, written without the bureau."""

    def __init__(self, folder: Path) -> None:
        path = folder / "raw.db"
        with (
            closing(sqlite3.connect(folder / "bureau.db")) as source,
            closing(sqlite3.connect(path)) as copy,
        ):
            source.backup(copy)
        self._source = sqlite3.connect(folder / "bureau.db")
        # The bureau's own way to connect: the same pragmas.
        self._database = Database(f"sqlite:///{path}")
        self._pooled = self._database.engine.raw_connection()

    def repeat(self, answer: SubmitRecordsResponse, bare: Spent) -> None:
        """Inserts what the bureau stored for a submission."""
        raw = self._pooled.cursor()
        (entry,) = self._source.execute(
            "SELECT entry_key FROM entry WHERE leaf_index = ?", [answer.receipt.leaf_index]
        ).fetchone()
        (tradeline,) = raw.execute("SELECT max(tradeline_key) FROM tradeline").fetchone()
        keys = {"entry": entry, "tradeline": tradeline}
        rows = {
            table: self._source.execute(f"SELECT * FROM {table} WHERE {where}", keys).fetchall()
            for table, where in STORED
        }
        assert sum(map(_record_count, rows["record"])) == answer.submission.record_count
        moved = self._source.execute(MOVED, keys).fetchall()
        with on_core(SERVER_CORE), bare.on(os.getpid()):
            raw.execute("BEGIN IMMEDIATE")
            for table, stored in rows.items():
                if stored:
                    places = ", ".join("?" * len(stored[0]))
                    raw.executemany(f"INSERT INTO {table} VALUES ({places})", stored)
            raw.executemany(MOVE, moved)
            raw.execute("COMMIT")

    def close(self) -> None:
        """Closes both databases."""
        self._source.close()
        self._pooled.close()
        self._database.dispose()
