"""The journey of a submission: one signed batch of records, stored whole or not
at all.

A furnisher signs a manifest over the RFC 6962 root of its records. The bureau
answers all violations of all records at once, and keeps the records' bytes as
they came, so that each can be traced to the furnisher's signature.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError

from bureau import rules, statement
from bureau.errors import Refusal
from bureau.history import Account, Step
from bureau.house import Bureau, Caller
from bureau.ledger.queue import Transaction
from bureau.record_rules import check_records, currency_breaches
from bureau.statement import Opened
from bureau.store import statements as s
from bureau_keys.merkle import leaf_hash, root_of
from bureau_keys.tiles import Tiles
from creditbureau.v1 import codes_pb2, consent_pb2, record_pb2
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.furnishing_pb2 import Submission
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.record_pb2 import (
    ParsedRecordBatch,
    Record,
    RecordBatch,
    SubmissionManifest,
    TradelineSnapshot,
)

MAX_RECORDS = 10_000
MAX_RECORD_BYTES = 4096

FURNISH_MASK = 1 << codes_pb2.ACTION_FURNISH


class Line(NamedTuple):
    """What is stored of a record, looked at once: batches are large."""

    account_ref: str
    snapshot: TradelineSnapshot
    subject_ids: list[str]

    @classmethod
    def of(cls, record: Record) -> Line:
        """A record's line."""
        snapshot = record.snapshot
        return cls(record.account_ref, snapshot, [p.subject_id for p in snapshot.parties])


def submit_records(
    bureau: Bureau, caller: Caller, envelope: Envelope, batch: bytes
) -> tuple[Submission, Receipt]:
    """Stores a batch of records.

    Raises:
        Refusal: What `open_statement` raises; MALFORMED_MESSAGE, NON_CANONICAL,
            TOO_MANY_ITEMS, ROOT_MISMATCH, the reasons of `check_records`,
            CONSENT_REQUIRED, CURRENCY_MISMATCH.
    """
    # 1. Open the manifest and verify its signature.
    with bureau.database.snapshot() as db:
        opened = statement.open_statement(
            bureau, db, envelope, SubmissionManifest, kind="submission", signer=caller.signer
        )
    manifest = opened.message
    # 2. The records are the ones that were signed.
    raws, parsed = _read(batch)
    tiles = Tiles.over([leaf_hash(raw) for raw in raws])
    if len(raws) != manifest.record_count or root_of(tiles.roots) != manifest.records_root:
        raise Refusal.of_field(
            "ROOT_MISMATCH", "records_root", "the records do not hash to the root that was signed"
        )
    # 3. Every record keeps every rule.
    check_records(parsed, bureau.clock.now_us())
    lines = [Line.of(record) for record in parsed.records]

    # 4. One unit of work.
    def work(tx: Transaction) -> Submission:
        opened.admit(tx)
        _require_consents(tx, caller.member_id, lines)
        accounts = _accounts(tx, caller.member_id, lines)
        correction = int(manifest.kind == record_pb2.SUBMISSION_KIND_CORRECTION)
        for place, line in enumerate(lines):
            step = Step(tx.entry_key, place, correction, line.snapshot.month)
            accounts[line.account_ref].take(step, line.snapshot)
        new_count = _store_accounts(tx, caller.member_id, accounts, lines)
        _store_records(tx, accounts, raws, lines, tiles)
        return _store(tx, caller.member_id, opened, new_count)

    committed = bureau.ledger.commit(opened.signed, work)

    # 5. The answer; of a replay, the first one again.
    submission = committed.result
    if submission is None:
        submission = find_submission(bureau, caller, opened.signed.request_id)[0]
    submission.leaf_index = committed.proof.entry.leaf_index
    return submission, statement.receipt_of(committed.proof)


def find_submission(
    bureau: Bureau, caller: Caller, submission_id: str
) -> tuple[Submission, Envelope, Receipt]:
    """A submission that the caller made.

    Raises:
        Refusal: NOT_FOUND, also for other members' submissions.
    """
    with bureau.database.snapshot() as db:
        row = db.one(
            s.submission_of_request, signer=caller.signer, request_id=submission_id.lower()
        )
        if row is None:
            raise Refusal.of_field("NOT_FOUND", "submission_id", "no such submission of the caller")
        envelope, receipt = statement.logged(db, row[0])
    return submission_of(row), envelope, receipt


def list_submissions(
    bureau: Bureau, caller: Caller, page_size: int, page_token: str
) -> tuple[list[Submission], str]:
    """A page of the caller's submissions, newest first."""
    limit = page_size or 100
    before = rules.number_in(page_token, otherwise=1 << 62)
    with bureau.database.snapshot() as db:
        rows = db.all(
            s.submissions_before, member_id=caller.member_id, before=before, limit=limit + 1
        )
    found = [submission_of(row) for row in rows[:limit]]
    return found, str(found[-1].leaf_index) if len(rows) > limit else ""


