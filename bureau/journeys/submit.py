"""Use case of a submission: one signed batch of records, stored whole or not
at all.

A furnisher signs a manifest over the RFC 6962 root of its records. The bureau
answers all violations of all records at once, and keeps the records' bytes as
they came, so that each can be traced to the furnisher's signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from google.protobuf.message import DecodeError

from bureau import paging, signed_statement
from bureau.calendar import timestamp_of
from bureau.context import Bureau, Caller
from bureau.credit_file import notices
from bureau.credit_file.accounts import AccountBatch
from bureau.credit_file.batch import Batch
from bureau.credit_file.batch_records import BatchRecord
from bureau.credit_file.consent_to_furnish import require_consents
from bureau.credit_file.contributions import note_contribution
from bureau.credit_file.history import DELETION
from bureau.credit_file.identity_theft import refuse_sales
from bureau.credit_file.known_people import KnownPeople
from bureau.credit_file.record_rules import check_records, find_warnings
from bureau.credit_file.reinsertion import require_certifications
from bureau.credit_file.sale_dates import check_sale_dates
from bureau.errors import Refusal
from bureau.journeys.monitoring import alert_account_changes, monitored_files
from bureau.ledger.units import Committed, Transaction
from bureau.signed_statement import VerifiedStatement
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.merkle import leaf_hash, root_of
from bureau_keys.tiles import Tiles
from creditbureau.v1 import record_pb2
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.furnishing_pb2 import (
    ListSubmissionsResponse,
    Submission,
    SubmitRecordsResponse,
)
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.notice_pb2 import NOTICE_KIND_ADVERSE_DATA
from creditbureau.v1.record_pb2 import (
    ParsedRecordBatch,
    RecordBatch,
    SubmissionManifest,
)

MAX_RECORD_BYTES = 4096


class SignedBatch(NamedTuple):
    """A batch whose records are the ones that its manifest signs.

    Attributes:
        opened: The verified manifest.
        tiles: The hashes of the records.
        lines: The records, with the fields that checks and accounts need.
    """

    opened: VerifiedStatement[SubmissionManifest]
    tiles: Tiles
    lines: list[BatchRecord]


def submit_records(
    bureau: Bureau, caller: Caller, envelope: Envelope, batch: bytes
) -> SubmitRecordsResponse:
    """Store a batch of records.

    Raises:
        Refusal: The reasons of `open_batch`, of `check_records` and of `commit_records`.
    """
    # 1. The manifest's signature is valid, and its records are the ones that were signed.
    signed = open_batch(bureau, caller, envelope, batch)
    # 2. Every record keeps every rule.
    check_records(signed.lines, bureau.clock.now_us())
    # 3. One unit of work.
    committed = commit_records(bureau, caller.member_id, signed.opened, signed.tiles, signed.lines)
    # 4. The answer; of a replay, the first one again. The warnings follow from the records.
    submission = committed.result
    if submission is None:
        submission = find_submission(bureau, caller, signed.opened.signed.request_id)[0]
    submission.leaf_index = committed.proof.entry.leaf_index
    return SubmitRecordsResponse(
        submission=submission,
        receipt=signed_statement.receipt_of(committed.proof),
        warnings=find_warnings(signed.lines),
    )


def open_batch(bureau: Bureau, caller: Caller, envelope: Envelope, batch: bytes) -> SignedBatch:
    """Verify the manifest of a batch, and that its records are the ones that were signed.

    Raises:
        Refusal: All of `verify_statement`; MALFORMED_MESSAGE, NON_CANONICAL, TOO_MANY_ITEMS,
            TOO_LONG, ROOT_MISMATCH.
    """
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db, bureau.origin, envelope, SubmissionManifest, kind="submission", signer=caller.signer
        )
    manifest = opened.message
    raws, parsed = _read(batch, bureau.limits.records_of_submission)
    tiles = Tiles.over([leaf_hash(raw) for raw in raws])
    if len(raws) != manifest.record_count or root_of(tiles.roots) != manifest.records_root:
        raise Refusal.of_field(
            "ROOT_MISMATCH", "records_root", "the records do not hash to the root that was signed"
        )
    correction = manifest.kind == record_pb2.SUBMISSION_KIND_CORRECTION
    lines = [
        BatchRecord.of(index, record, raw, correction)
        for index, (raw, record) in enumerate(zip(raws, parsed.records, strict=True))
    ]
    return SignedBatch(opened, tiles, lines)


def commit_records(
    bureau: Bureau,
    member_id: str,
    opened: VerifiedStatement[SubmissionManifest],
    tiles: Tiles,
    lines: Sequence[BatchRecord],
) -> Committed[Submission]:
    """Store checked records, and all that follows from them, in one unit of work.

    Raises:
        Refusal: The reasons of `AccountBatch.load` and `AccountBatch.apply`, CONSENT_REQUIRED,
            DELETED_ITEM, DATE_ORDER, WRONG_STATE for the sale of a blocked account, and of
            the ledger.
    """
    batch = Batch.of(lines)
    accounts = bureau.policy.account_notices
    adverse = bureau.policy.adverse_notice or accounts

    def work(tx: Transaction) -> Submission:
        opened.recheck_key_and_time(tx)
        booking = AccountBatch.load(tx, member_id, batch, opened.signed.digest)
        refuse_sales(tx, bureau.policy, booking)
        require_consents(tx, bureau.policy, booking)
        known = KnownPeople.read(tx.db, booking.people())
        require_certifications(tx, bureau.policy, booking, known)
        watched = monitored_files(tx, booking, known)
        submission = _store(tx, member_id, opened, tiles, len(booking.opened))
        booking.apply(tx, bureau.limits, bureau.policy)
        check_sale_dates(tx, bureau.policy, booking)
        alert_account_changes(tx, watched, bureau.policy)
        furnished = (line.snapshot for line in lines if line.kind < DELETION)
        note_contribution(tx, member_id, furnished)
        news = [
            notice for notice in booking.news if adverse or notice.kind != NOTICE_KIND_ADVERSE_DATA
        ]
        # Last: the notices of an earlier policy keep their numbers when the log is replayed.
        notices.give(tx, [*news, *(booking.account_news if accounts else ())], member_id)
        return submission

    return bureau.ledger.commit(opened.signed, work)


def find_submission(
    bureau: Bureau, caller: Caller, submission_id: str
) -> tuple[Submission, Envelope, Receipt]:
    """Return a submission of the caller.

    Raises:
        Refusal: NOT_FOUND, also for other members' submissions.
    """
    with bureau.database.snapshot() as db:
        row = db.one(q.submission_of_request, signer=caller.signer, request_id=submission_id)
        if row is None:
            raise Refusal.of_field(
                "NOT_FOUND", "submission_id", "the caller has no submission with this id"
            )
        envelope, receipt = signed_statement.statement_and_receipt(db, row.submission_key)
    return submission_of(row), envelope, receipt


def list_submissions(
    bureau: Bureau, caller: Caller, page_size: int, page_token: str
) -> ListSubmissionsResponse:
    """List the caller's submissions by page, newest first, each with its signed manifest."""
    limit = page_size or paging.DEFAULT_SIZE
    before = paging.number_in(page_token, otherwise=paging.NEWEST)
    with bureau.database.snapshot() as db:
        rows = db.all(
            q.submissions_before, member_id=caller.member_id, before=before, limit=limit + 1
        )
        page, token = paging.cut(rows, limit, lambda row: row.leaf_index)
        listed = ((row, _with_manifest(db, row)) for row in page)
        parts, token = paging.fit(listed, token, lambda row: row.leaf_index)
    return ListSubmissionsResponse(
        submissions=[submission for part in parts for submission in part.submissions],
        next_page_token=token,
        manifests=[manifest for part in parts for manifest in part.manifests],
    )


