"""Use cases of erasure: the operator erases by a signed, logged statement; furnishers and
auditors read these statements.

A record is erased with its own salt. Its hash stays a leaf of what the furnisher signed, so
every proof still holds, and says nothing any more: without the salt no guess of the record
can be tried. The words of a person are erased likewise: the leaf stays; its salt, and its
statement, go.
"""

from __future__ import annotations

from typing import NoReturn

from bureau import paging, signed_statement
from bureau.calendar import day_of
from bureau.context import Bureau, Caller
from bureau.credit_file import notices
from bureau.credit_file.accounts import PendingNotice
from bureau.credit_file.erasable import (
    has_words,
    newest_month,
    rest_of,
    without_words,
    written,
)
from bureau.credit_file.history import DELETION, TrailEntry, people_of, steps_of
from bureau.errors import Refusal
from bureau.ledger.units import Transaction
from bureau.signed_statement import VerifiedStatement
from bureau.store import checks
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau.store.record_blocks import DamagedBlockError
from bureau_keys.signer_name import subject_signer
from creditbureau.v1 import codes_pb2
from creditbureau.v1.consent_pb2 import ConsentChange
from creditbureau.v1.consent_request_pb2 import ConsentRequest, ConsentRequestDecline
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.erasure_pb2 import ErasedAccount, ErasedStatement, Erasure
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.members_pb2 import LoggedStatement
from creditbureau.v1.notice_pb2 import NOTICE_KIND_ERASURE

# Erasures on a page: each may be 64 KiB.
PAGE = 20


def erase(bureau: Bureau, caller: Caller, envelope: Envelope) -> Receipt:
    """Erase what the operator's statement names, all of it or nothing.

    Raises:
        Refusal: All of `open_erasure`; WRONG_STATE if an account or a statement is not as
            the erasure says.
    """
    # 1. Open and verify.
    opened = open_erasure(bureau, caller, envelope)
    erasure = opened.message

    # 2. One unit of work: what is named goes, its people get notices.
    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        tx.db.overwrite_deleted()
        for account in erasure.accounts:
            _erase_account(tx, erasure, account)
        for statement in erasure.statements:
            _erase_statement(tx, erasure.subject_id, statement)
        record_erasure(tx, caller, erasure)

    return signed_statement.receipt_of(bureau.ledger.commit(opened.signed, work).proof)


def open_erasure(bureau: Bureau, caller: Caller, envelope: Envelope) -> VerifiedStatement[Erasure]:
    """Verify an erasure: the operator's own, with one cause, of one kind of things.

    Raises:
        Refusal: ROLE_REQUIRED; all of `verify_statement`; INVALID_FIELD for a month inside
            the retention period, and for fields that do not go together.
    """
    caller.require_operator()
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db, bureau.origin, envelope, Erasure, kind="erasure", signer=caller.signer
        )
    erasure = opened.message
    if bool(erasure.subject_id) == bool(erasure.before_month):
        _refuse("before_month", "name either a subject or a month")
    if bool(erasure.accounts) != bool(erasure.member_id):
        _refuse("member_id", "name the furnisher of the accounts, and no other")
    if bool(erasure.accounts) == bool(erasure.statements):
        _refuse("accounts", "name either accounts or statements")
    if erasure.statements and not erasure.subject_id:
        _refuse("statements", "statements are erased for a subject only")
    earliest = bureau.policy.retained_since(day_of(bureau.clock.now_us()))
    if erasure.before_month > earliest:
        _refuse("before_month", f"{earliest} and later is inside the retention period")
    return opened


def record_erasure(tx: Transaction, caller: Caller, erasure: Erasure) -> None:
    """Store that something was erased, and give each person a notice."""
    tx.db.execute(q.add_erasure_statement, entry_key=tx.entry_key, member_id=erasure.member_id)
    news = [
        PendingNotice(NOTICE_KIND_ERASURE, account.tradeline_id, list(account.subject_ids))
        for account in erasure.accounts
    ]
    if erasure.statements:
        news.append(PendingNotice(NOTICE_KIND_ERASURE, "", [erasure.subject_id]))
    tx.subjects.update(person for each in news for person in each.subject_ids)
    notices.give(tx, news, caller.member_id)


