"""Use cases of disputes: a subject challenges an entry of their credit file, and its
furnisher answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bureau import field_rules, paging, signed_statement
from bureau.calendar import DAY_US
from bureau.context import Bureau, Caller
from bureau.credit_file import notices
from bureau.credit_file.accounts import PendingNotice, account_of, held_snapshots
from bureau.credit_file.consent_proof import KeyProofs, in_log_order
from bureau.credit_file.dispute_proof import show_dispute
from bureau.credit_file.history import (
    CORRECTION,
    DELETION,
    Account,
    TrailEntry,
    effective_snapshots,
    steps_of,
)
from bureau.credit_file.own_entries import (
    StoredDispute,
    due,
    find_dispute,
    read_disputes,
    read_withdrawing,
)
from bureau.credit_file.stored_records import record_of
from bureau.credit_file.subject_events import add_event, check_count
from bureau.credit_file.subject_keys import lock_subject
from bureau.credit_file.subject_state import (
    ADDITION,
    ANSWER,
    DELETING,
    OPENING,
    STATEMENT,
    is_blocking,
    withdrawn_by_dispute,
)
from bureau.errors import Refusal
from bureau.journeys.monitoring import alert_dispute
from bureau.ledger.entry_keys import KEY_SLACK
from bureau.ledger.units import Transaction
from bureau.policy import Policy
from bureau.store import queries as q
from bureau.store.database import Connection
from creditbureau.v1 import dispute_pb2
from creditbureau.v1.dispute_pb2 import (
    Dispute,
    DisputeAddition,
    DisputeAnswer,
    DisputeOpening,
    DisputeProof,
)
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.furnishing_pb2 import WatchDisputesResponse
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.members_pb2 import LoggedStatement
from creditbureau.v1.notice_pb2 import NOTICE_KIND_DISPUTE, NOTICE_KIND_REINSERTION
from creditbureau.v1.record_pb2 import TradelineSnapshot
from creditbureau.v1.subjects_pb2 import SubjectStatement

# Disputes that a stream reads at once, and the events that it yields a dispute for.
PAGE = 100
NEWS = [OPENING, ADDITION]
MAX_ADDITIONS = 8

FIELDS = frozenset(TradelineSnapshot.DESCRIPTOR.fields_by_name)


def open_dispute(bureau: Bureau, envelope: Envelope) -> tuple[Dispute, Receipt]:
    """Open a dispute, and notify the furnisher; reports show the dispute at once.

    Raises:
        Refusal: All of `verify_statement`; SIGNER_MISMATCH; NOT_FOUND for a
            tradeline that is not on the subject's file; INVALID_FIELD, BAD_TEXT;
            WRONG_STATE if the same is disputed already; ALREADY_EXISTS; LIMIT_REACHED.
    """
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db, bureau.origin, envelope, DisputeOpening, kind="dispute", signer=None
        )
    opening = opened.message
    subject_id = opening.subject_id
    if opened.subject_id != subject_id:
        raise Refusal("SIGNER_MISMATCH", "a subject can dispute their own file only")
    if opening.field not in FIELDS:
        raise Refusal.of_field("INVALID_FIELD", "field", "no field of a snapshot")
    if opening.month and not 1 <= opening.month % 100 <= 12:
        raise Refusal.of_field("INVALID_FIELD", "month", "not a month of the calendar")
    _check_text(opening.narrative, "narrative")

    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        lock_subject(tx, subject_id)
        tradeline = tx.db.one(
            q.party_tradeline, subject_id=subject_id, tradeline_id=opening.tradeline_id
        )
        if tradeline is None:
            raise Refusal.of_field("NOT_FOUND", "tradeline_id", "not on the subject's file")
        if opening.reason == dispute_pb2.DISPUTE_REASON_IDENTITY_THEFT:
            await_records(tx, opening.tradeline_id)
        if find_dispute(tx.db, opened.signed.request_id):
            raise Refusal("ALREADY_EXISTS", "there is a dispute of this id: take a new one")
        _check_bounds(tx, opening, bureau.policy)
        add_event(
            tx, opened.signed.request_id, subject_id, OPENING, opening, member_id=str(tradeline[1])
        )
        alert_dispute(tx, subject_id, opening.tradeline_id, bureau.policy)

    committed = bureau.ledger.commit(opened.signed, work)
    dispute = _find(bureau, opened.signed.request_id)
    return dispute, signed_statement.receipt_of(committed.proof)


def add_to_dispute(bureau: Bureau, envelope: Envelope) -> tuple[Dispute, Receipt]:
    """Add facts to an open dispute, and notify the furnisher, who may get more time.

    Raises:
        Refusal: All of `verify_statement`; NOT_FOUND; WRONG_STATE if it is open no
            more; TOO_MANY_ITEMS, BAD_TEXT, LIMIT_REACHED.
    """
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db, bureau.origin, envelope, DisputeAddition, kind="dispute-addition", signer=None
        )
    addition = opened.message
    dispute_id = addition.dispute_id
    subject_id = opened.subject_id
    _check_text(addition.narrative, "narrative")

    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        lock_subject(tx, subject_id)
        row = find_dispute(tx.db, dispute_id)
        if row is None or row.subject_id != subject_id:
            raise Refusal.of_field(
                "NOT_FOUND", "dispute_id", "the subject has no dispute with this id"
            )
        dispute = read_disputes(tx.db, [dispute_id], bureau.policy, tx.now_us)[dispute_id]
        if dispute.state != dispute_pb2.DISPUTE_STATE_OPEN:
            raise Refusal("WRONG_STATE", "the dispute is open no more: open a new one")
        if len(dispute.additions) >= MAX_ADDITIONS:
            message = f"at most {MAX_ADDITIONS} additions"
            raise Refusal.of_field("TOO_MANY_ITEMS", "dispute_id", message)
        check_count(tx, subject_id, bureau.policy)
        if dispute.reason == dispute_pb2.DISPUTE_REASON_IDENTITY_THEFT:
            await_records(tx, row.tradeline_id)
        add_event(tx, dispute_id, subject_id, ADDITION, addition, member_id=row.member_id)

    committed = bureau.ledger.commit(opened.signed, work)
    return _find(bureau, dispute_id), signed_statement.receipt_of(committed.proof)


class DisputePage(NamedTuple):
    """A page of a list of disputes, each with its proof.

    Attributes:
        keys: The statements that bound the signing keys to the subjects, in order of the log.
        next_page_token: Token of the next page; empty on the last page.
    """

    disputes: list[Dispute]
    proofs: list[DisputeProof]
    keys: list[LoggedStatement]
    next_page_token: str


def list_disputes(
    bureau: Bureau, request: Envelope, page_size: int, page_token: str
) -> DisputePage:
    """List the subject's disputes, newest first."""
    limit = page_size or paging.DEFAULT_SIZE
    before, now_us = paging.number_in(page_token, otherwise=paging.NEWEST), bureau.clock.now_us()
    with bureau.database.snapshot() as db:
        subject_id = signed_statement.verify_subject_request(
            db, bureau.origin, request, "Subjects/ListDisputes", now_us
        ).subject_id
        rows = db.all(
            q.disputes_of_subject_before, subject_id=subject_id, before=before, limit=limit + 1
        )
        return _page_of(db, rows, limit, bureau.policy, now_us)


