"""Use cases of disclosure: the subject reads their own credit file."""

from __future__ import annotations

from bureau import paging, signed_statement
from bureau.codes import CodeSet
from bureau.context import Bureau, Caller
from bureau.credit_file import notices
from bureau.credit_file.build_report import check_size
from bureau.credit_file.history import PEOPLE_CHANGED
from bureau.credit_file.inquiry_lines import InquiryPage, inquiry_line, signed_page
from bureau.credit_file.own_entries import read_disclosed_state
from bureau.credit_file.reader import read_file
from bureau.credit_file.report import (
    add_attributes,
    add_consumer_entries,
    deleted_tradeline_omission,
    erased_tradeline_omission,
    fill_report,
    new_report,
    omissions_for_subject,
    reportable,
)
from bureau.credit_file.report_versions import current_rules
from bureau.credit_file.scope import WHOLE_FILE
from bureau.ledger.event_chains import head_of
from bureau.store import queries as q
from creditbureau.v1 import codes_pb2
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.notice_pb2 import NOTICE_KIND_ERASURE

# More inquiries than these are read page by page: those that got a report, and those
# that were denied or are replays; and more notices.
DISCLOSED_GRANTED = 1000
DISCLOSED_OTHERS = 200
DISCLOSED_DISPUTES = 200
DISCLOSED_NOTICES = 200


def get_file(bureau: Bureau, request: Envelope) -> Envelope:
    """Return the subject's whole credit file, signed by the bureau.

    Raises:
        Refusal: All of `verify_subject_request`.
    """
    now_us = bureau.clock.now_us()
    with bureau.database.snapshot() as db:
        statement = signed_statement.verify_subject_request(
            db, bureau.origin, request, "Subjects/GetFile", now_us
        )
        subject_id = statement.subject_id
        file = read_file(db, subject_id, bureau.policy, now_us)
        state = read_disclosed_state(db, subject_id, bureau.policy, now_us, DISCLOSED_DISPUTES)
        page = {"subject_id": subject_id, "before": 1 << 62}
        rows = db.all(q.granted_before, **page, limit=DISCLOSED_GRANTED)
        rows += db.all(q.other_inquiries_before, **page, limit=DISCLOSED_OTHERS)
        head = head_of(db, subject_id, file.log_size)
        newest_notices = notices.newest(db, subject_id, DISCLOSED_NOTICES)
        shared = CodeSet.of([PEOPLE_CHANGED])
        deleted = db.all(q.deleted_accounts, subject_id=subject_id, unless=shared)
        erased = db.all(q.erased_accounts, subject_id=subject_id, kind=NOTICE_KIND_ERASURE)
    rules = current_rules(bureau.policy)
    file = rules.marked(file)
    report = new_report(
        bureau.origin, rules, statement.header.request_id, statement.signed.digest, now_us
    )
    report.subject_id = subject_id
    report.event_count, report.event_chain_hash = head
    report.purpose = codes_pb2.PURPOSE_SUBJECT_DISCLOSURE
    fill_report(report, file, WHOLE_FILE, rules)
    add_consumer_entries(report, state, WHOLE_FILE, rules)
    reported = reportable(file, state, rules)
    add_attributes(report, reported, WHOLE_FILE, rules)
    report.omissions.extend(omissions_for_subject(file, reported, state, bureau.policy))
    report.omissions.extend(deleted_tradeline_omission(name) for (name,) in deleted)
    report.omissions.extend(erased_tradeline_omission(name) for (name,) in erased)
    report.notices.extend(newest_notices)
    del report.inquiries[:]
    report.inquiries.extend(inquiry_line(row) for row in sorted(rows, reverse=True))
    payload = report.SerializeToString(deterministic=True)
    check_size(payload)
    return signed_statement.sign_report(bureau.report_key, payload)


def list_inquiries(
    bureau: Bureau, request: Envelope, page_size: int, page_token: str
) -> InquiryPage:
    """List the inquiries about a subject, granted and denied, and replays, newest first.

    Raises:
        Refusal: All of `verify_subject_request`; BAD_PAGE_TOKEN.
    """
    limit = page_size or paging.DEFAULT_SIZE
    before = paging.number_in(page_token, otherwise=paging.NEWEST)
    with bureau.database.snapshot() as db:
        subject_id = signed_statement.verify_subject_request(
            db, bureau.origin, request, "Subjects/ListInquiries", bureau.clock.now_us()
        ).subject_id
        rows = db.all(q.inquiries_before, subject_id=subject_id, before=before, limit=limit + 1)
        return signed_page(db, rows, limit, subject_id=subject_id)


def list_own_inquiries(
    bureau: Bureau, caller: Caller, subject_id: str, page_size: int, page_token: str
) -> InquiryPage:
    """List a member's own inquiries and replays, newest first.

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
            rows = db.all(q.own_inquiries_about_before, subject_id=subject_id, **own)
        else:
            rows = db.all(q.own_inquiries_before, **own)
        return signed_page(db, rows, limit)
