"""Use case of a replay: an earlier report and its evidence, rebuilt from the log.

A replay is a signed statement, and has a leaf of its own: no report is read unseen.
"""

from __future__ import annotations

from typing import NamedTuple

from bureau import paging, signed_statement
from bureau.context import Bureau, Caller
from bureau.credit_file.build_report import (
    BuiltReport,
    check_report_digest,
    load_consent,
    rebuild_report,
)
from bureau.credit_file.consent_proof import prove_consent
from bureau.credit_file.consent_state import HeldConsent
from bureau.credit_file.replay_check import (
    check_replays_left,
    check_retry,
    use_for_replay,
)
from bureau.credit_file.report_rules import ReportRequest
from bureau.credit_file.report_versions import current_rules
from bureau.credit_file.stored_inquiry import StoredInquiry
from bureau.credit_file.stored_portfolio import StoredPortfolio
from bureau.errors import Refusal
from bureau.journeys.decision import decisions_on
from bureau.ledger.units import Committed, Transaction
from bureau.signed_statement import VerifiedStatement
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.envelope import digest
from bureau_keys.report_checks import evidence_level
from bureau_keys.signer_name import member_id_of
from creditbureau.v1 import codes_pb2, report_pb2
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.reporting_pb2 import (
    ConsentProof,
    PortfolioProof,
    Replay,
    ReplayReportResponse,
)


def replay_report(
    bureau: Bureau, caller: Caller, envelope: Envelope, page_token: str = ""
) -> ReplayReportResponse:
    """Replay a report to the member that got it, or to an auditor.

    Args:
        page_token: Token of a further page of evidence, for a replay that was answered; empty
            for the report.

    Raises:
        Refusal: All of `verify_statement`; CLOCK_SKEW, EXPIRED_REQUEST; NOT_FOUND, also for
            others' inquiries; INVALID_FIELD if several inquiries match; to the member,
            PURPOSE_NOT_PERMITTED and all of `use_for_replay`; LIMIT_REACHED; WRONG_STATE if
            this node lacks the rules that made the report; BAD_PAGE_TOKEN.
    """
    first_step = paging.number_in(page_token, otherwise=0)
    with bureau.database.snapshot() as db:
        # 1. Open and verify.
        opened = verify_replay(db, bureau, caller, envelope)
        signed_statement.check_fresh(opened.header, bureau.clock.now_us())
        # 2. Rebuild the report as of its log size.
        inquiry = find_inquiry(db, caller, opened.message)
        if inquiry.member_id == caller.member_id and inquiry.purpose not in caller.purposes:
            raise Refusal("PURPOSE_NOT_PERMITTED", "the member is not admitted for this purpose")
        rebuilt = rebuild(db, bureau, inquiry, first_step)

    # 3. One unit of work: the consent under its lock, the replay, the leaf.
    if first_step:
        committed = bureau.ledger.commit(opened.signed, paging.refuse_first)
    else:
        committed = commit_replay(bureau, opened, inquiry, rebuilt.report.digest)
    if committed.replayed and inquiry.member_id == caller.member_id:
        # A retry: the subject may have forbidden it meanwhile.
        with bureau.database.snapshot() as db:
            check_retry(db, bureau.policy, rebuilt.held_consent, inquiry, bureau.clock.now_us())

    # 4. Committed: sign and answer.
    if first_step:
        return ReplayReportResponse(evidence=rebuilt.report.evidence)
    with bureau.database.snapshot() as db:
        decisions = decisions_on(db, inquiry)
    return ReplayReportResponse(
        inquiry=rebuilt.asked,
        report=signed_statement.sign_report(bureau.report_key, rebuilt.report.payload),
        receipt=signed_statement.receipt_of(committed.proof),
        evidence=rebuilt.report.evidence,
        consent=rebuilt.consent,
        inquiry_receipt=rebuilt.receipt,
        portfolio=rebuilt.portfolio,
        decisions=decisions,
    )


class Rebuilt(NamedTuple):
    """An earlier report, built again.

    Attributes:
        asked: The signed inquiry.
        receipt: The receipt of the inquiry.
        held_consent: The consent that the report rests on.
        consent: The proof of the consent.
        portfolio: The place of a portfolio's report; None for any other report.
    """

    asked: Envelope
    receipt: Receipt
    report: BuiltReport
    held_consent: HeldConsent
    consent: ConsentProof
    portfolio: PortfolioProof | None


