"""Read everything that a report is made from, from one snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bureau.codes import CodeSet
from bureau.credit_file.consent_state import HeldConsent
from bureau.credit_file.contributions import level_of
from bureau.credit_file.own_entries import read_state
from bureau.credit_file.reader import TradelineRows, read_file_at, read_files
from bureau.credit_file.report_rules import ReportInputs, ReportRequest
from bureau.credit_file.subject_events import read_state_at
from bureau.ledger import log
from bureau.ledger.event_chains import head_of
from bureau.policy import Policy
from bureau.store import queries as q
from bureau.store.database import Connection
from creditbureau.v1.codes_pb2 import SECTION_DISPUTES
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.standard_pb2 import StandardOfCredit


class Asked(NamedTuple):
    """The request for a new report, and the consent that allows it."""

    request: ReportRequest
    consent: HeldConsent


def read_inputs(
    db: Connection,
    origin: str,
    policy: Policy,
    asked: Sequence[Asked],
    rows: TradelineRows,
    now_us: int,
) -> list[ReportInputs]:
    """Read the inputs of new reports, what several of them need once for all.

    Args:
        rows: The rows of the tradelines of each subject that is asked about.
    """
    files = read_files(db, rows, policy, now_us)
    levels = {
        member_id: level_of(db, member_id, policy, now_us)
        for member_id in {consent.grantee for _, consent in asked}
    }
    standard = _standard(db, now_us, log.size_of(db)) if asked else None
    inputs = []
    for request, consent in asked:
        file, subject_id = files[request.subject_id], request.subject_id
        shown = SECTION_DISPUTES in CodeSet(consent.sections)
        state = read_state(db, subject_id, policy, now_us, withdrawing_only=not shown)
        head, level = head_of(db, subject_id, file.log_size), levels[consent.grantee]
        inputs.append(
            ReportInputs(origin, request, consent, file, state, standard, level, head.hash)
        )
    return inputs


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
    standard = _standard(db, now_us, log_size)
    head = head_of(db, request.subject_id, log_size)
    return ReportInputs(origin, request, consent, file, state, standard, level, head.hash)


def _standard(db: Connection, now_us: int, log_size: int) -> StandardOfCredit | None:
    """Read the standard of credit in force; None if none is."""
    row = db.one(q.standard_at, now_us=now_us, log_size=log_size)
    return StandardOfCredit.FromString(Envelope.FromString(row[0]).payload) if row else None
