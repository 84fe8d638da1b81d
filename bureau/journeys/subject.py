"""Use cases of a subject's key: attest it, and rotate it.

A key is bound to a subject id by the signed statement of a member that
identified the person, around the person's own statement signed with that key. It
is replaced by a fresh attestation, or by a rotation signed with the present key;
either way the file says so, to every reader from then on.
"""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import Message

from bureau import signed_statement
from bureau.context import Bureau, Caller
from bureau.credit_file import notices
from bureau.credit_file.accounts import PendingNotice
from bureau.errors import Refusal
from bureau.ledger.commit_queue import Transaction
from bureau.signed_statement import VerifiedStatement
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.signer_name import subject_signer
from bureau_keys.signing import VerifyKey
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.notice_pb2 import NOTICE_KIND_KEY_REPLACED
from creditbureau.v1.subjects_pb2 import (
    KeyAttestation,
    KeyBinding,
    KeyRotation,
)

M = TypeVar("M", bound=Message)


def attest_key(bureau: Bureau, caller: Caller, envelope: Envelope) -> Receipt:
    """Bind a key to a subject on a member's attestation.

    Raises:
        Refusal: All of `verify_statement`, for the attestation and for the
            binding in it; WEAK_KEY, ALREADY_EXISTS, DATE_ORDER.
    """
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db, bureau.origin, envelope, KeyAttestation, kind="attestation", signer=caller.signer
        )
        binding, key = _open_binding(db, bureau.origin, opened.message.binding)
    if opened.message.identify_time.ToMicroseconds() > bureau.clock.now_us():
        raise Refusal.of_field("DATE_ORDER", "identify_time", "lies in the future")
    return _bind(bureau, caller, opened, binding, key)


def rotate_key(bureau: Bureau, caller: Caller, envelope: Envelope) -> Receipt:
    """Replace a subject's key by a rotation that the present key signed.

    Raises:
        Refusal: All of `verify_statement`, for the rotation and for the
            binding in it; SIGNER_MISMATCH, WEAK_KEY, ALREADY_EXISTS.
    """
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db, bureau.origin, envelope, KeyRotation, kind="key-rotation", signer=None
        )
        binding, key = _open_binding(db, bureau.origin, opened.message.binding)
    if opened.header.signer != subject_signer(binding.subject_id):
        raise Refusal("SIGNER_MISMATCH", "the binding is for another subject")
    return _bind(bureau, caller, opened, binding, key)


def _open_binding(db: Connection, origin: str, envelope: Envelope) -> tuple[KeyBinding, VerifyKey]:
    """Verify the subject's own statement about a key, signed with that key."""
    opened, key = signed_statement.verify_key_possession(
        db, origin, envelope, KeyBinding, signer=None, field="binding.public_key"
    )
    binding = opened.message
    if binding.header.signer != subject_signer(binding.subject_id):
        raise Refusal("SIGNER_MISMATCH", "a subject can bind a key to their own id only")
    return binding, key


def _bind(
    bureau: Bureau,
    caller: Caller,
    opened: VerifiedStatement[M],
    binding: KeyBinding,
    key: VerifyKey,
) -> Receipt:
    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        signed_statement.check_fresh(binding.header, tx.now_us)
        if tx.db.one(q.subject_key_owner, key_id=key.key_id):
            raise Refusal.of_field(
                "ALREADY_EXISTS", "binding.public_key", "the key is or was bound before"
            )
        if tx.db.execute(q.retire_subject_keys, whose=binding.subject_id, until=tx.entry_key):
            news = PendingNotice(NOTICE_KIND_KEY_REPLACED, "", [binding.subject_id])
            notices.give(tx, [news], caller.member_id)
        tx.db.execute(
            q.add_subject_key,
            key_id=key.key_id,
            subject_id=binding.subject_id,
            public_key=key.raw,
            from_entry=tx.entry_key,
            to_entry=None,
        )

    return signed_statement.receipt_of(bureau.ledger.commit(opened.signed, work).proof)
