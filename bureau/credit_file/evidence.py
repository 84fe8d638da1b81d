"""Evidence: the signed records that a report was made from, provable offline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bureau import paging
from bureau.calendar import months_between
from bureau.credit_file.filed import CreditFile
from bureau.credit_file.furnished_month import MAX_MONTHS
from bureau.credit_file.history import ACTION, TrailEntry, effective_snapshots
from bureau.credit_file.scope import Scope, lines_in
from bureau.signed_statement import logged_statement
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.merkle import HASH_BYTES, inclusion_path
from bureau_keys.payment_profile import NO_DATA
from bureau_keys.signer_name import member_signer
from bureau_keys.tiles import TILE_WIDTH, TileSource
from creditbureau.v1 import codes_pb2, reporting_pb2
from creditbureau.v1.record_pb2 import SubmissionManifest
from creditbureau.v1.report_pb2 import Evidence, EvidencePage, PaymentHistory, Report

# Records that are read at once.
SLICE = 32


class EvidenceStep(NamedTuple):
    """A furnished record that proves a month of a tradeline."""

    tradeline_id: str
    step: TrailEntry


def evidence_steps(file: CreditFile, level: int, scope: Scope) -> list[EvidenceStep]:
    """Return the records that prove a report's tradelines, as far as the scope opens them.

    Args:
        level: EvidenceLevel: none, the newest month of each tradeline, or all months.
    """
    if level <= reporting_pb2.EVIDENCE_LEVEL_NONE:
        return []
    needed = (codes_pb2.SECTION_EVIDENCE, codes_pb2.SECTION_TRADELINES)
    if not all(section in scope.sections for section in needed):
        return []
    opens_history = codes_pb2.SECTION_PAYMENT_HISTORY in scope.sections
    whole = level == reporting_pb2.EVIDENCE_LEVEL_ALL and opens_history
    steps = []
    for line in lines_in(file, scope):
        effective = effective_snapshots(line.steps())
        shown = min(scope.history_months, MAX_MONTHS) if whole else 1
        steps += [
            EvidenceStep(line.tradeline_id, effective[month])
            for month in sorted(effective, reverse=True)
            if _is_shown(line.history, month, shown)
        ]
    return steps


def action_steps(db: Connection, report: Report, level: int) -> list[EvidenceStep]:
    """Return the records of the facility actions that a report shows; with all evidence only.

    Args:
        level: EvidenceLevel.
    """
    if (
        level < reporting_pb2.EVIDENCE_LEVEL_ALL
        or codes_pb2.SECTION_EVIDENCE not in report.sections
    ):
        return []
    return [
        EvidenceStep(
            line.tradeline_id,
            TrailEntry(
                _submission_key(db, line.member_id, action.record.submission_id),
                action.record.record_index,
                ACTION,
                0,
            ),
        )
        for line in report.tradelines
        for action in line.actions
    ]


def _submission_key(db: Connection, member_id: str, submission_id: str) -> int:
    row = db.one(q.entry_of_request, signer=member_signer(member_id), request_id=submission_id)
    assert row is not None, "the record of an action is of a submission"
    return row[0]


def read_page(db: Connection, steps: Sequence[EvidenceStep], start: int, most: int) -> EvidencePage:
    """Read a page of records with their proofs, and each of their manifests once.

    Args:
        steps: The records of all pages.
        start: Index of the first step on the page.
        most: Bytes of the page; one piece is always on it.

    Raises:
        Refusal: BAD_PAGE_TOKEN if the page is beyond the last step.
    """
    if start and start >= len(steps):
        raise paging.bad_token()
    page, size = EvidencePage(), 0
    submissions: dict[int, _Submission] = {}
    for index, (one, body) in enumerate(_with_records(db, steps[start:]), start):
        step = one.step
        submission = submissions.get(step.submission_key)
        is_new = submission is None
        if submission is None:
            submission = _Submission(db, step.submission_key, len(page.manifests))
            submissions[step.submission_key] = submission
        piece = submission.evidence(one, body)
        size += piece.ByteSize() + submission.logged.ByteSize() * is_new
        if page.evidence and size > most:
            page.next_page_token = str(index)
            break
        if is_new:
            page.manifests.append(submission.logged)
        page.evidence.append(piece)
    return page


def _with_records(
    db: Connection, steps: Sequence[EvidenceStep]
) -> Iterator[tuple[EvidenceStep, bytes]]:
    """Yield each step with its record; records are read in slices, as a page may be full before
    the last.
    """
    for start in range(0, len(steps), SLICE):
        part = steps[start : start + SLICE]
        names = [(step.submission_key, step.record_index) for _, step in part]
        bodies = {row[:2]: row.body for row in db.all_in(q.records_at, names)}
        for one, name in zip(part, names, strict=True):
            yield one, bodies[name]


def _is_shown(history: PaymentHistory, month: int, shown: int) -> bool:
    """Return True if a report shows a month.

    A month that is too old to be reported is not proved by evidence either.
    """
    age = months_between(month, history.newest_month)
    return age == 0 or (age < shown and history.profile[age] != NO_DATA)


class _Submission:
    """A submission whose records are on a page: its manifest, its place, and its tree."""

    def __init__(self, db: Connection, key: int, manifest_index: int) -> None:
        self.logged = logged_statement(db, key)
        self._db, self._key, self._manifest_index = db, key, manifest_index
        manifest = SubmissionManifest.FromString(self.logged.envelope.payload)
        self._size = manifest.record_count
        self.node = TileSource(self._hashes, self._size, db.tiles, key).node

    def evidence(self, one: EvidenceStep, body: bytes) -> Evidence:
        """Return the evidence that one of the records is."""
        index = one.step.record_index
        return Evidence(
            tradeline_id=one.tradeline_id,
            month=one.step.month,
            manifest_index=self._manifest_index,
            record=body,
            record_index=index,
            proof=inclusion_path(self, index, self._size),
        )

    def _hashes(self, level: int, tile_index: int, width: int) -> bytes:
        # A submission's tree is small: leaves, and roots over 256 of them.
        if level:
            roots = self._db.all(q.record_roots, submission_key=self._key)
            first = tile_index * TILE_WIDTH
            return b"".join(root for (root,) in roots[first : first + width])
        row = self._db.one(q.record_hashes, submission_key=self._key, tile_index=tile_index)
        assert row is not None, "a submission has the hashes of its records"
        return bytes(row[0][: width * HASH_BYTES])
