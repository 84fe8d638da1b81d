"""Build a report from its inputs, or again from the log."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from bureau import paging, tracing
from bureau.credit_file.consent_state import HeldConsent
from bureau.credit_file.evidence import action_steps, evidence_steps, read_page
from bureau.credit_file.report import MAX_REPORT_BYTES
from bureau.credit_file.report_inputs import read_inputs_at
from bureau.credit_file.report_rules import (
    ReportInputs,
    ReportRequest,
    ReportRules,
    ShapedReport,
)
from bureau.credit_file.report_versions import rules_of
from bureau.credit_file.stored_inquiry import StoredInquiry
from bureau.errors import Refusal
from bureau.policy import Policy
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.consent_history import REPLACED
from creditbureau.v1 import report_pb2
from creditbureau.v1.notice_pb2 import NOTICE_KIND_ERASURE
from creditbureau.v1.report_pb2 import EvidencePage


@dataclass(frozen=True, slots=True)
class BuiltReport:
    """A report before it is signed.

    Attributes:
        payload: The report's bytes.
        digest: The report's digest in the log: SHA-256 of its bytes.
        evidence: The page of evidence that was asked for.
        log_size: The log size that its inputs were read at.
        level: ReciprocityLevel that the member had earned.
        rules_version: Name of the rules that made it.
        consent_id: The consent that it keeps to; empty in a subject's own file.
    """

    payload: bytes
    digest: bytes
    evidence: EvidencePage
    outcome: int
    log_size: int
    level: int
    rules_version: str
    consent_id: str

    @property
    def inquiry_outcome(self) -> int:
        """The InquiryOutcome of the inquiry that the report answers."""
        if self.outcome == report_pb2.REPORT_OUTCOME_HIT:
            return report_pb2.INQUIRY_OUTCOME_REPORTED
        return report_pb2.INQUIRY_OUTCOME_NO_HIT


def shape(inputs: ReportInputs, rules: ReportRules) -> ShapedReport:
    """Shape a report from its inputs."""
    with tracing.step("shape"):
        return rules.version.shape(inputs, rules)


def rebuild_report(
    db: Connection,
    origin: str,
    policy: Policy,
    request: ReportRequest,
    consent: HeldConsent,
    inquiry: StoredInquiry,
) -> BuiltReport:
    """Build a report again from its inquiry's row, by the rules that made it.

    Raises:
        Refusal: WRONG_STATE if this node does not have those rules; BAD_PAGE_TOKEN if the
            evidence has no such page.
    """
    rules = rules_of(inquiry.rules_version, policy)
    with tracing.step("read"):
        inputs = read_inputs_at(
            db,
            origin,
            rules.policy,
            request,
            consent,
            now_us=inquiry.create_us,
            log_size=inquiry.log_size,
            level=inquiry.level,
        )
    return finish(db, inputs, shape(inputs, rules), rules)


def finish(
    db: Connection, inputs: ReportInputs, shaped: ShapedReport, rules: ReportRules
) -> BuiltReport:
    """Make a report's bytes, and read the page of evidence that comes with it.

    Raises:
        Refusal: BAD_PAGE_TOKEN if the evidence has no such page.
    """
    level = inputs.request.evidence
    steps = evidence_steps(shaped.shown, level, shaped.scope)
    steps += action_steps(db, shaped.report, level)
    payload = shaped.report.SerializeToString(deterministic=True)
    first = inputs.request.first_step
    # The first page comes with the report.
    most = paging.MAX_BYTES - (0 if first else len(payload))
    return BuiltReport(
        payload,
        hashlib.sha256(payload).digest(),
        read_page(db, steps, first, most),
        shaped.report.outcome,
        inputs.file.log_size,
        inputs.level,
        rules.name,
        shaped.report.consent_id,
    )


def check_size(payload: bytes) -> None:
    """Raise LIMIT_REACHED for a report that is larger than clients receive."""
    if len(payload) > MAX_REPORT_BYTES:
        message = f"the report has {len(payload)} bytes, more than {MAX_REPORT_BYTES}"
        raise Refusal("LIMIT_REACHED", message)


def check_report_digest(db: Connection, built: BuiltReport, inquiry: StoredInquiry) -> None:
    """Verify that a rebuilt report has the digest that its inquiry recorded.

    Raises:
        Refusal: WRONG_STATE if something of the subject was erased since; INTERNAL.
    """
    if built.digest == inquiry.report_digest:
        return
    since = {"subject_id": inquiry.subject_id, "log_size": built.log_size}
    if db.one(q.erased_since, kind=NOTICE_KIND_ERASURE, **since):
        raise Refusal("WRONG_STATE", "records that the report was made from were erased since")
    raise Refusal("INTERNAL", "the rebuilt report differs from the one recorded in the log")


def named_consent(db: Connection, consent_id: str) -> HeldConsent | None:
    """Read the consent that an inquiry names: by its own id, or by that of its arrangement.

    An arrangement has the id of its first consent. Once that is replaced, the id names the
    consent of the arrangement that no other has replaced.
    """
    consent = load_consent(db, consent_id)
    if consent is None or consent.state != REPLACED or consent.arrangement_id:
        return consent
    newest = db.one(q.newest_of_arrangement, arrangement_id=consent_id)
    return load_consent(db, newest[0]) if newest else consent


def named_consents(db: Connection, consent_ids: Sequence[str]) -> list[HeldConsent | None]:
    """Read the consents that inquiries name, all of them by one query: see `named_consent`."""
    rows = db.all_in(q.consents_by_id, sorted(set(consent_ids)))
    known = {row[0]: HeldConsent(*row) for row in rows}
    return [
        named_consent(db, consent_id)
        if (consent := known.get(consent_id)) and consent.state == REPLACED
        else consent
        for consent_id in consent_ids
    ]


def load_consent(db: Connection, consent_id: str) -> HeldConsent | None:
    """Read a consent; None if its id is unknown."""
    row = db.one(q.consent_by_id, consent_id=consent_id)
    return HeldConsent(*row) if row else None
