"""The credit file of one subject as of a log size: what is on record, read once.

Everything comes from records below that size, so the same size gives the same
file for ever.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from bureau.store import statements as s
from bureau.store.database import Connection
from creditbureau.v1 import report_pb2
from creditbureau.v1.record_pb2 import Record, TradelineSnapshot

# Hard inquiries are shown for two years.
INQUIRY_KEPT_US = 730 * 86_400 * 1_000_000


class MonthRow(NamedTuple):
    """What holds for one month of a tradeline, as `statements.file_records` has it."""

    tradeline_key: int
    month: int
    status: int
    balance_minor: int
    amount_due_minor: int
    amount_paid_minor: int
    amount_past_due_minor: int
    submission_key: int
    record_index: int
    record_key: int
    correction: int


@dataclass(frozen=True, slots=True)
class FiledTradeline:
    """A tradeline: the subject's part in it, its months, newest first, and its newest
    record.
    """

    tradeline_id: str
    member_id: str
    role: int
    months: list[MonthRow]
    snapshot: TradelineSnapshot
    submission_id: str


@dataclass(frozen=True, slots=True)
class FiledInquiry:
    """A hard inquiry on the file."""

    inquiry_id: str
    member_id: str
    purpose: int
    kind: int
    outcome: int
    create_us: int
    leaf_index: int


@dataclass(frozen=True, slots=True)
class CreditFile:
    """Everything held on one subject, as of a log size and a time."""

    subject_id: str
    log_size: int
    now_us: int
    tradelines: list[FiledTradeline] = field(default_factory=list)
    inquiries: list[FiledInquiry] = field(default_factory=list)


def read_file(db: Connection, subject_id: str, log_size: int, now_us: int) -> CreditFile:
    """Reads a subject's file as of a log size."""
    names = {row[0]: row for row in db.all(s.file_tradelines, subject_id=subject_id)}
    months: dict[int, list[MonthRow]] = {}
    for row in _records(db, subject_id, log_size):
        known = months.setdefault(row.tradeline_key, [])
        if known and known[-1].month == row.month:
            known[-1] = max(known[-1], row, key=lambda rival: _rank(db, rival))
        else:
            known.append(row)
    tradelines = []
    for key, rows in months.items():
        _, tradeline_id, member_id = names[key]
        newest = db.one(s.record_by_key, record_key=rows[0].record_key)
        assert newest is not None, "a record key in a row names a record"
        body, submission_id = newest[2], newest[3]
        snapshot = Record.FromString(body).snapshot
        # An account that no longer names the subject is not on their file.
        roles = [party.role for party in snapshot.parties if party.subject_id == subject_id]
        if roles:
            tradelines.append(
                FiledTradeline(tradeline_id, member_id, roles[0], rows, snapshot, submission_id)
            )
    inquiries = [
        FiledInquiry(*row)
        for row in db.all(
            s.file_inquiries,
            subject_id=subject_id,
            kind=report_pb2.INQUIRY_KIND_HARD,
            since_us=now_us - INQUIRY_KEPT_US,
            log_size=log_size,
        )
    ]
    return CreditFile(subject_id, log_size, now_us, tradelines, inquiries)


def _records(db: Connection, subject_id: str, log_size: int) -> list[MonthRow]:
    """The records below a log size, by tradeline and from the newest month on."""
    rows = list(map(MonthRow._make, db.all(s.file_records, subject_id=subject_id)))
    if (log_size,) == db.one(s.log_size):
        return rows  # the snapshot holds nothing beyond it
    leaves = {key: _leaf(db, key) for key in {row.submission_key for row in rows}}
    return [row for row in rows if leaves[row.submission_key] < log_size]


def _rank(db: Connection, row: MonthRow) -> tuple[int, int, int]:
    """Which of two records for one month holds, the greater: a correction before an
    original, then the later submission.
    """
    return row.correction, _leaf(db, row.submission_key), row.record_index


def _leaf(db: Connection, entry_key: int) -> int:
    row = db.one(s.leaf_of, entry_key=entry_key)
    assert row is not None, "a submission is an entry of the log"
    return int(row[0])
