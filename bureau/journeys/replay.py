"""Use case of a replay: an earlier report and its evidence, rebuilt from the log."""

from __future__ import annotations

from bureau import signed_statement
from bureau.context import Bureau, Caller
from bureau.credit_file.build_report import (
    check_report_digest,
    load_consent,
    rebuild_report,
)
from bureau.credit_file.consent_proof import prove_consent
from bureau.credit_file.consent_state import HeldConsent
from bureau.credit_file.replay_check import check_replay
from bureau.credit_file.report_rules import ReportRequest
from bureau.credit_file.report_versions import current_rules
from bureau.credit_file.stored_inquiry import StoredInquiry
from bureau.errors import Refusal
from bureau.store import queries as q
from bureau_keys.envelope import digest
from bureau_keys.report_checks import evidence_level
from creditbureau.v1 import codes_pb2, report_pb2
from creditbureau.v1.reporting_pb2 import ReplayReportResponse


def replay_report(
    bureau: Bureau, caller: Caller, inquiry_id: str, subject_id: str, member_id: str
) -> ReplayReportResponse:
    """Replay a report to the member that got it, or to an auditor.

    The subject sees among the inquiries that the caller replayed it, once.

    Args:
        subject_id: The subject of one of an inquiry's reports; required for a portfolio.
        member_id: The member that inquired; required of an auditor where several members
            used one inquiry id.

    Raises:
        Refusal: NOT_FOUND, also for others' inquiries; INVALID_FIELD if several inquiries
            match; to the member, PURPOSE_NOT_PERMITTED and all of `check_replay`;
            WRONG_STATE if this node lacks the rules that made the report.
    """
    is_auditor = codes_pb2.ROLE_AUDITOR in caller.roles
    with bureau.database.snapshot() as db:
        inquiries = [
            StoredInquiry(*row) for row in db.all(q.inquiries_of_id, inquiry_id=inquiry_id)
        ]
        inquiries = [
            inquiry
            for inquiry in inquiries
            if subject_id in {"", inquiry.subject_id}
            and member_id in {"", inquiry.member_id}
            and (is_auditor or inquiry.member_id == caller.member_id)
        ]
        inquiry = _only(inquiries)
        held = load_consent(db, inquiry.consent_id)
        assert held is not None, "an accepted inquiry had a consent"
        assert inquiry.entry_key is not None, "an accepted inquiry has an entry"
        envelope, receipt = signed_statement.statement_and_receipt(db, inquiry.entry_key)
        asked = ReportRequest(
            inquiry_id,
            digest(envelope),
            inquiry.subject_id,
            inquiry.purpose,
            evidence_level(envelope),
        )
        prepared = rebuild_report(db, bureau.origin, bureau.policy, asked, held, inquiry)
        if receipt.answer_digest:
            check_report_digest(db, prepared, receipt.answer_digest, inquiry.subject_id)
        consent = prove_consent(db, held)
    _note(bureau, caller, inquiry)
    return ReplayReportResponse(
        inquiry=envelope,
        report=signed_statement.sign_report(bureau.report_key, prepared.payload),
        receipt=receipt,
        evidence=prepared.evidence,
        consent=consent,
    )


def _only(inquiries: list[StoredInquiry]) -> StoredInquiry:
    """Return the one inquiry that matches a request.

    Raises:
        Refusal: NOT_FOUND, INVALID_FIELD.
    """
    if not inquiries:
        raise Refusal.of_field(
            "NOT_FOUND", "inquiry_id", "the caller has no report with this inquiry id"
        )
    if len({inquiry.member_id for inquiry in inquiries}) > 1:
        raise Refusal.of_field(
            "INVALID_FIELD", "member_id", "several members used this inquiry id: name one"
        )
    if len(inquiries) > 1:
        raise Refusal.of_field(
            "INVALID_FIELD", "subject_id", "the inquiry has several reports: name the subject"
        )
    return inquiries[0]


def _note(bureau: Bureau, caller: Caller, inquiry: StoredInquiry) -> None:
    """Store a replay, so that the subject sees it, if it is allowed.

    Checks a member's own consent under its lock, as an inquiry does. An auditor needs none.

    Raises:
        Refusal: PURPOSE_NOT_PERMITTED; all of `check_replay`.
    """
    replay = inquiry._replace(
        member_id=caller.member_id,
        kind=report_pb2.INQUIRY_KIND_SOFT,
        outcome=report_pb2.INQUIRY_OUTCOME_REPLAYED,
        create_us=bureau.clock.now_us(),
        entry_key=None,
        log_size=-1,
        rules_version=current_rules(bureau.policy).name,
    )
    with bureau.database.transaction() as db:
        if inquiry.member_id == caller.member_id:
            if inquiry.purpose not in caller.purposes:
                raise Refusal(
                    "PURPOSE_NOT_PERMITTED", "the member is not admitted for this purpose"
                )
            row = db.one(q.lock_consent, consent_id=inquiry.consent_id)
            assert row is not None, "an accepted inquiry had a consent"
            db.lock(q.share_subject, subject_id=inquiry.subject_id)
            check_replay(db, bureau.policy, HeldConsent(*row), inquiry, replay.create_us)
        db.execute(q.add_inquiry, **_without_key(replay))


def _without_key(inquiry: StoredInquiry) -> dict[str, object]:
    """Return the columns of a new inquiry; the database gives out the key."""
    columns = inquiry._asdict()
    del columns["inquiry_key"]
    return columns
