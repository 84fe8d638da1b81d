"""Evidence: a furnisher's own signed records behind a report, provable offline."""

from __future__ import annotations

from bureau.codes import has
from bureau.credit_file.history import MAX_MONTHS, TrailEntry, effective_snapshots
from bureau.credit_file.reader import CreditFile
from bureau.credit_file.report import Scope, lines_in
from bureau.signed_statement import statement_and_receipt
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.merkle import HASH_BYTES, inclusion_path
from bureau_keys.payment_profile import NO_DATA, months_between
from bureau_keys.tiles import TILE_WIDTH, TileSource
from creditbureau.v1 import codes_pb2, reporting_pb2
from creditbureau.v1.record_pb2 import SubmissionManifest
from creditbureau.v1.report_pb2 import Evidence, PaymentHistory

TILE = TILE_WIDTH * HASH_BYTES


def evidence_of(db: Connection, file: CreditFile, level: int, scope: Scope) -> list[Evidence]:
    """The records behind a report's tradelines, as far as the scope opens them.

    Args:
        level: EvidenceLevel: none, the newest month of each tradeline, or all.
    """
    if level <= reporting_pb2.EVIDENCE_LEVEL_NONE:
        return []
    needed = (codes_pb2.SECTION_EVIDENCE, codes_pb2.SECTION_TRADELINES)
    if not all(has(scope.sections, section) for section in needed):
        return []
    opens_history = has(scope.sections, codes_pb2.SECTION_PAYMENT_HISTORY)
    whole = level == reporting_pb2.EVIDENCE_LEVEL_ALL and opens_history
    found = []
    for line in lines_in(file, scope):
        held = effective_snapshots(line.steps())
        shown = min(scope.history_months, MAX_MONTHS) if whole else 1
        found += [
            _evidence(db, line.tradeline_id, held[month])
            for month in sorted(held, reverse=True)
            if _is_shown(line.history, month, shown)
        ]
    return found


def _is_shown(history: PaymentHistory, month: int, shown: int) -> bool:
    """Whether a report says something of a month: what is too old to be reported does
    not come back as evidence.
    """
    age = months_between(month, history.newest_month)
    return age == 0 or (age < shown and history.profile[age] != NO_DATA)


def _evidence(db: Connection, tradeline_id: str, step: TrailEntry) -> Evidence:
    key, index = step.submission_key, step.record_index
    manifest, receipt = statement_and_receipt(db, key)
    record = db.one(q.record_at, submission_key=key, record_index=index)
    assert record is not None, "a step of a trail is a record"
    message = SubmissionManifest.FromString(manifest.payload)
    # A submission's tree is small: leaves, and roots over 256 of them.
    roots = b"".join(root for (root,) in db.all(q.record_roots, submission_key=key))

    def hashes(level: int, tile_index: int, width: int) -> bytes:
        if level:
            return roots[tile_index * TILE : tile_index * TILE + width * HASH_BYTES]
        row = db.one(q.record_hashes, submission_key=key, tile_index=tile_index)
        assert row is not None, "a submission has the hashes of its records"
        return bytes(row[0][: width * HASH_BYTES])

    return Evidence(
        tradeline_id=tradeline_id,
        month=step.month,
        manifest=manifest,
        record=record[0],
        record_index=index,
        proof=inclusion_path(TileSource(hashes), index, message.record_count),
        receipt=receipt,
    )
