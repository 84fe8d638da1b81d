"""Read everything that a report is made from, from one snapshot."""

from __future__ import annotations

from bureau.codes import CodeSet
from bureau.credit_file.consent_state import HeldConsent
from bureau.credit_file.contributions import level_of
from bureau.credit_file.filed import CreditFile
from bureau.credit_file.own_entries import read_state
from bureau.credit_file.reader import read_file, read_file_at
from bureau.credit_file.report_rules import ReportInputs, ReportRequest
from bureau.credit_file.subject_events import read_state_at
from bureau.credit_file.subject_state import SubjectState
from bureau.ledger.event_chains import head_of
from bureau.policy import Policy
from bureau.store import queries as q
from bureau.store.database import Connection
from creditbureau.v1.codes_pb2 import SECTION_DISPUTES
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.standard_pb2 import StandardOfCredit


def read_inputs(
    db: Connection,
    origin: str,
    policy: Policy,
    request: ReportRequest,
    consent: HeldConsent,
    now_us: int,
) -> ReportInputs:
    """Read the inputs of a new report."""
    file = read_file(db, request.subject_id, policy, now_us)
    shown = SECTION_DISPUTES in CodeSet(consent.sections)
    state = read_state(db, request.subject_id, policy, now_us, withdrawing_only=not shown)
    level = level_of(db, consent.grantee, policy, now_us)
    return _inputs(db, origin, request, consent, file, state, level)


def read_inputs_at(
    db: Connection,
    origin: str,
    policy: Policy,
    request: ReportRequest,
    consent: HeldConsent,
    *,
    now_us: int,
    log_size: int,
    level: int,
) -> ReportInputs:
    """Read the inputs of a report again, as they were at a log size."""
    file = read_file_at(db, request.subject_id, policy, log_size, now_us)
    state = read_state_at(db, request.subject_id, policy, now_us, log_size)
    return _inputs(db, origin, request, consent, file, state, level)


def _inputs(
    db: Connection,
    origin: str,
    request: ReportRequest,
    consent: HeldConsent,
    file: CreditFile,
    state: SubjectState,
    level: int,
) -> ReportInputs:
    standard = _standard(db, file)
    head = head_of(db, request.subject_id, file.log_size)
    return ReportInputs(origin, request, consent, file, state, standard, level, head.hash)


def _standard(db: Connection, file: CreditFile) -> StandardOfCredit | None:
    """Read the standard of credit in force; None if none is."""
    row = db.one(q.standard_at, now_us=file.now_us, log_size=file.log_size)
    return StandardOfCredit.FromString(Envelope.FromString(row[0]).payload) if row else None
