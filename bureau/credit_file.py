"""The credit file of one subject as of a log size: what is on record, read once.

Everything comes from records below that size, so the same size gives the same
file for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from bureau.accounts import held_snapshots, record_of
from bureau.history import ACTION, Account, Step, holding, steps_of
from bureau.ledger import log
from bureau.store import statements as s
from bureau.store.database import Connection
from creditbureau.v1 import report_pb2
from creditbureau.v1.record_pb2 import FacilityAction, Record, RecordRef, TradelineSnapshot
from creditbureau.v1.report_pb2 import PaymentHistory

# Hard inquiries are shown for two years.
INQUIRY_KEPT_US = 730 * 86_400 * 1_000_000


class FiledAction(NamedTuple):
    """A facility action, and where it stands."""

    action: FacilityAction
    record: RecordRef


@dataclass(frozen=True, slots=True)
class FiledTradeline:
    """A tradeline: the subject's part in it, its history, and its newest record.

    Attributes:
        snapshot: What holds for the newest month.
        record: Where `snapshot` stands.
        steps: The records of the account, in order of the log.
        actions: What was done to the facility, newest first.
    """

    tradeline_id: str
    member_id: str
    role: int
    history: PaymentHistory
    snapshot: TradelineSnapshot
    record: RecordRef
    steps: Callable[[], list[Step]]
    actions: list[FiledAction] = field(default_factory=list)


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
    for name, member, history, trail, marks, index, submission, body in db.all(
        s.file_tradelines, subject_id=subject_id
    ):
        snapshot = Record.FromString(body).snapshot
        if role := role_of(subject_id, snapshot):
            line = FiledTradeline(
                name,
                member,
                role,
                PaymentHistory.FromString(history),
                snapshot,
                RecordRef(submission_id=submission, record_index=index),
                partial(steps_of, trail),
            )
            if marks >> ACTION & 1:
                line.actions.extend(_actions(db, steps_of(trail)))
            tradelines.append(line)
    log_size = log.size_of(db)
    inquiries = _inquiries(db, subject_id, log_size, now_us)
    return CreditFile(subject_id, log_size, now_us, tradelines, inquiries)


def read_file_at(db: Connection, subject_id: str, log_size: int, now_us: int) -> CreditFile:
    """Makes a subject's file again as it was at a log size."""
    tradelines = []
    for key, name, member, trail in db.all(s.file_trails, subject_id=subject_id):
        steps = [step for step in steps_of(trail) if _leaf(db, step.submission_key) < log_size]
        held = holding(steps)
        if not held:
            continue
        account = Account(key)
        account.begin_anew(held_snapshots(db, held))
        newest, submission = record_of(db, held[max(held)])
        if role := role_of(subject_id, newest.snapshot):
            tradelines.append(
                FiledTradeline(
                    name,
                    member,
                    role,
                    PaymentHistory.FromString(account.history),
                    newest.snapshot,
                    RecordRef(submission_id=submission, record_index=account.newest[1]),
                    partial(list, steps),
                    _actions(db, steps),
                )
            )
    inquiries = _inquiries(db, subject_id, log_size, now_us)
    return CreditFile(subject_id, log_size, now_us, tradelines, inquiries)


def _actions(db: Connection, steps: list[Step]) -> list[FiledAction]:
    """What was done to the facility, newest first."""
    found = []
    for step in steps:
        if step.kind == ACTION:
            record, submission = record_of(db, step)
            reference = RecordRef(submission_id=submission, record_index=step.record_index)
            found.append(FiledAction(record.action, reference))
    found.sort(key=lambda at: at.action.effective_time.ToMicroseconds())
    return found[::-1]


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


def _leaf(db: Connection, entry_key: int) -> int:
    row = db.one(s.leaf_of, entry_key=entry_key)
    assert row is not None, "a submission is an entry of the log"
    return int(row[0])