def submission_of(row: tuple[Any, ...]) -> Submission:
    """A submission from its row."""
    _, submission_id, kind, count, new_count, label, create_us, leaf_index = row
    return Submission(
        submission_id=submission_id,
        kind=kind,
        record_count=count,
        new_tradeline_count=new_count,
        label=label,
        create_time=statement.time_of(create_us),
        leaf_index=leaf_index,
    )


def _read(batch: bytes) -> tuple[Sequence[bytes], ParsedRecordBatch]:
    """The batch as the bytes that were signed, and as messages."""
    try:
        raws = RecordBatch.FromString(batch).records
        if len(raws) > MAX_RECORDS:
            raise Refusal.of_field("TOO_MANY_ITEMS", "batch", f"more than {MAX_RECORDS} records")
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


def _require_consents(tx: Transaction, member_id: str, lines: list[Line]) -> None:
    """Everybody on every account must have consented to be furnished."""
    wanted = {subject_id for line in lines for subject_id in line.subject_ids}
    rows = tx.db.among(
        s.subjects_with_consent,
        sorted(wanted),
        grantee=member_id,
        state=consent_pb2.CONSENT_STATE_ACTIVE,
        action=FURNISH_MASK,
        now_us=tx.now_us,
    )
    missing = wanted - {row[0] for row in rows}
    if missing:
        raise rules.refusal(
            [
                rules.breach(
                    f"records[{place}].snapshot.parties[{seat}].subject_id",
                    "CONSENT_REQUIRED",
                    "no consent of this subject to furnish covers the caller",
                )
                for place, line in enumerate(lines)
                for seat, subject_id in enumerate(line.subject_ids)
                if subject_id in missing
            ]
        )


def _accounts(tx: Transaction, member_id: str, lines: list[Line]) -> dict[str, Account]:
    """The accounts that the records are about, locked, by reference; of new ones
    the key is 0.
    """
    currencies = [(line.account_ref, line.snapshot.currency) for line in lines]
    accounts = {ref: Account(0) for ref, _ in currencies}
    known = {}
    for ref, key, currency, history, trail, submission_key, record_index in tx.db.among(
        s.lock_tradelines, sorted(accounts), member_id=member_id
    ):
        known[ref] = currency
        accounts[ref] = Account(key, trail, (submission_key, record_index), history)
    if found := currency_breaches(currencies, known):
        raise rules.refusal(found)
    return accounts


def _store_accounts(
    tx: Transaction, member_id: str, accounts: dict[str, Account], lines: list[Line]
) -> int:
    """Stores what the accounts have become; returns how many are new."""
    currency_of = {line.account_ref: line.snapshot.currency for line in lines}
    new, moved = [], []
    for ref, account in accounts.items():
        if account.tradeline_key:
            moved.append((account.history, account.trail, *account.newest, account.tradeline_key))
        else:
            account.tradeline_key = tx.new_key()
            new.append(
                (
                    account.tradeline_key,
                    secrets.token_hex(16),
                    member_id,
                    ref,
                    currency_of[ref],
                    *account.newest,
                    account.history,
                    account.trail,
                )
            )
    if new:
        tx.db.tuples(s.add_tradeline, s.TRADELINE_COLUMNS, new)
    if moved:
        tx.db.tuples(s.move_tradeline, s.MOVED_COLUMNS, moved)
    return len(new)


def _store(
    tx: Transaction, member_id: str, opened: Opened[SubmissionManifest], new_count: int
) -> Submission:
    manifest = opened.message
    tx.db.run(
        s.add_submission,
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
        create_time=statement.time_of(tx.now_us),
    )


def _store_records(
    tx: Transaction,
    accounts: dict[str, Account],
    raws: Sequence[bytes],
    lines: list[Line],
    tiles: Tiles,
) -> None:
    rows = []
    parties = set()
    for place, (raw, line) in enumerate(zip(raws, lines, strict=True)):
        key = accounts[line.account_ref].tradeline_key
        rows.append((tx.entry_key, place, key, raw))
        for subject_id in line.subject_ids:
            parties.add((subject_id, key))
    tx.db.tuples(s.add_record, s.RECORD_COLUMNS, rows)
    tx.db.tuples(s.add_party, ("subject_id", "tradeline_key"), sorted(parties))
    tx.db.tuples(
        s.add_record_tile,
        s.RECORD_TILE_COLUMNS,
        [
            (tx.entry_key, index, hashes, root)
            for index, (hashes, root) in enumerate(zip(tiles.hashes, tiles.roots, strict=True))
        ],
    )
