"""Evidence: a furnisher's own signed records behind a report, provable offline."""

from __future__ import annotations

from functools import lru_cache

from bureau.codes import has
from bureau.credit_file import CreditFile, FiledTradeline, MonthRow
from bureau.report import Scope, age_of, lines_in
from bureau.statement import logged
from bureau.store import statements as s
from bureau.store.database import Connection
from bureau_keys.merkle import HASH_BYTES, inclusion_path, root_of
from bureau_keys.tiles import TILE_WIDTH, TileSource
from creditbureau.v1 import codes_pb2, reporting_pb2
from creditbureau.v1.report_pb2 import Evidence

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
        newest = line.months[0].month
        for row in line.months:
            age = age_of(row.month, newest)
            in_history = whole and age < scope.history_months
            if age == 0 or in_history:
                found.append(_evidence(db, line, row))
    return found


def _evidence(db: Connection, line: FiledTradeline, row: MonthRow) -> Evidence:
    manifest, receipt = logged(db, row.submission_key)
    submission = db.one(s.record_hashes, submission_key=row.submission_key)
    record = db.one(s.record_by_key, record_key=row.record_key)
    assert submission is not None, "a record's submission is kept"
    assert record is not None, "a record key in a row names a record"
    hashes: bytes = submission[0]
    # A submission's tree is small: leaves, and roots over 256 of them.
    rows = (hashes, _roots(hashes))
    tiles = TileSource(
        lambda level, index, width: rows[level][index * TILE : index * TILE + width * HASH_BYTES]
    )
    return Evidence(
        tradeline_id=line.tradeline_id,
        month=row.month,
        manifest=manifest,
        record=record[2],
        record_index=row.record_index,
        proof=inclusion_path(tiles, row.record_index, len(hashes) // HASH_BYTES),
        receipt=receipt,
    )


@lru_cache(maxsize=32)
def _roots(hashes: bytes) -> bytes:
    """Roots over each 256 hashes. Reports of one month ask for the same submissions."""
    return b"".join(
        root_of([tile[i : i + HASH_BYTES] for i in range(0, TILE, HASH_BYTES)])
        for tile in (hashes[start : start + TILE] for start in range(0, len(hashes), TILE))
        if len(tile) == TILE
    )
