"""Use cases of complaints: a subject complains about a deed of a member, the member answers, and
the operator decides what the subject takes to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bureau import field_rules, paging, signed_statement
from bureau.calendar import DAY_US
from bureau.context import Bureau, Caller
from bureau.credit_file import notices
from bureau.credit_file.accounts import PendingNotice
from bureau.credit_file.complaint_state import UPHELD, may_escalate
from bureau.credit_file.complaints import (
    StoredComplaint,
    StoredLine,
    find_complaint,
    read_complaints,
    read_line,
    show_complaint,
)
from bureau.credit_file.consent_proof import KeyProofs, in_log_order
from bureau.credit_file.deeds import check_deed
from bureau.credit_file.subject_events import add_event, check_count
from bureau.credit_file.subject_keys import lock_subject
from bureau.credit_file.subject_state import (
    COMPLAINT,
    COMPLAINT_ANSWER,
    COMPLAINT_DECISION,
    ESCALATION,
)
from bureau.errors import Refusal
from bureau.ledger import log
from bureau.ledger.entry_keys import KEY_SLACK
from bureau.ledger.log import LoggedEntry
from bureau.ledger.units import Committed, Transaction
from bureau.store import queries as q
from bureau.store.database import Connection
from creditbureau.v1 import complaint_pb2
from creditbureau.v1.complaint_pb2 import (
    Complaint,
    ComplaintAnswer,
    ComplaintDecision,
    ComplaintEscalation,
    ComplaintLine,
    ComplaintOpening,
    ComplaintProof,
)
from creditbureau.v1.complaints_pb2 import RegisteredLine, WatchComplaintsResponse
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.members_pb2 import LoggedStatement
from creditbureau.v1.notice_pb2 import NOTICE_KIND_COMPLAINT

# Events of complaints that a stream reads at once, and those that it yields a complaint for.
PAGE = 100
NEWS = [COMPLAINT, ESCALATION, COMPLAINT_DECISION]
# Days over which complaints about inquiries count.
COUNTED_DAYS = 365


class Accepted(NamedTuple):
    """A statement of a complaint that is in the log.

    Attributes:
        complaint: The complaint as it is now.
        receipt: Proof of the statement.
        line: The statement's line in the register.
    """

    complaint: Complaint
    receipt: Receipt
    line: ComplaintLine


def open_complaint(bureau: Bureau, envelope: Envelope) -> Accepted:
    """Open a complaint about a deed; other members' reports leave out its inquiry at once.

    Raises:
        Refusal: All of `verify_statement`; SIGNER_MISMATCH; BAD_TEXT; all of `check_deed`;
            WRONG_STATE if the deed has its complaint; ALREADY_EXISTS; LIMIT_REACHED.
    """
    # 1. Open and verify.
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db, bureau.origin, envelope, ComplaintOpening, kind="complaint", signer=None
        )
    opening = opened.message
    if opened.subject_id != opening.subject_id:
        raise Refusal("SIGNER_MISMATCH", "a subject can complain in their own name only")
    _check_text(opening.narrative, "narrative")
    complaint_id = opened.signed.request_id

    # 2. One unit of work: the deed is there and has no complaint; the complaint and its line.
    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        lock_subject(tx, opening.subject_id)
        check_deed(tx.db, opening, bureau.policy, tx.now_us)
        if find_complaint(tx.db, complaint_id):
            raise Refusal("ALREADY_EXISTS", "there is a complaint of this id: take a new one")
        _check_bounds(bureau, tx, opening)
        add_event(
            tx, complaint_id, opening.subject_id, COMPLAINT, opening, member_id=opening.member_id
        )

    return _accepted(bureau, complaint_id, bureau.ledger.commit(opened.signed, work))


def escalate_complaint(bureau: Bureau, envelope: Envelope) -> Accepted:
    """Take an overdue or rejected complaint to the operator.

    Raises:
        Refusal: All of `verify_statement`; BAD_TEXT; NOT_FOUND; WRONG_STATE unless it is overdue
            or was rejected lately; LIMIT_REACHED.
    """
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db,
            bureau.origin,
            envelope,
            ComplaintEscalation,
            kind="complaint-escalation",
            signer=None,
        )
    escalation, subject_id = opened.message, opened.subject_id
    complaint_id = escalation.complaint_id
    _check_text(escalation.narrative, "narrative")

    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        lock_subject(tx, subject_id)
        row = find_complaint(tx.db, complaint_id)
        if row is None or row.subject_id != subject_id:
            raise _unknown("the subject has no complaint with this id")
        complaint = read_complaints(tx.db, [complaint_id], bureau.policy, tx.now_us)[complaint_id]
        if not may_escalate(complaint, tx.now_us):
            message = (
                "only a complaint that is overdue, or was rejected lately, goes to the operator"
            )
            raise Refusal("WRONG_STATE", message)
        check_count(tx, subject_id, bureau.policy)
        add_event(tx, complaint_id, subject_id, ESCALATION, escalation, member_id=row.member_id)

    return _accepted(bureau, complaint_id, bureau.ledger.commit(opened.signed, work))


def answer_complaint(bureau: Bureau, caller: Caller, envelope: Envelope) -> Accepted:
    """Answer a complaint about the caller, and notify the subject.

    Raises:
        Refusal: All of `verify_statement`; INVALID_FIELD for one that is upheld without a remedy;
            BAD_TEXT; NOT_FOUND, also for complaints about others; WRONG_STATE if it is answered
            or decided.
    """
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db,
            bureau.origin,
            envelope,
            ComplaintAnswer,
            kind="complaint-answer",
            signer=caller.signer,
        )
    answer = opened.message
    _check_text(answer.narrative, "narrative")
    _check_text(answer.remedy, "remedy")
    if not answer.narrative.strip():
        raise Refusal.of_field("INVALID_FIELD", "narrative", "empty: an answer gives its reasons")
    if answer.outcome == UPHELD and not answer.remedy.strip():
        message = "empty: an answer that upholds a complaint says what was done about it"
        raise Refusal.of_field("INVALID_FIELD", "remedy", message)

    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        row = _locked(tx, answer.complaint_id, answer.subject_id)
        if row is None or row.member_id != caller.member_id:
            raise _unknown("no complaint with this id is about the caller")
        if row.answer_key is not None or row.decision_key is not None:
            raise Refusal("WRONG_STATE", "the complaint is answered or decided")
        _add_reply(tx, row, COMPLAINT_ANSWER, answer, caller)

    return _accepted(bureau, answer.complaint_id, bureau.ledger.commit(opened.signed, work))


def decide_complaint(bureau: Bureau, caller: Caller, envelope: Envelope) -> Accepted:
    """Decide a complaint that the subject took to the operator, and notify the subject.

    Raises:
        Refusal: ROLE_REQUIRED; all of `verify_statement`; BAD_TEXT; INVALID_FIELD without
            reasons; NOT_FOUND; WRONG_STATE if the subject did not take it to the operator, or if
            it is decided.
    """
    caller.require_operator()
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db,
            bureau.origin,
            envelope,
            ComplaintDecision,
            kind="complaint-decision",
            signer=caller.signer,
        )
    decision = opened.message
    _check_text(decision.narrative, "narrative")
    if not decision.narrative.strip():
        raise Refusal.of_field("INVALID_FIELD", "narrative", "empty: a decision gives its reasons")

    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        row = _locked(tx, decision.complaint_id, decision.subject_id)
        if row is None:
            raise _unknown("no complaint of this subject has this id")
        if row.escalation_key is None or row.decision_key is not None:
            message = "the complaint was not taken to the operator, or is decided"
            raise Refusal("WRONG_STATE", message)
        _add_reply(tx, row, COMPLAINT_DECISION, decision, caller)

    return _accepted(bureau, decision.complaint_id, bureau.ledger.commit(opened.signed, work))


class ComplaintPage(NamedTuple):
    """A page of a list of complaints, each with its proof.

    Attributes:
        keys: The statements that bound the signing keys to the subjects, in order of the log.
        next_page_token: Token of the next page; empty on the last page.
    """

    complaints: list[Complaint]
    proofs: list[ComplaintProof]
    keys: list[LoggedStatement]
    next_page_token: str


def list_complaints(
    bureau: Bureau, request: Envelope, page_size: int, page_token: str
) -> ComplaintPage:
    """List the subject's complaints, newest first.

    Raises:
        Refusal: All of `verify_subject_request`; BAD_PAGE_TOKEN.
    """
    limit = page_size or paging.DEFAULT_SIZE
    before, now_us = paging.number_in(page_token, otherwise=paging.NEWEST), bureau.clock.now_us()
    with bureau.database.snapshot() as db:
        subject_id = signed_statement.verify_subject_request(
            db, bureau.origin, request, "Complaints/ListComplaints", now_us
        ).subject_id
        rows = db.all(
            q.complaints_of_subject_before, subject_id=subject_id, before=before, limit=limit + 1
        )
        return _page_of(bureau, db, rows, limit)


def list_received(bureau: Bureau, caller: Caller, page_size: int, page_token: str) -> ComplaintPage:
    """List the complaints about a member, to the operator those taken to it; oldest first.

    Raises:
        Refusal: BAD_PAGE_TOKEN.
    """
    limit = page_size or paging.DEFAULT_SIZE
    page = {"after": paging.number_in(page_token, otherwise=0), "limit": limit + 1}
    with bureau.database.snapshot() as db:
        if caller.is_operator:
            rows = db.all(q.escalated_complaints_after, **page)
        else:
            rows = db.all(q.complaints_about_after, member_id=caller.member_id, **page)
        return _page_of(bureau, db, rows, limit)


def watch_complaints(
    bureau: Bureau, caller: Caller, cursor: int
) -> Iterator[WatchComplaintsResponse | None]:
    """Yield the complaints about a member after a cursor, as they are committed.

    A complaint comes again when it is taken to the operator and when it is decided; None comes
    while there is no complaint.
    """
    while True:
        with bureau.database.snapshot() as db:
            page = _news(db, caller.member_id, cursor)
            ids = dict.fromkeys(news.complaint_id for news in page)
            complaints = read_complaints(db, ids, bureau.policy, bureau.clock.now_us())
            # Each message is read alone, so each has all keys.
            messages = {
                complaint_id: show_complaint(db, complaints[complaint_id], KeyProofs(db))
                for complaint_id in ids
            }
        for news in page:
            cursor = news.leaf_index + 1
            message = WatchComplaintsResponse(cursor=cursor)
            message.MergeFrom(messages[news.complaint_id])
            yield message
        if not page:
            yield None


def list_register(
    bureau: Bureau, page_size: int, page_token: str
) -> tuple[list[RegisteredLine], str]:
    """List the lines of the register with their leaves, in order.

    Raises:
        Refusal: BAD_PAGE_TOKEN.
    """
    limit = page_size or paging.DEFAULT_SIZE
    after = paging.number_in(page_token, otherwise=0)
    with bureau.database.snapshot() as db:
        rows = [StoredLine(*row) for row in db.all(q.lines_after, after=after, limit=limit + 1)]
        page, token = paging.cut(rows, limit, lambda row: row.number)
        lines = ((row, _registered(db, row)) for row in page)
        return paging.fit(lines, token, lambda row: row.number)


def _registered(db: Connection, stored: StoredLine) -> RegisteredLine:
    row = db.one(q.entry_by_key, entry_key=stored.entry_key)
    assert row is not None, "an entry key in a row names an entry"
    entry = LoggedEntry(*row)
    receipt = signed_statement.receipt_of(log.proof_of(db, entry))
    return RegisteredLine(line=stored.line, digest=entry.digest, receipt=receipt)


def _page_of(
    bureau: Bureau, db: Connection, rows: list[q.ListedComplaint], limit: int
) -> ComplaintPage:
    page, token = paging.cut(rows, limit, lambda row: row.entry_key)
    ids = [row.complaint_id for row in page]
    listed = read_complaints(db, ids, bureau.policy, bureau.clock.now_us())
    keys = KeyProofs(db)
    shown = ((row, show_complaint(db, listed[row.complaint_id], keys)) for row in page)
    parts, token = paging.fit(shown, token, lambda row: row.entry_key)
    return ComplaintPage(
        [part.complaint for part in parts],
        [part.proof for part in parts],
        in_log_order(key for part in parts for key in part.keys),
        token,
    )


def _news(db: Connection, member_id: str, cursor: int) -> list[q.ComplaintNews]:
    """Read the next events of complaints about a member, in order of the log."""
    last = db.one(q.key_at, leaf_index=cursor - 1) if cursor else None
    return db.all_in(
        q.complaint_news,
        NEWS,
        member_id=member_id,
        floor=last[0] - KEY_SLACK if last else 0,
        start=cursor,
        limit=PAGE,
    )


def _locked(tx: Transaction, complaint_id: str, subject_id: str) -> StoredComplaint | None:
    """Lock a subject's complaint, and return it; None unless the subject has it."""
    lock_subject(tx, subject_id)
    row = find_complaint(tx.db, complaint_id)
    return row if row is not None and row.subject_id == subject_id else None


