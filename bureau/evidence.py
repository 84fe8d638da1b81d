"""Evidence: a furnisher's own signed records behind a report, provable offline."""

from __future__ import annotations

from bureau.codes import has
from bureau.credit_file import CreditFile, FiledTradeline, MonthRow
from bureau.report import Scope, age_of
from bureau.store import statements as s
from bureau.store.database import Connection
from bureau_keys.merkle import inclusion_proof
from creditbureau.v1 import codes_pb2, reporting_pb2
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.report_pb2 import Evidence

HASH = 32


def evidence_of(db: Connection, file: CreditFile, level: int, scope: Scope) -> list[Evidence]:
    """The records behind a report's tradelines, as far as the scope opens them.

    Args:
        level: EvidenceLevel: none, the newest month of each tradeline, or all.
    """
    if level <= reporting_pb2.EVIDENCE_LEVEL_NONE:
        return []
    if not has(scope.sections, codes_pb2.SECTION_EVIDENCE):
        return []
    found = []
    for line in file.tradelines:
        if scope.portfolio_types and not has(scope.portfolio_types, line.snapshot.portfolio_type):
            continue
        newest = line.months[0].month
        for row in line.months:
            age = age_of(row.month, newest)
            in_history = level == reporting_pb2.EVIDENCE_LEVEL_ALL and age < scope.history_months
            if age == 0 or in_history:
                found.append(_evidence(db, line, row))
    return found


def _evidence(db: Connection, line: FiledTradeline, row: MonthRow) -> Evidence:
    submission = db.one(s.submission_evidence, submission_key=row.submission_key)
    record = db.one(s.record_by_key, record_key=row.record_key)
    assert submission is not None, "a record's submission is kept"
    assert record is not None, "a record key in a row names a record"
    hashes, manifest, leaf_index = submission
    leaves = [hashes[i : i + HASH] for i in range(0, len(hashes), HASH)]
    return Evidence(
        tradeline_id=line.tradeline_id,
        month=row.month,
        manifest=Envelope.FromString(manifest),
        record=record[2],
        record_index=row.record_index,
        proof=inclusion_proof(leaves, row.record_index),
        leaf_index=leaf_index,
    )