def _with_manifest(db: Connection, row: q.LoggedSubmission) -> ListSubmissionsResponse:
    manifest = signed_statement.logged_statement(db, row.submission_key)
    return ListSubmissionsResponse(submissions=[submission_of(row)], manifests=[manifest])


def submission_of(row: q.LoggedSubmission) -> Submission:
    """Build a submission from its row."""
    return Submission(
        submission_id=row.submission_id,
        kind=row.kind,  # type: ignore[arg-type]
        record_count=row.record_count,
        new_tradeline_count=row.new_tradeline_count,
        label=row.label,
        create_time=timestamp_of(row.create_us),
        leaf_index=row.leaf_index,
    )


def _read(batch: bytes, most: int) -> tuple[Sequence[bytes], ParsedRecordBatch]:
    """Read the batch, of `most` records, as the signed bytes and as messages."""
    try:
        raws = RecordBatch.FromString(batch).records
        if len(raws) > most:
            raise Refusal.of_field("TOO_MANY_ITEMS", "batch", f"more than {most} records")
        # Before they are parsed: small submessages grow thirtyfold in memory.
        if len(max(raws, key=len, default=b"")) > MAX_RECORD_BYTES:
            raise Refusal.of_field("TOO_LONG", "batch", f"a record over {MAX_RECORD_BYTES} bytes")
        parsed = ParsedRecordBatch.FromString(batch)
    except DecodeError as error:
        raise Refusal.of_field("MALFORMED_MESSAGE", "batch", "no serialised RecordBatch") from error
    # Both readings of the same bytes: unknown fields, and any other encoding of
    # a record, show as a difference.
    parsed.DiscardUnknownFields()
    if parsed.SerializeToString(deterministic=True) != batch:
        raise Refusal.of_field(
            "NON_CANONICAL", "batch", "unknown fields, or not the canonical encoding"
        )
    return list(raws), parsed


def _store(
    tx: Transaction,
    member_id: str,
    opened: VerifiedStatement[SubmissionManifest],
    tiles: Tiles,
    new_count: int,
) -> Submission:
    manifest = opened.message
    rows = [
        (tx.entry_key, index, hashes, root)
        for index, (hashes, root) in enumerate(zip(tiles.hashes, tiles.roots, strict=True))
    ]
    tx.db.execute_many_tuples(q.add_record_tile, q.RECORD_TILE_COLUMNS, rows)
    tx.db.execute(
        q.add_submission,
        submission_key=tx.entry_key,
        submission_id=opened.signed.request_id,
        member_id=member_id,
        kind=manifest.kind,
        record_count=manifest.record_count,
        new_tradeline_count=new_count,
        label=manifest.label,
        create_us=tx.now_us,
    )
    return Submission(
        submission_id=opened.signed.request_id,
        kind=manifest.kind,
        record_count=manifest.record_count,
        new_tradeline_count=new_count,
        label=manifest.label,
        create_time=timestamp_of(tx.now_us),
    )