def rebuild(db: Connection, bureau: Bureau, inquiry: StoredInquiry, first_step: int = 0) -> Rebuilt:
    """Build the report of a granted inquiry again, as of its log size.

    Args:
        first_step: Index of the first piece of evidence on the page that is asked for.

    Raises:
        Refusal: WRONG_STATE if this node lacks the rules that made the report, or what it was
            made from was erased; BAD_PAGE_TOKEN.
    """
    held_consent = load_consent(db, inquiry.consent_id)
    assert held_consent is not None, "an accepted inquiry had a consent"
    assert inquiry.entry_key is not None, "an accepted inquiry has an entry"
    asked, receipt = signed_statement.statement_and_receipt(db, inquiry.entry_key)
    request = ReportRequest(
        inquiry.inquiry_id,
        digest(asked),
        inquiry.subject_id,
        inquiry.purpose,
        evidence_level(asked),
        first_step,
    )
    report = rebuild_report(db, bureau.origin, bureau.policy, request, held_consent, inquiry)
    portfolio = None
    # An inquiry from before schema 0010 for a portfolio records no digest.
    if inquiry.report_digest is not None:
        check_report_digest(db, report, inquiry)
        if receipt.kind == "portfolio-inquiry":
            portfolio = _place(db, inquiry.entry_key, inquiry.inquiry_key)
    return Rebuilt(asked, receipt, report, held_consent, prove_consent(db, held_consent), portfolio)


def _place(db: Connection, entry_key: int, inquiry_key: int) -> PortfolioProof:
    """Return the place of a report in its portfolio."""
    portfolio = StoredPortfolio.read(db, entry_key)
    return portfolio.tree.prove(portfolio.keys.index(inquiry_key))


def verify_replay(
    db: Connection, bureau: Bureau, caller: Caller, envelope: Envelope
) -> VerifiedStatement[Replay]:
    """Verify a member's or an auditor's signed replay.

    Raises:
        Refusal: All of `verify_statement`.
    """
    return signed_statement.verify_statement(
        db, bureau.origin, envelope, Replay, kind="replay", signer=caller.signer
    )


def find_inquiry(db: Connection, caller: Caller, replay: Replay) -> StoredInquiry:
    """Return the one granted inquiry that a replay names: the caller's own, or any for an
    auditor.

    Raises:
        Refusal: NOT_FOUND, INVALID_FIELD.
    """
    is_auditor = codes_pb2.ROLE_AUDITOR in caller.roles
    inquiries = [
        StoredInquiry(*row) for row in db.all(q.inquiries_of_id, inquiry_id=replay.inquiry_id)
    ]
    return _only(
        [
            inquiry
            for inquiry in inquiries
            if replay.subject_id == inquiry.subject_id
            and replay.member_id in {"", inquiry.member_id}
            and (is_auditor or inquiry.member_id == caller.member_id)
        ]
    )


def commit_replay(
    bureau: Bureau,
    opened: VerifiedStatement[Replay],
    inquiry: StoredInquiry,
    report_digest: bytes,
) -> Committed[None]:
    """Commit a replay, so that the subject sees it, if it is allowed.

    Checks a member's own consent under its lock, as an inquiry does, and counts the use of one
    that is not to STORE. An auditor needs none.

    Args:
        inquiry: The inquiry whose report is made again.
        report_digest: SHA-256 of the report; the leaf covers it.

    Raises:
        Refusal: All of `use_for_replay`; LIMIT_REACHED; the reasons of the ledger.
    """
    member_id = member_id_of(opened.header.signer)

    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        tx.subjects.add(inquiry.subject_id)
        check_replays_left(tx.db, bureau.limits, inquiry, member_id)
        if inquiry.member_id == member_id:
            row = tx.db.one(q.lock_consent, consent_id=inquiry.consent_id)
            assert row is not None, "an accepted inquiry had a consent"
            tx.db.lock(q.share_subject, subject_id=inquiry.subject_id)
            use_for_replay(tx, bureau.policy, HeldConsent(*row), inquiry)
        replay = inquiry._replace(
            member_id=member_id,
            kind=report_pb2.INQUIRY_KIND_SOFT,
            outcome=report_pb2.INQUIRY_OUTCOME_REPLAYED,
            create_us=tx.now_us,
            entry_key=tx.entry_key,
            log_size=-1,
            rules_version=current_rules(bureau.policy).name,
            report_digest=report_digest,
        )
        tx.db.execute(q.add_inquiry, **replay.new_row())
        tx.answer_digest = report_digest

    return bureau.ledger.commit(opened.signed, work)


def _only(inquiries: list[StoredInquiry]) -> StoredInquiry:
    """Return the one inquiry that matches a request.

    Raises:
        Refusal: NOT_FOUND, INVALID_FIELD.
    """
    if not inquiries:
        raise Refusal.of_field(
            "NOT_FOUND",
            "inquiry_id",
            "the caller has no report on the subject with this inquiry id",
        )
    if len({inquiry.member_id for inquiry in inquiries}) > 1:
        raise Refusal.of_field(
            "INVALID_FIELD", "member_id", "several members used this inquiry id: name one"
        )
    return inquiries[0]
