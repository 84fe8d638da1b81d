"""Erasure of accounts, and of the words of a person: they are gone, and the log stays whole.

A record is erased with its own salt. Its hash stays a leaf of what the furnisher
signed, so every proof still holds, and says nothing any more: without the salt no
guess of the record can be tried. The words of a person are erased likewise: the leaf
stays; its salt, and its statement, go.
"""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import Message

from bureau.clock import Clock
from bureau.credit_file.history import DELETION, Account, people_of, steps_of
from bureau.credit_file.subject_state import ADDITION, ANSWER, OPENING, STATEMENT
from bureau.store import checks
from bureau.store import queries as q
from bureau.store.database import Connection, Database
from creditbureau.v1.dispute_pb2 import DisputeAddition, DisputeAnswer, DisputeOpening
from creditbureau.v1.report_pb2 import PaymentHistory
from creditbureau.v1.subjects_pb2 import SubjectStatement

PAGE = 500
# Statements in which people write freely, and the fields of their words.
WRITTEN: dict[int, type[Message]] = {
    OPENING: DisputeOpening,
    ADDITION: DisputeAddition,
    ANSWER: DisputeAnswer,
    STATEMENT: SubjectStatement,
}
WORDS = ("narrative", "text", "attachment_digests")


@dataclass(slots=True)
class Erased:
    """Counts of an erasure.

    Attributes:
        statements: Disputes, additions, answers to them, and the person's own statements.
        kept: Accounts of the person that name others too; they stay.
    """

    accounts: int = 0
    records: int = 0
    statements: int = 0
    kept: int = 0


def erase_person(database: Database, subject_id: str) -> Erased:
    """Erase the accounts that name only this person, and the words of their disputes and
    statements; what came of these stays.
    """
    erased, now_us = Erased(), Clock().now_us()
    with database.secure_erase() as db:
        for (key,) in db.all(q.accounts_of_person, subject_id=subject_id):
            account = _locked(db, key)
            if account is None:
                continue
            if people_of(account.people) == [subject_id]:
                _erase(db, account, erased, now_us)
            else:
                erased.kept += 1
        for key, kind, body in db.all(q.events_of_person, subject_id=subject_id):
            if kind in WRITTEN:
                _erase_words(db, key, WRITTEN[kind].FromString(body), now_us)
                erased.statements += 1
    return erased


def erase_before(database: Database, month: int) -> Erased:
    """Erase the accounts whose newest month lies before a month (yyyymm)."""
    erased, now_us = Erased(), Clock().now_us()
    after = 0
    with database.secure_erase() as db:
        while page := db.all(checks.accounts_after, after=after, limit=PAGE):
            for stored in page:
                after = stored.tradeline_key
                if _newest(stored.history, stored.trail) >= month:
                    continue
                account = _locked(db, after)
                if account and _newest(account.history, account.trail) < month:
                    _erase(db, account, erased, now_us)
    return erased


def _newest(history: bytes, trail: bytes) -> int:
    """Return an account's newest month; of one that is deleted, the newest that it ever had."""
    reported = PaymentHistory.FromString(history).newest_month
    return reported or max(step.month for step in steps_of(trail))


def _locked(db: Connection, key: int) -> Account | None:
    """Lock an account and return it, if it is there; what is furnished meanwhile comes before
    or after.
    """
    row = db.one(q.lock_account, which=key)
    if row is None:
        return None
    return Account(key, row.trail, history=row.history, people=row.people)


def _erase(db: Connection, account: Account, erased: Erased, now_us: int) -> None:
    key, trail = account.tradeline_key, steps_of(account.trail)
    steps = [step for step in trail if _is_record(db, step.submission_key, step.kind)]
    for step in steps:
        db.execute(q.blank_record, entry=step.submission_key, place=step.record_index, nothing=b"")
    db.execute(q.drop_account, which=key)
    db.execute(q.drop_former_refs, which=key)
    for subject_id in people_of(account.people):
        db.execute(q.drop_party, who=subject_id, which=key)
    db.execute(q.add_erasure, tradeline_key=key, record_count=len(steps), time_us=now_us)
    erased.accounts += 1
    erased.records += len(steps)


def _erase_words(db: Connection, entry_key: int, message: Message, now_us: int) -> None:
    for name in WORDS:
        if name in message.DESCRIPTOR.fields_by_name:
            message.ClearField(name)
    db.execute(q.reword_event, which=entry_key, said=message.SerializeToString(deterministic=True))
    db.execute(q.blank_statement, which=entry_key, nothing=b"")
    db.execute(q.blank_entry, which=entry_key, nothing=b"")
    db.execute(q.add_erased_statement, entry_key=entry_key, time_us=now_us)


def _is_record(db: Connection, submission_key: int, kind: int) -> bool:
    """Return True if a step came with a submission: an answer to a dispute deletes too."""
    answer = db.one(checks.answer_leaf, entry_key=submission_key)
    return kind != DELETION or answer is None