def disputed_records(
    bureau: Bureau, caller: Caller, page_size: int, page_token: str
) -> DisputePage:
    """List the disputes against a member's records, oldest first."""
    limit = page_size or paging.DEFAULT_SIZE
    after = paging.number_in(page_token, otherwise=0)
    with bureau.database.snapshot() as db:
        rows = db.all(
            q.disputes_against_after, member_id=caller.member_id, after=after, limit=limit + 1
        )
        return _page_of(db, rows, limit, bureau.policy, bureau.clock.now_us())


def _page_of(
    db: Connection, rows: list[q.ListedDispute], limit: int, policy: Policy, now_us: int
) -> DisputePage:
    page, token = paging.cut(rows, limit, lambda row: row.entry_key)
    listed = read_disputes(db, [row.dispute_id for row in page], policy, now_us)
    keys = KeyProofs(db)
    shown = ((row, show_dispute(db, listed[row.dispute_id], keys)) for row in page)
    parts, token = paging.fit(shown, token, lambda row: row.entry_key)
    return DisputePage(
        [part.dispute for part in parts],
        [part.proof for part in parts],
        in_log_order(key for part in parts for key in part.keys),
        token,
    )


def watch_disputes(
    bureau: Bureau, caller: Caller, cursor: int
) -> Iterator[WatchDisputesResponse | None]:
    """Yield the disputes against a member's records after a cursor, as they are committed.

    A dispute comes again when facts are added to it; None comes while there is no dispute.
    """
    while True:
        with bureau.database.snapshot() as db:
            page = _news(db, caller.member_id, cursor)
            ids = dict.fromkeys(news.dispute_id for news in page)
            disputes = read_disputes(db, ids, bureau.policy, bureau.clock.now_us())
            # Each message is read alone, so each has all keys.
            messages = {
                dispute_id: show_dispute(db, disputes[dispute_id], KeyProofs(db))
                for dispute_id in ids
            }
        for news in page:
            cursor = news.leaf_index + 1
            message = WatchDisputesResponse(cursor=cursor)
            message.MergeFrom(messages[news.dispute_id])
            yield message
        if not page:
            yield None