def _add_reply(
    tx: Transaction,
    row: StoredComplaint,
    kind: int,
    reply: ComplaintAnswer | ComplaintDecision,
    caller: Caller,
) -> None:
    tx.subjects.add(row.subject_id)
    add_event(tx, row.complaint_id, row.subject_id, kind, reply, member_id=row.member_id)
    news = PendingNotice(NOTICE_KIND_COMPLAINT, "", [row.subject_id])
    notices.give(tx, [news], caller.member_id)


def _check_bounds(bureau: Bureau, tx: Transaction, opening: ComplaintOpening) -> None:
    """Check that a subject may open one more complaint.

    Raises:
        Refusal: WRONG_STATE if the deed has its complaint; LIMIT_REACHED.
    """
    deed, subject_id, limits = opening.deed, opening.subject_id, bureau.limits
    same = tx.db.one(
        q.complaint_about,
        subject_id=subject_id,
        member_id=opening.member_id,
        deed_type=deed.type,
        deed_id=deed.id,
        record_index=deed.record_index,
    )
    if same:
        raise Refusal("WRONG_STATE", f"this deed has its complaint already: {same[0]}")
    count = tx.db.one(q.waiting_complaints_of, subject_id=subject_id)
    if count and count[0] >= limits.waiting_complaints:
        message = f"at most {limits.waiting_complaints} complaints at a time wait for an answer"
        raise Refusal("LIMIT_REACHED", message)
    if deed.type == complaint_pb2.DEED_TYPE_INQUIRY:
        since_us = tx.now_us - COUNTED_DAYS * DAY_US
        about = {"subject_id": subject_id, "deed_type": deed.type}
        count = tx.db.one(q.complaints_of_type_since, since_us=since_us, **about)
        if count and count[0] >= limits.inquiry_complaints:
            message = f"at most {limits.inquiry_complaints} about inquiries in {COUNTED_DAYS} days"
            raise Refusal.of_field("LIMIT_REACHED", "deed.type", message)
    check_count(tx, subject_id, bureau.policy)


def _check_text(text: str, field: str) -> None:
    if field_rules.bad_text(text.replace("\n", "")):
        raise Refusal.of_field("BAD_TEXT", field, "control or bidirectional characters")


def _unknown(message: str) -> Refusal:
    return Refusal.of_field("NOT_FOUND", "complaint_id", message)


def _accepted(bureau: Bureau, complaint_id: str, committed: Committed[None]) -> Accepted:
    with bureau.database.snapshot() as db:
        now_us = bureau.clock.now_us()
        complaint = read_complaints(db, [complaint_id], bureau.policy, now_us)[complaint_id]
        stored = read_line(db, committed.proof.entry.entry_key)
    return Accepted(complaint, signed_statement.receipt_of(committed.proof), stored.line)
