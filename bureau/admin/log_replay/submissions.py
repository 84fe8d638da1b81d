"""Replay of submissions: the signed records that are there, and the erased ones' rows."""

from __future__ import annotations

from bureau import signed_statement
from bureau.admin.log_replay.state import ReplayState
from bureau.admin.submission_integrity import StoredSubmission
from bureau.context import Bureau
from bureau.credit_file.accounts import tradeline_id
from bureau.credit_file.batch_records import BatchRecord
from bureau.errors import Refusal
from bureau.journeys import submit
from bureau.store import checks
from bureau.store.record_blocks import BlockRecord
from bureau.store.rows import rows_of
from creditbureau.v1 import record_pb2
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.record_pb2 import Record, SubmissionManifest

ACCOUNTS, RECORDS, SUBMISSIONS = rows_of("tradeline"), rows_of("record"), rows_of("submission")
ERASURES = rows_of("erasure")


def replay_submission(state: ReplayState, bureau: Bureau, envelope: Envelope) -> None:
    """Replay a submission; of one that is not whole, the records that are there.

    Raises:
        Refusal: ROOT_MISMATCH if neither its records nor their hashes are those that
            were signed.
    """
    caller = state.caller()
    opened = signed_statement.verify_statement(
        state.db,
        bureau.origin,
        envelope,
        SubmissionManifest,
        kind="submission",
        signer=caller.signer,
    )
    stored = StoredSubmission.read(state.stored, state.entry.entry_key)
    state.checked.records += len(stored.records)
    if batch := stored.batch(opened.message):
        # The rules of records hold at the entrance: later rules do not judge what is stored.
        signed = submit.open_batch(bureau, caller, envelope, batch)
        submit.commit_records(bureau, caller.member_id, signed.opened, signed.tiles, signed.lines)
        return
    tiles = stored.tiles(opened.message)
    if tiles is None:
        message = "neither its records nor their hashes are those that were signed"
        raise Refusal("ROOT_MISMATCH", message)
    for breach in stored.breaches(tiles):
        state.found(breach)
    correction = opened.message.kind == record_pb2.SUBMISSION_KIND_CORRECTION
    sound = stored.sound(tiles)
    lines = [
        BatchRecord.of(record.record_index, Record.FromString(record.body), record.body, correction)
        for record in sound
    ]
    keys = dict.fromkeys(record.tradeline_key for record in sound)
    new = [key for key in keys if ACCOUNTS.one(state.db, (key,)) is None]
    state.new_key = iter(new).__next__
    submit.commit_records(bureau, caller.member_id, opened, tiles, lines)
    _take_over_erased(state, stored, caller.member_id)


def _take_over_erased(state: ReplayState, stored: StoredSubmission, member_id: str) -> None:
    """Take over the places of erased records, and count them by account."""
    entry_key = state.entry.entry_key
    for record in stored.erased():
        state.erased.note(state.entry.leaf_index)
        state.erased.furnishers.add(member_id)
        _note_account(state, record)
        state.checked.unproved += 1
        RECORDS.put(state.db, (entry_key, *record))
        counted = ERASURES.one(state.db, (record.tradeline_key,))
        ERASURES.put(state.db, (record.tradeline_key, (counted[1] if counted else 0) + 1, 0))
    row = SUBMISSIONS.one(state.stored, (entry_key,))
    if row and stored.erased():
        # The accounts that it opened may be among the erased ones.
        state.db.execute(
            checks.set_new_count,
            which=entry_key,
            new_count=SUBMISSIONS.value(row, "new_tradeline_count"),
        )


def _note_account(state: ReplayState, record: BlockRecord) -> None:
    """Note an account by the first of its erased records, which opened it."""
    if record.tradeline_key in state.erased.accounts:
        return
    opened = tradeline_id(state.entry.digest, record.record_index)
    state.erased.accounts[record.tradeline_key] = opened
    if opened not in state.signed_erasures.accounts:
        state.found(f"account {opened} was erased, and no signed erasure names it")
