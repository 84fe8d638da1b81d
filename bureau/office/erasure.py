"""Erases accounts: what was furnished about them is gone, and the log stays whole.

A record is erased with its own salt. Its hash stays a leaf of what the furnisher
signed, so every proof still holds, and says nothing any more: without the salt nobody
can try what the record may have been.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from bureau.history import DELETION, people_of, steps_of
from bureau.store import checks
from bureau.store import statements as s
from bureau.store.database import Connection, Database
from creditbureau.v1.report_pb2 import PaymentHistory

PAGE = 500


@dataclass(slots=True)
class Erased:
    """What was erased.

    Attributes:
        kept: Accounts of the person that name others too; they stay.
    """

    accounts: int = 0
    records: int = 0
    kept: int = 0


def erase_person(database: Database, subject_id: str) -> Erased:
    """Erases the accounts that name this person and nobody else."""
    erased = Erased()
    with database.transaction() as db:
        for key, people, trail in db.all(s.accounts_of_person, subject_id=subject_id):
            if people_of(people) == [subject_id]:
                _erase(db, key, people, trail, erased)
            else:
                erased.kept += 1
    return erased


def erase_before(database: Database, month: int) -> Erased:
    """Erases the accounts whose newest month lies before a month (yyyymm)."""
    erased = Erased()
    after = 0
    with database.transaction() as db:
        while page := db.all(checks.accounts_after, after=after, limit=PAGE):
            for key, tradeline_id, history, *_ in page:
                after = key
                if not _is_before(history, month):
                    continue
                # Again, under its lock: a node may be about to add to it.
                row = db.one(s.lock_tradeline, tradeline_id=tradeline_id)
                if row is not None and _is_before(row[1], month):
                    _erase(db, key, row[4], row[2], erased)
    return erased


def _is_before(history: bytes, month: int) -> bool:
    return 0 < PaymentHistory.FromString(history).newest_month < month


def _erase(db: Connection, key: int, people: bytes, trail: bytes, erased: Erased) -> None:
    steps = [step for step in steps_of(trail) if _is_record(db, step.submission_key, step.kind)]
    for step in steps:
        db.run(s.blank_record, entry=step.submission_key, place=step.record_index, nothing=b"")
    db.run(s.drop_account, which=key)
    db.run(s.drop_former_refs, which=key)
    for subject_id in people_of(people):
        db.run(s.drop_party, who=subject_id, which=key)
    now_us = int(datetime.now(UTC).timestamp() * 1_000_000)
    db.run(s.add_erasure, tradeline_key=key, record_count=len(steps), time_us=now_us)
    erased.accounts += 1
    erased.records += len(steps)


def _is_record(db: Connection, submission_key: int, kind: int) -> bool:
    """Whether a step came with a submission: an answer to a dispute deletes too."""
    answer = db.one(checks.answer_leaf, entry_key=submission_key)
    return kind != DELETION or answer is None
