"""Makes a report: what one consent opens of one file, as of a log size. The same
again, from the log, for whoever has a right to it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, NamedTuple

from bureau.context import Bureau
from bureau.credit_file.attributes import add_attributes
from bureau.credit_file.consent_state import HeldConsent
from bureau.credit_file.evidence import evidence_of
from bureau.credit_file.reader import CreditFile, read_file, read_file_at
from bureau.credit_file.reciprocity import level_of, limit_by_reciprocity
from bureau.credit_file.report import (
    Scope,
    add_consumer_entries,
    fill_report,
    new_report,
    reportable,
)
from bureau.credit_file.standings import add_standings
from bureau.credit_file.subject_events import ALL, read_state
from bureau.errors import Refusal
from bureau.store import queries as q
from bureau.store.database import Connection
from creditbureau.v1 import codes_pb2
from creditbureau.v1.report_pb2 import OMISSION_REASON_RECIPROCITY, Evidence


class ReportRequest(NamedTuple):
    """What a report answers.

    Attributes:
        request_id: That of the inquiry.
        digest: The inquiry's digest.
        evidence: EvidenceLevel.
    """

    request_id: str
    digest: bytes
    subject_id: str
    purpose: int
    evidence: int


@dataclass(frozen=True, slots=True)
class BuiltReport:
    """A report that is ready and has not left.

    Attributes:
        payload: Its bytes.
        log_size: The log size that it was read at.
        level: What the member had earned to see.
    """

    payload: bytes
    evidence: list[Evidence]
    outcome: int
    log_size: int
    level: int

    @property
    def digest(self) -> bytes:
        """What the log holds of it: SHA-256 of its bytes."""
        return hashlib.sha256(self.payload).digest()


def build_report(
    bureau: Bureau, db: Connection, asked: ReportRequest, held: HeldConsent, now_us: int
) -> BuiltReport:
    """The report as of now."""
    file = read_file(db, asked.subject_id, bureau.policy, now_us)
    level = level_of(db, held.grantee, bureau.policy, now_us)
    return _made(bureau, db, asked, held, file, ALL, level)


def rebuild_report(
    bureau: Bureau, db: Connection, asked: ReportRequest, held: HeldConsent, row: dict[str, Any]
) -> BuiltReport:
    """The report as of its inquiry's row.

    Raises:
        Refusal: WRONG_STATE if other rules than this release's have made it.
    """
    if row["rules_version"] != bureau.policy.rules_version:
        raise Refusal("WRONG_STATE", f"made by the rules of {row['rules_version']}: ask anew")
    file = read_file_at(db, asked.subject_id, bureau.policy, row["log_size"], row["create_us"])
    return _made(bureau, db, asked, held, file, row["log_size"], row["level"])


def check_report_digest(db: Connection, prepared: BuiltReport, answer_digest: bytes) -> None:
    """Raises WRONG_STATE, or INTERNAL, unless a report is the one that was given."""
    if prepared.digest == answer_digest:
        return
    if db.one(q.erasure_count) != (0,):
        raise Refusal("WRONG_STATE", "what the report was made of was erased since")
    raise Refusal("INTERNAL", "the report could not be made again as it was")


def _made(
    bureau: Bureau,
    db: Connection,
    asked: ReportRequest,
    held: HeldConsent,
    file: CreditFile,
    state_size: int,
    level: int,
) -> BuiltReport:
    state = read_state(db, asked.subject_id, bureau.policy, file.now_us, state_size)
    scope = Scope(held.sections, held.portfolio_types, held.history_months)
    report = new_report(bureau.origin, bureau.policy, asked.request_id, asked.digest, file.now_us)
    report.member_id = held.grantee
    report.subject_id = asked.subject_id
    report.purpose = asked.purpose  # type: ignore[assignment]
    report.consent_id = held.consent_id
    reported = reportable(file, state, bureau.policy)
    shown = limit_by_reciprocity(reported, held.grantee, level)
    fill_report(report, shown, scope)
    if len(shown.tradelines) < len(reported.tradelines):
        report.omissions.add(
            reason=OMISSION_REASON_RECIPROCITY, section=codes_pb2.SECTION_TRADELINES
        )
    add_attributes(report, shown, scope)
    add_consumer_entries(report, state, scope)
    add_standings(report, db, shown, scope)
    return BuiltReport(
        report.SerializeToString(deterministic=True),
        evidence_of(db, shown, asked.evidence, scope),
        report.outcome,
        file.log_size,
        level,
    )


def load_consent(db: Connection, consent_id: str) -> HeldConsent | None:
    """A consent as its row has it."""
    row = db.one(q.consent_by_id, consent_id=consent_id)
    return HeldConsent(*row) if row else None
