"""Use case of a replay: an earlier report and its evidence, rebuilt from the log."""

from __future__ import annotations

from bureau import signed_statement
from bureau.context import Bureau, Caller
from bureau.credit_file import consent_state
from bureau.credit_file.build_report import (
    check_report_digest,
    load_consent,
    rebuild_report,
)
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
    bureau: Bureau, caller: Caller, inquiry_id: str, subject_id: str
) -> ReplayReportResponse:
    """Replay a report to the member that got it, or to an auditor.

    The subject sees the auditor among the inquiries.

    Args:
        subject_id: The subject of one of an inquiry's reports; required for a portfolio.

    Raises:
        Refusal: NOT_FOUND, also for others' inquiries; CONSENT_REVOKED,
            CONSENT_PAUSED to a member whose consent was withdrawn since; WRONG_STATE
            if this node lacks the rules that made the report.
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
            and (is_auditor or inquiry.member_id == caller.member_id)
        ]
        if len(inquiries) != 1:
            raise Refusal.of_field(
                "NOT_FOUND", "inquiry_id", "the caller has no report with this inquiry id"
            )
        (inquiry,) = inquiries
        held = load_consent(db, inquiry.consent_id)
        assert held is not None, "an accepted inquiry had a consent"
        if not is_auditor:
            consent_state.check_not_withdrawn(held)
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
            check_report_digest(db, prepared, receipt.answer_digest)
    if inquiry.member_id != caller.member_id:
        _note(bureau, caller, inquiry)
    return ReplayReportResponse(
        inquiry=envelope,
        report=signed_statement.sign_report(bureau.report_key, prepared.payload),
        receipt=receipt,
        evidence=prepared.evidence,
    )


def _note(bureau: Bureau, caller: Caller, inquiry: StoredInquiry) -> None:
    """Store an auditor's replay, so that the subject sees it."""
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
        db.execute(q.add_inquiry, **_without_key(replay))


def _without_key(inquiry: StoredInquiry) -> dict[str, object]:
    """Return the columns of a new inquiry; the database gives out the key."""
    columns = inquiry._asdict()
    del columns["inquiry_key"]
    return columns
