"""Use cases of decisions: a member records a decision on a report that it got, and the
subject, the member and auditors read it.

The bureau never decides. It checks that the member got the report, and keeps the signed
decision; an auditor who holds the report, the policy and the inputs decides again.
"""

from __future__ import annotations

from bureau import paging, signed_statement
from bureau.codes import currencies
from bureau.context import Bureau, Caller
from bureau.credit_file import notices
from bureau.credit_file.accounts import PendingNotice
from bureau.credit_file.stored_inquiry import StoredInquiry
from bureau.errors import Refusal
from bureau.ledger.units import Transaction
from bureau.signed_statement import logged_statement
from bureau.store import queries as q
from bureau.store.database import Connection
from creditbureau.v1 import decision_pb2
from creditbureau.v1.decision_pb2 import DecisionReceipt
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.members_pb2 import LoggedStatement
from creditbureau.v1.notice_pb2 import NOTICE_KIND_DECISION
from creditbureau.v1.reporting_pb2 import ListOwnDecisionsResponse
from creditbureau.v1.subjects_pb2 import ListDecisionsResponse

# Outcomes that need a reason (Regulation B, 12 CFR 1002.9(a)(2)).
ADVERSE = frozenset(
    {
        decision_pb2.DECISION_OUTCOME_DECLINE,
        decision_pb2.DECISION_OUTCOME_COUNTER_OFFER,
        decision_pb2.DECISION_OUTCOME_FREEZE,
        decision_pb2.DECISION_OUTCOME_REDUCE,
    }
)

# Earlier months are refused, as readers of months refuse them.
FIRST_MONTH = 190_001


def record_decision(bureau: Bureau, caller: Caller, envelope: Envelope) -> Receipt:
    """Record a member's decision on a report that it got, and notify the subject.

    Raises:
        Refusal: All of `verify_statement`; CLOCK_SKEW, EXPIRED_REQUEST; NOT_FOUND, also for
            inquiries of others; INVALID_FIELD, UNKNOWN_CURRENCY; LIMIT_REACHED.
    """
    # 1. Open and verify.
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db, bureau.origin, envelope, DecisionReceipt, kind="decision", signer=caller.signer
        )
        decision = opened.message
        check_shape(decision)
        # 2. The member must have got this very report. An inquiry never changes.
        inquiry = find_report(db, caller.member_id, decision)

    # 3. One unit of work: the decision, the notice to the subject, the leaf.
    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        subject_id = inquiry.subject_id
        tx.subjects.add(subject_id)
        tx.db.lock(q.lock_subject, subject_id=subject_id)
        report = {"inquiry_entry": inquiry.entry_key, "subject_id": subject_id}
        count, most = tx.db.one(q.decision_count, **report), bureau.limits.decisions_of_report
        if count and count[0] >= most:
            raise Refusal.of_field(
                "LIMIT_REACHED", "inquiry_id", f"at most {most} decisions on one report"
            )
        tx.db.execute(q.add_decision, entry_key=tx.entry_key, member_id=caller.member_id, **report)
        news = PendingNotice(NOTICE_KIND_DECISION, decision.tradeline_id, [subject_id])
        notices.give(tx, [news], caller.member_id)

    return signed_statement.receipt_of(bureau.ledger.commit(opened.signed, work).proof)


def check_shape(decision: DecisionReceipt) -> None:
    """Check the rules between the fields of a decision.

    Raises:
        Refusal: INVALID_FIELD, UNKNOWN_CURRENCY.
    """
    if decision.outcome in ADVERSE and not decision.reasons:
        message = "DECLINE, COUNTER_OFFER, FREEZE and REDUCE need a reason"
        raise Refusal.of_field("INVALID_FIELD", "reasons", message)
    if decision.HasField("limit_minor") != bool(decision.currency):
        raise Refusal.of_field("INVALID_FIELD", "currency", "belongs to a limit")
    if decision.currency and decision.currency not in currencies():
        raise Refusal.of_field("UNKNOWN_CURRENCY", "currency", "not an ISO 4217 currency")
    for index, reason in enumerate(decision.reasons):
        for position, entry in enumerate(reason.basis):
            if entry.month and not (entry.month >= FIRST_MONTH and 1 <= entry.month % 100 <= 12):
                field = f"reasons[{index}].basis[{position}].month"
                raise Refusal.of_field("INVALID_FIELD", field, "not a month of the calendar")