def _news(db: Connection, member_id: str, cursor: int) -> list[q.DisputeNews]:
    """Read the next events of disputes against a member's records, in order of the log."""
    last = db.one(q.key_at, leaf_index=cursor - 1) if cursor else None
    return db.all_in(
        q.dispute_news,
        NEWS,
        member_id=member_id,
        floor=last[0] - KEY_SLACK if last else 0,
        start=cursor,
        limit=PAGE,
    )


def answer_dispute(bureau: Bureau, caller: Caller, envelope: Envelope) -> tuple[Dispute, Receipt]:
    """Answer a dispute.

    DELETED and FRAUD delete the disputed month or account; MODIFIED names the correction
    that was submitted. A tradeline that was withdrawn at the deadline, or that is blocked
    for identity theft, returns only if the answer certifies it.

    Raises:
        Refusal: All of `verify_statement`; NOT_FOUND, also for disputes against
            others; WRONG_STATE if it is answered; DELETED_ITEM, INVALID_FIELD,
            BAD_TEXT.
    """
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db, bureau.origin, envelope, DisputeAnswer, kind="dispute-answer", signer=caller.signer
        )
    answer = opened.message
    dispute_id = answer.dispute_id
    _check_text(answer.narrative, "narrative")
    modified = answer.outcome == dispute_pb2.DISPUTE_OUTCOME_MODIFIED
    if modified != answer.HasField("correction"):
        raise Refusal.of_field("INVALID_FIELD", "correction", "belongs to MODIFIED")

    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        row = find_dispute(tx.db, dispute_id)
        if row is None or row.member_id != caller.member_id:
            raise Refusal.of_field(
                "NOT_FOUND", "dispute_id", "no dispute with this id is against the caller"
            )
        subject_id = row.subject_id
        tx.subjects.add(subject_id)
        lock_subject(tx, subject_id)
        row = find_dispute(tx.db, dispute_id) or row
        if row.answer_key is not None:
            raise Refusal("WRONG_STATE", "the dispute is answered")
        if modified:
            _check_correction(tx, answer, row)
        returns = _returns(tx, bureau.policy, row, answer)
        if answer.outcome in DELETING:
            delete_disputed(tx, row)
        add_event(tx, dispute_id, subject_id, ANSWER, answer, member_id=caller.member_id)
        kinds = [NOTICE_KIND_DISPUTE, *[NOTICE_KIND_REINSERTION] * returns]
        news = [PendingNotice(kind, row.tradeline_id, [subject_id]) for kind in kinds]
        notices.give(tx, news, caller.member_id)

    committed = bureau.ledger.commit(opened.signed, work)
    return _find(bureau, dispute_id), signed_statement.receipt_of(committed.proof)


def set_statement(bureau: Bureau, envelope: Envelope) -> Receipt:
    """Set or remove the subject's own statement.

    Raises:
        Refusal: All of `verify_statement`; BAD_TEXT, LIMIT_REACHED.
    """
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db, bureau.origin, envelope, SubjectStatement, kind="subject-statement", signer=None
        )
    _check_text(opened.message.text, "text")
    subject_id = opened.subject_id

    def work(tx: Transaction) -> None:
        lock_subject(tx, subject_id)
        opened.recheck_key_and_time(tx)
        check_count(tx, subject_id, bureau.policy)
        add_event(tx, "", subject_id, STATEMENT, opened.message)

    return signed_statement.receipt_of(bureau.ledger.commit(opened.signed, work).proof)


def _find(bureau: Bureau, dispute_id: str) -> Dispute:
    with bureau.database.snapshot() as db:
        return read_disputes(db, [dispute_id], bureau.policy, bureau.clock.now_us())[dispute_id]


