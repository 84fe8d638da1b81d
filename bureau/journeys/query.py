"""Use case of an inquiry: a signed report under a consent, never without a log entry.

The credit file is read from one snapshot of committed state, as of a log size. The inquiry
is then committed under the consent's lock, where everything that the subject decides is
checked again. The report is returned only after the commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import cast

from bureau import paging, signed_statement
from bureau.context import Bureau, Caller
from bureau.credit_file.build_report import (
    BuiltReport,
    check_report_digest,
    load_consent,
    rebuild_report,
)
from bureau.credit_file.replay_check import check_retry
from bureau.credit_file.report_rules import ReportRequest
from bureau.credit_file.stored_inquiry import StoredInquiry
from bureau.errors import Refusal
from bureau.journeys.commit_inquiries import ConsentChanged, InquiryWork
from bureau.journeys.read_inquiries import OpenInquiry, read_inquiries
from bureau.ledger import log
from bureau.ledger.units import Unit, deadline
from bureau.recent_calls import NO_STATEMENT, carried_statement
from bureau.signed_statement import VerifiedStatement
from bureau.store import queries as q
from bureau.waker import Waker
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.reason import Reason
from creditbureau.v1.report_pb2 import EvidencePage
from creditbureau.v1.reporting_pb2 import Inquiry, QueryReportResponse

# Refusals that the subject sees; a member with many of them is slowed down.
DENIALS: frozenset[Reason] = frozenset(
    {
        "CONSENT_REQUIRED",
        "CONSENT_REVOKED",
        "CONSENT_REPLACED",
        "CONSENT_PAUSED",
        "CONSENT_EXPIRED",
        "CONSENT_EXHAUSTED",
        "CONSENT_SCOPE",
        "HOLD",
    }
)

# Times that an inquiry is answered again where its consent was changed in between.
TRIES = 4


def query_report(
    bureau: Bureau, caller: Caller, envelope: Envelope, page_token: str = ""
) -> QueryReportResponse:
    """Answer an inquiry with a signed report.

    A person who changes consents while a member inquires does not make the inquiry fail: it is
    answered under the consent that holds in the end.

    Args:
        page_token: Token of a further page of evidence, for an inquiry that was answered;
            empty for the report.

    Raises:
        Refusal: All of `verify_statement`; CLOCK_SKEW, EXPIRED_REQUEST (for an inquiry that is
            in the log: after a day),
            PURPOSE_NOT_PERMITTED, QUOTA_EXCEEDED, the consent's reasons
            (`consent_state.check_inquiry`), HOLD, LIMIT_REACHED, BAD_PAGE_TOKEN;
            CONFLICT after TRIES consents that were changed meanwhile.
    """
    for is_last in (*[False] * (TRIES - 1), True):
        try:
            return _answer_inquiry(bureau, caller, envelope, page_token)
        except ConsentChanged as changed:
            if is_last:
                raise
            changed.__traceback__ = None  # it refers to the inquiry that is given up
    raise AssertionError("the last try answers or raises")


def _answer_inquiry(
    bureau: Bureau, caller: Caller, envelope: Envelope, page_token: str
) -> QueryReportResponse:
    # 1. Verify the inquiry, and build the report as of the log's size: together with the inquiries
    #    that wait at this moment.
    inquiry = OpenInquiry(caller, envelope, paging.number_in(page_token, otherwise=0))
    bureau.inquiries.serve(inquiry, partial(_read_and_queue, bureau), deadline.get())
    if inquiry.set_aside:
        inquiry.set_aside, inquiry.waker = False, Waker()
        _read_and_queue(bureau, [inquiry], alone=True)
    carried_statement.set(inquiry.context.get(carried_statement, NO_STATEMENT))
    if inquiry.error is not None:
        raise inquiry.error
    opened, request, report = inquiry.opened, inquiry.request, inquiry.report
    assert opened is not None, "an inquiry without an error was opened"
    assert request is not None, "an inquiry without an error was opened"
    if request.first_step:
        return QueryReportResponse(evidence=_further_page(bureau, opened, request))

    # 2. One unit of work: the consent under its lock, its use, the inquiry, the leaf; together with
    #    those of other inquiries.
    assert inquiry.unit is not None, "an inquiry for a report has a unit"
    try:
        committed = inquiry.unit.result()
    except Refusal as refusal:
        if refusal.reason in DENIALS:
            bureau.misses.miss(caller.member_id, bureau.clock.now_us())
        raise

    # 3. A retry gets the first answer again, unless the subject forbade it meanwhile; what
    #    was denied stays denied.
    if committed.replayed:
        report = _again(bureau, request, committed.proof.entry)
    assert report is not None, "an accepted inquiry has a report"

    # 4. Committed: sign and answer.
    return QueryReportResponse(
        report=signed_statement.sign_report(bureau.report_key, report.payload),
        receipt=signed_statement.receipt_of(committed.proof),
        evidence=report.evidence,
        consent=inquiry.consent,
    )


def _read_and_queue(
    bureau: Bureau, inquiries: Sequence[OpenInquiry], *, alone: bool = False
) -> None:
    """Read inquiries that wait together, and queue them for the writer.

    Those that go no further are woken here, the others by the writer.
    """
    now_us = bureau.clock.now_us()
    read_inquiries(bureau, inquiries, now_us, alone=alone)
    for inquiry in inquiries:
        if inquiry.goes_on and inquiry.opened and not inquiry.first_step:
            work = InquiryWork(bureau, inquiry.opened, inquiry.report, now_us)
            signed, waker = inquiry.opened.signed, inquiry.waker
            # There before the writer may wake the call.
            inquiry.unit = inquiry.context.run(Unit.of_call, signed, work, waker)
            bureau.ledger.enqueue(inquiry.unit)
        else:
            inquiry.waker.wake()


def _further_page(
    bureau: Bureau, opened: VerifiedStatement[Inquiry], asked: ReportRequest
) -> EvidencePage:
    """Read a further page of the evidence for an accepted inquiry."""
    committed = bureau.ledger.commit(opened.signed, paging.refuse_first)
    return _again(bureau, asked, committed.proof.entry).evidence


def _again(bureau: Bureau, asked: ReportRequest, entry: log.LoggedEntry) -> BuiltReport:
    """Rebuild the report of an accepted inquiry as of its log size.

    Raises:
        Refusal: The reason for which the inquiry was denied; all of `check_retry`.
    """
    with bureau.database.snapshot() as db:
        row = db.one(q.inquiry_of_entry, entry_key=entry.entry_key)
        assert row is not None, "an inquiry in the log has a row"
        inquiry = StoredInquiry(*row)
        if inquiry.denial_reason:
            message = "the inquiry was denied before: sign a new one"
            raise Refusal(cast("Reason", inquiry.denial_reason), message)
        consent = load_consent(db, inquiry.consent_id)
        assert consent is not None, "an accepted inquiry had a consent"
        check_retry(db, bureau.policy, consent, inquiry, bureau.clock.now_us())
        prepared = rebuild_report(db, bureau.origin, bureau.policy, asked, consent, inquiry)
        check_report_digest(db, prepared, inquiry)
    return prepared
