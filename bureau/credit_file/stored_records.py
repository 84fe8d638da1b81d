"""The records of accounts, read from their rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from bureau.credit_file.history import TrailEntry
from bureau.store import queries as q
from bureau.store.database import Connection
from creditbureau.v1.record_pb2 import Record, TradelineSnapshot

# A step of a trail with its record and the id of its submission.
StepAndRecord = tuple[TrailEntry, Record, str]


class StoredRecords:
    """The records of accounts, each read and parsed once."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._records: dict[tuple[int, int], tuple[Record, str]] = {}

    def read(self, steps: Iterable[TrailEntry]) -> None:
        """Read the records of steps together, before each is asked for."""
        keys = dict.fromkeys((step.submission_key, step.record_index) for step in steps)
        unread = [key for key in keys if key not in self._records]
        for row in self._db.all_in(q.records_at, unread):
            record = Record.FromString(row.body)
            self._records[row.submission_key, row.record_index] = record, row.submission_id

    def of(self, steps: Collection[TrailEntry]) -> Iterator[StepAndRecord]:
        """Yield each step with its record; what was not read before is read together."""
        self.read(steps)
        for step in steps:
            yield step, *self._records[step.submission_key, step.record_index]


def records_of(db: Connection, steps: Collection[TrailEntry]) -> Iterator[StepAndRecord]:
    """Read the records of steps together, in their order, each with the id of its submission."""
    return StoredRecords(db).of(steps)


def record_of(db: Connection, step: TrailEntry) -> tuple[Record, str]:
    """Read a record of a trail, with the id of its submission."""
    (row,) = db.all_in(q.records_at, [(step.submission_key, step.record_index)])
    return Record.FromString(row.body), row.submission_id


def snapshots_at(
    db: Connection, newest: Iterable[tuple[int, int]]
) -> dict[tuple[int, int], TradelineSnapshot]:
    """Read many snapshots by submission key and record index: those of one submission together,
    because the months of a member's accounts mostly came so.
    """
    by_submission: defaultdict[int, set[int]] = defaultdict(set)
    for submission_key, record_index in newest:
        by_submission[submission_key].add(record_index)
    return {
        (submission_key, record_index): Record.FromString(body).snapshot
        for submission_key, indices in by_submission.items()
        for block in set(db.all_in(q.blocks_at, sorted(indices), submission_key=submission_key))
        for record_index, body in enumerate(block.bodies(), block.record_index)
        if record_index in indices
    }