def list_erasures(
    bureau: Bureau, caller: Caller, page_size: int, page_token: str
) -> tuple[list[LoggedStatement], str]:
    """List the erasures of a furnisher's accounts, to an auditor and the operator all of them.

    Raises:
        Refusal: BAD_PAGE_TOKEN.
    """
    limit = page_size or PAGE
    position = {
        "before": paging.number_in(page_token, otherwise=paging.NEWEST),
        "limit": limit + 1,
    }
    sees_all = caller.is_operator or codes_pb2.ROLE_AUDITOR in caller.roles
    with bureau.database.snapshot() as db:
        if sees_all:
            rows = db.all(q.erasures_before, **position)
        else:
            rows = db.all(q.erasures_of_before, member_id=caller.member_id, **position)
        page, token = paging.cut(rows, limit, lambda row: row.leaf_index)
        listed = (
            (row.leaf_index, signed_statement.logged_statement(db, row.entry_key)) for row in page
        )
        return paging.fit(listed, token, str)


def _erase_account(tx: Transaction, erasure: Erasure, account: ErasedAccount) -> None:
    stored = tx.db.one(q.lock_account, tradeline_id=account.tradeline_id)
    if stored is None or stored.member_id != erasure.member_id:
        _changed(f"account {account.tradeline_id} is not there")
    people = people_of(stored.people)
    if people != list(account.subject_ids):
        _changed(f"account {account.tradeline_id} names other people")
    if erasure.subject_id and people != [erasure.subject_id]:
        _changed(f"account {account.tradeline_id} is not the subject's alone")
    month = newest_month(stored.history, stored.trail)
    if erasure.before_month and month >= erasure.before_month:
        _changed(f"account {account.tradeline_id} was reported in {month}")
    key, trail = stored.tradeline_key, steps_of(stored.trail)
    steps = [step for step in trail if _is_record(tx.db, step.submission_key, step.kind)]
    for step in steps:
        _erase_record(tx.db, step)
    tx.db.execute(q.drop_account, which=key)
    tx.db.execute(q.drop_former_refs, which=key)
    for subject_id in people:
        tx.db.execute(q.drop_party, who=subject_id, which=key)
    tx.db.execute(q.add_erasure, tradeline_key=key, record_count=len(steps), time_us=tx.now_us)


def _erase_record(db: Connection, step: TrailEntry) -> None:
    """Erase a record from its row."""
    submission_key, record_index = step[:2]
    row = db.one(q.lock_block, submission_key=submission_key, record_index=record_index)
    assert row is not None, "a step of a trail is a record"
    try:
        rest = row.without(record_index)
    except DamagedBlockError:
        _changed(f"record {record_index} of entry {submission_key} is damaged: restore a backup")
    db.execute(q.put_block, entry=submission_key, first_index=rest.record_index, block=rest.block)


def _erase_statement(tx: Transaction, subject_id: str, statement: ErasedStatement) -> None:
    stored = tx.db.one(q.statement_at_leaf, leaf_index=statement.leaf_index)
    message = None if stored is None else written(stored.kind, stored.envelope)
    if stored is None or message is None or not has_words(message):
        _changed(f"no statement with words is at leaf {statement.leaf_index}")
    if _subject_of(tx.db, stored.entry_key, message) != subject_id:
        _changed(f"the statement at leaf {statement.leaf_index} is not about the subject")
    if rest_of(message) != statement.rest:
        _changed(f"the rest of the statement at leaf {statement.leaf_index} is another")
    key = stored.entry_key
    if isinstance(message, ConsentChange):
        tx.db.execute(
            q.blank_consent_note, which=message.consent_id, words=message.note, nothing=""
        )
    elif not isinstance(message, ConsentRequest | ConsentRequestDecline):
        rest = without_words(message).SerializeToString(deterministic=True)
        tx.db.execute(q.reword_event, which=key, said=rest)
    tx.db.execute(q.blank_statement, which=key, nothing=b"")
    tx.db.execute(q.blank_entry, which=key, nothing=b"")
    tx.db.execute(q.add_erased_statement, entry_key=key, time_us=tx.now_us)


def _subject_of(db: Connection, entry_key: int, message: object) -> str:
    """Return the subject whose file a statement is about; empty if it is about none."""
    if isinstance(message, ConsentRequest):
        return message.subject_id
    if isinstance(message, ConsentChange | ConsentRequestDecline):
        return message.header.signer.removeprefix(subject_signer(""))
    event = db.one(q.event_at, entry_key=entry_key)
    return event[0] if event else ""


def _is_record(db: Connection, submission_key: int, kind: int) -> bool:
    """Return True if a step came with a submission: an answer to a dispute deletes too."""
    return kind != DELETION or db.one(checks.answer_leaf, entry_key=submission_key) is None


def _refuse(field: str, message: str) -> NoReturn:
    raise Refusal.of_field("INVALID_FIELD", field, message)


def _changed(message: str) -> NoReturn:
    raise Refusal("WRONG_STATE", message)