def find_report(db: Connection, member_id: str, decision: DecisionReceipt) -> StoredInquiry:
    """Return the member's own inquiry that was answered with the report of a decision.

    Raises:
        Refusal: NOT_FOUND, alike for inquiries of others and for unknown ones; INVALID_FIELD
            if the report has another digest.
    """
    rows = db.all(q.inquiries_of_id, inquiry_id=decision.inquiry_id)
    for inquiry in (StoredInquiry(*row) for row in rows):
        if (inquiry.member_id, inquiry.subject_id) != (member_id, decision.subject_id):
            continue
        if inquiry.report_digest != decision.report_digest:
            message = "the report of this inquiry has another digest"
            raise Refusal.of_field("INVALID_FIELD", "report_digest", message)
        return inquiry
    raise Refusal.of_field(
        "NOT_FOUND", "inquiry_id", "the caller has no report on this subject with this inquiry id"
    )


def decisions_on(db: Connection, inquiry: StoredInquiry) -> list[LoggedStatement]:
    """Read the decisions on a report, oldest first."""
    report = {"inquiry_entry": inquiry.entry_key, "subject_id": inquiry.subject_id}
    return [logged_statement(db, key) for (key,) in db.all(q.decisions_on_report, **report)]


def list_decisions(
    bureau: Bureau, request: Envelope, page_size: int, page_token: str
) -> ListDecisionsResponse:
    """List the decisions on reports about a subject, newest first.

    Raises:
        Refusal: All of `verify_subject_request`; BAD_PAGE_TOKEN.
    """
    limit = page_size or paging.DEFAULT_SIZE
    before = paging.number_in(page_token, otherwise=paging.NEWEST)
    with bureau.database.snapshot() as db:
        subject_id = signed_statement.verify_subject_request(
            db, bureau.origin, request, "Subjects/ListDecisions", bureau.clock.now_us()
        ).subject_id
        page = {"subject_id": subject_id, "before": before, "limit": limit + 1}
        decisions, token = _page_of(db, db.all(q.decisions_about_before, **page), limit)
    return ListDecisionsResponse(decisions=decisions, next_page_token=token)


def list_own_decisions(
    bureau: Bureau, caller: Caller, subject_id: str, page_size: int, page_token: str
) -> ListOwnDecisionsResponse:
    """List a member's own decisions, newest first.

    Args:
        subject_id: Only those about this subject; empty for all.

    Raises:
        Refusal: BAD_PAGE_TOKEN.
    """
    limit = page_size or paging.DEFAULT_SIZE
    before = paging.number_in(page_token, otherwise=paging.NEWEST)
    own = {"member_id": caller.member_id, "before": before, "limit": limit + 1}
    with bureau.database.snapshot() as db:
        if subject_id:
            keys = db.all(q.own_decisions_about_before, subject_id=subject_id, **own)
        else:
            keys = db.all(q.own_decisions_before, **own)
        decisions, token = _page_of(db, keys, limit)
    return ListOwnDecisionsResponse(decisions=decisions, next_page_token=token)


def _page_of(
    db: Connection, keys: list[tuple[int]], limit: int
) -> tuple[list[LoggedStatement], str]:
    """Read a page of decisions from the keys of their entries."""
    page, token = paging.cut(keys, limit, _key_of)
    return paging.fit(((row, logged_statement(db, row[0])) for row in page), token, _key_of)


def _key_of(row: tuple[int]) -> int:
    return row[0]