def _check_bounds(tx: Transaction, opening: DisputeOpening, policy: Policy) -> None:
    """Check that a subject may open one more dispute.

    Raises:
        Refusal: WRONG_STATE if the same is disputed already; LIMIT_REACHED.
    """
    bounds, subject = policy.bounds, {"subject_id": opening.subject_id}
    line = {"tradeline_id": opening.tradeline_id, **subject}
    unanswered = due(policy, tx.now_us)
    same = tx.db.one(q.same_dispute, month=opening.month, field=opening.field, **line, **unanswered)
    if same:
        raise Refusal("WRONG_STATE", f"this is disputed already: {same[0]}")
    since_us = tx.now_us - bounds.days * DAY_US
    count = tx.db.one(q.disputes_about, since_us=since_us, **line)
    if count and count[0] >= bounds.tradeline_disputes:
        raise Refusal.of_field(
            "LIMIT_REACHED",
            "tradeline_id",
            f"at most {bounds.tradeline_disputes} disputes of one tradeline in {bounds.days} days",
        )
    count = tx.db.one(q.open_disputes_of, **subject, **unanswered)
    if count and count[0] >= bounds.open_disputes:
        raise Refusal("LIMIT_REACHED", f"at most {bounds.open_disputes} open disputes at a time")
    check_count(tx, opening.subject_id, policy)


def _check_text(text: str, field: str) -> None:
    if field_rules.bad_text(text.replace("\n", "")):
        raise Refusal.of_field("BAD_TEXT", field, "control or bidirectional characters")


def _returns(tx: Transaction, policy: Policy, row: StoredDispute, answer: DisputeAnswer) -> bool:
    """Return True if an answer restores a tradeline that was withdrawn at its deadline, or that
    the dispute blocks for identity theft.

    Raises:
        Refusal: DELETED_ITEM unless it certifies it; INVALID_FIELD if it ends a block and gives
            no reasons.
    """
    withdrawing = read_withdrawing(tx.db, row.subject_id, policy, tx.now_us)
    withdrawn = row.tradeline_id in withdrawn_by_dispute(withdrawing, policy)
    if answer.outcome in DELETING or not (withdrawn and row.dispute_id in withdrawing.disputes):
        return False
    blocks = is_blocking(withdrawing.disputes[row.dispute_id])
    if not answer.certified:
        why = "it is blocked for identity theft" if blocks else "the deadline has passed"
        message = f"{why}: it is withdrawn until it is certified"
        raise Refusal.of_field("DELETED_ITEM", "certified", message)
    if blocks and not answer.narrative.strip():
        message = "empty: an answer that ends a block for identity theft gives its reasons"
        raise Refusal.of_field("INVALID_FIELD", "narrative", message)
    return not any(
        dispute.tradeline_id == row.tradeline_id and dispute.dispute_id != row.dispute_id
        for dispute in withdrawing.disputes.values()
    )


def _check_correction(tx: Transaction, answer: DisputeAnswer, dispute: StoredDispute) -> None:
    """Check that the answer names a correction of the disputed account and month, made
    after the dispute and still effective.
    """
    account = _locked(tx, dispute.tradeline_id) or Account(0)
    correction = (answer.correction.submission_id, answer.correction.record_index)
    for step in effective_snapshots(steps_of(account.trail)).values():
        if step.kind != CORRECTION or not _is_later(tx.db, step.submission_key, dispute.entry_key):
            continue
        if dispute.month in {0, step.month} and correction == (
            record_of(tx.db, step)[1],
            step.record_index,
        ):
            return
    message = "no correction of the disputed account and month from after the dispute"
    raise Refusal.of_field("INVALID_FIELD", "correction", message)


def _is_later(db: Connection, entry_key: int, than: int) -> bool:
    """Return True if an entry comes after another in the log.

    An entry without a leaf is still in the queue, so it comes after all others.
    """
    leaf, other = (db.one(q.leaf_of, entry_key=key) for key in (entry_key, than))
    return leaf is None or (other is not None and leaf > other)


def delete_disputed(tx: Transaction, dispute: StoredDispute) -> None:
    """Delete the disputed month, or the whole account, by the answer itself."""
    account = _locked(tx, dispute.tradeline_id)
    if account is None:
        return  # erased meanwhile: there is nothing left to withdraw
    account.append(TrailEntry(tx.entry_key, 0, DELETION, dispute.month))
    account.rebuild(held_snapshots(tx.db, effective_snapshots(steps_of(account.trail))))
    tx.db.execute_many_tuples(q.move_tradeline, q.MOVED_COLUMNS, [account.update_row()])


def await_records(tx: Transaction, tradeline_id: str) -> None:
    """Lock an account before a dispute blocks it for identity theft.

    Records of the account that another node stores meanwhile are before the block in the log, or
    are checked against it: otherwise a sale could be stored after the block (15 U.S.C. 1681m(f)).
    """
    tx.db.lock(q.lock_tradeline, tradeline_id=tradeline_id)


def _locked(tx: Transaction, tradeline_id: str) -> Account | None:
    """Lock a disputed account; None if it was erased since."""
    row = tx.db.one(q.lock_tradeline, tradeline_id=tradeline_id)
    return account_of(row) if row else None
