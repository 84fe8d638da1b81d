"""The credit file of one subject as of a log size: what is on record, read once.

Everything comes from records below that size, so the same size gives the same
file for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from bureau.history import Account, Step, holding, steps_of
from bureau.ledger import log
from bureau.store import statements as s
from bureau.store.database import Connection
from creditbureau.v1 import report_pb2
from creditbureau.v1.record_pb2 import Record, TradelineSnapshot
from creditbureau.v1.report_pb2 import PaymentHistory

# Hard inquiries are shown for two years.
INQUIRY_KEPT_US = 730 * 86_400 * 1_000_000


@dataclass(frozen=True, slots=True)
class FiledTradeline:
    """A tradeline: the subject's part in it, its history, and its newest record.

    Attributes:
        snapshot: What holds for the newest month.
        submission_id: The submission that `snapshot` came with.
        record_index: Its place in there.
        steps: The records of the account, in order of the log.
    """

    tradeline_id: str
    member_id: str
    role: int
    history: PaymentHistory
    snapshot: TradelineSnapshot
    submission_id: str
    record_index: int
    steps: Callable[[], list[Step]]


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


def read_file(db: Connection, subject_id: str, now_us: int) -> CreditFile:
    """Reads a subject's file as it is."""
    tradelines = []
    for name, member, history, trail, index, submission, body in db.all(
        s.file_tradelines, subject_id=subject_id
    ):
        snapshot = Record.FromString(body).snapshot
        if role := role_of(subject_id, snapshot):
            tradelines.append(
                FiledTradeline(
                    name,
                    member,
                    role,
                    PaymentHistory.FromString(history),
                    snapshot,
                    submission,
                    index,
                    partial(steps_of, trail),
                )
            )
    log_size = log.size_of(db)
    inquiries = _inquiries(db, subject_id, log_size, now_us)
    return CreditFile(subject_id, log_size, now_us, tradelines, inquiries)


def read_file_at(db: Connection, subject_id: str, log_size: int, now_us: int) -> CreditFile:
    """Makes a subject's file again as it was at a log size."""
    tradelines = []
    for key, name, member, trail in db.all(s.file_trails, subject_id=subject_id):
        steps = [step for step in steps_of(trail) if _leaf(db, step.submission_key) < log_size]
        account, found = Account(key), {}
        for step in holding(steps).values():
            body, submission = _record(db, step)
            found[step[:2]] = body, submission
            account.take(step, body)
        if not found:
            continue
        snapshot, submission = found[account.newest]
        if role := role_of(subject_id, snapshot):
            tradelines.append(
                FiledTradeline(
                    name,
                    member,
                    role,
                    PaymentHistory.FromString(account.history),
                    snapshot,
                    submission,
                    account.newest[1],
                    partial(list, steps),
                )
            )
    inquiries = _inquiries(db, subject_id, log_size, now_us)
    return CreditFile(subject_id, log_size, now_us, tradelines, inquiries)


def role_of(subject_id: str, snapshot: TradelineSnapshot) -> int:
    """A person's part in an account; 0 if it no longer names them, and so is not on
    their file.
    """
    return next((p.role for p in snapshot.parties if p.subject_id == subject_id), 0)


def _inquiries(db: Connection, subject_id: str, log_size: int, now_us: int) -> list[FiledInquiry]:
    return [
        FiledInquiry(*row)
        for row in db.all(
            s.file_inquiries,
            subject_id=subject_id,
            kind=report_pb2.INQUIRY_KIND_HARD,
            since_us=now_us - INQUIRY_KEPT_US,
            log_size=log_size,
        )
    ]


def _record(db: Connection, step: Step) -> tuple[TradelineSnapshot, str]:
    row = db.one(s.record_at, submission_key=step.submission_key, record_index=step.record_index)
    assert row is not None, "a step of a trail is a record"
    return Record.FromString(row[0]).snapshot, row[1]


def _leaf(db: Connection, entry_key: int) -> int:
    row = db.one(s.leaf_of, entry_key=entry_key)
    assert row is not None, "a submission is an entry of the log"
    return int(row[0])
