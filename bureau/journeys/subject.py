"""Use cases of a subject's key: attest it, rotate it, approve one that is to replace it.

A key is bound to a subject id by the signed statement of a member that
identified the person, around the person's own statement signed with that key. A key that
replaces another one waits, so that the person can repudiate it
(`bureau/journeys/repudiation.py`), unless the present key or a second attester agrees.
"""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from bureau import signed_statement
from bureau.calendar import DAY_US, timestamp_of
from bureau.context import Bureau, Caller
from bureau.credit_file import notices
from bureau.credit_file.accounts import PendingNotice
from bureau.credit_file.subject_keys import (
    HOUR_US,
    SubjectKey,
    by_id,
    key_in_force,
    lock_subject,
    pending_key,
    read_keys,
    rotations,
    save_change,
)
from bureau.errors import Refusal
from bureau.ledger.units import Transaction
from bureau.policy import Bounds, Policy
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.signer_name import subject_signer
from bureau_keys.signing import VerifyKey
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.notice_pb2 import (
    NOTICE_KIND_KEY_PENDING,
    NOTICE_KIND_KEY_REPLACED,
    NoticeKind,
)
from creditbureau.v1.subjects_pb2 import (
    KeyApproval,
    KeyAttestation,
    KeyBinding,
    KeyRotation,
)


def attest_key(bureau: Bureau, caller: Caller, envelope: Envelope) -> Receipt:
    """Bind a key to a subject on a member's attestation.

    Raises:
        Refusal: All of `verify_statement`, for the attestation and for the
            binding in it; WEAK_KEY, ALREADY_EXISTS, DATE_ORDER; WRONG_STATE unless it says
            rightly that it replaces a key, or while another key is pending.
    """
    # 1. Open and verify.
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db, bureau.origin, envelope, KeyAttestation, kind="attestation", signer=caller.signer
        )
        binding, key = _open_binding(db, bureau.origin, opened.message.binding)
    attestation, subject_id = opened.message, binding.subject_id

    # 2. One unit of work.
    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        tx.subjects.add(subject_id)
        signed_statement.check_fresh(binding.header, tx.now_us)
        _check_identification(attestation.identify_time, bureau.policy, tx.now_us)
        lock_subject(tx, subject_id)
        keys = read_keys(tx.db, subject_id)
        pending = pending_key(keys, tx.now_us)
        if pending and pending.key_id == key.key_id:
            _confirm(tx, caller.member_id, keys, pending)
            return
        _check_new(tx, key)
        current = key_in_force(keys, tx.now_us)
        _check_replaces(attestation.replaces, keys, current)
        if pending:
            raise Refusal(
                "WRONG_STATE",
                f"the key {pending.key_id} is pending until {_words(pending.start_us)}: wait, "
                "or have it repudiated",
            )
        start_us = tx.now_us
        if attestation.replaces:
            _check_attested(tx, subject_id, caller.member_id, bureau.policy.bounds)
            start_us += bureau.policy.replacement_hours * HOUR_US
            _notify(tx, NOTICE_KIND_KEY_PENDING, subject_id, key.key_id, caller.member_id)
        _bind(tx, subject_id, key, current, start_us, caller.member_id)

    return signed_statement.receipt_of(bureau.ledger.commit(opened.signed, work).proof)


def rotate_key(bureau: Bureau, caller: Caller, envelope: Envelope) -> Receipt:
    """Replace a subject's key by a rotation that the present key signed.

    Raises:
        Refusal: All of `verify_statement`, for the rotation and for the
            binding in it; SIGNER_MISMATCH, WEAK_KEY, ALREADY_EXISTS, LIMIT_REACHED;
            WRONG_STATE while an attested key is to replace the present one.
    """
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db, bureau.origin, envelope, KeyRotation, kind="key-rotation", signer=None
        )
        binding, key = _open_binding(db, bureau.origin, opened.message.binding)
    subject_id = binding.subject_id
    if opened.subject_id != subject_id:
        raise Refusal("SIGNER_MISMATCH", "the binding is for another subject")

    def work(tx: Transaction) -> None:
        lock_subject(tx, subject_id)
        opened.recheck_key_and_time(tx)
        signed_statement.check_fresh(binding.header, tx.now_us)
        _check_new(tx, key)
        _check_bound(tx, subject_id, bureau.policy.bounds)
        keys = read_keys(tx.db, subject_id)
        if pending := pending_key(keys, tx.now_us):
            raise Refusal(
                "WRONG_STATE",
                f"the key {pending.key_id} is to replace the present one: approve it or "
                "repudiate it",
            )
        current = by_id(keys, opened.key_id)
        most = bureau.limits.rotations
        if current and rotations(keys, current) >= most:
            raise Refusal(
                "LIMIT_REACHED",
                f"{most} keys since the last attestation of one: have the next one attested",
            )
        _bind(tx, subject_id, key, current, tx.now_us, attester="")
        _notify(tx, NOTICE_KIND_KEY_REPLACED, subject_id, key.key_id, caller.member_id)

    return signed_statement.receipt_of(bureau.ledger.commit(opened.signed, work).proof)


def approve_key(bureau: Bureau, caller: Caller, envelope: Envelope) -> Receipt:
    """Bring a pending key in force at once, by a statement that the present key signed.

    Raises:
        Refusal: All of `verify_statement`; NOT_FOUND unless the key is pending.
    """
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db, bureau.origin, envelope, KeyApproval, kind="key-approval", signer=None
        )
    key_id, subject_id = opened.message.key_id, opened.subject_id

    def work(tx: Transaction) -> None:
        lock_subject(tx, subject_id)
        opened.recheck_key_and_time(tx)
        keys = read_keys(tx.db, subject_id)
        pending, current = pending_key(keys, tx.now_us), by_id(keys, opened.key_id)
        if pending is None or pending.key_id != key_id or current is None:
            raise Refusal.of_field("NOT_FOUND", "key_id", "no pending key has this id")
        # The pending key counts already: approving it is the change that the bound allows last.
        _check_bound(tx, subject_id, bureau.policy.bounds, pending=1)
        lift_us = min(pending.lift_us, current.lift_us)
        _bring_in_force(tx, keys, pending._replace(approved=1, lift_us=lift_us), caller.member_id)

    return signed_statement.receipt_of(bureau.ledger.commit(opened.signed, work).proof)


def _open_binding(db: Connection, origin: str, envelope: Envelope) -> tuple[KeyBinding, VerifyKey]:
    """Verify the subject's own statement about a key, signed with that key."""
    opened, key = signed_statement.verify_key_possession(
        db, origin, envelope, KeyBinding, signer=None, field="binding.public_key"
    )
    binding = opened.message
    if binding.header.signer != subject_signer(binding.subject_id):
        raise Refusal("SIGNER_MISMATCH", "a subject can bind a key to their own id only")
    return binding, key


def _check_identification(identified: Timestamp, policy: Policy, now_us: int) -> None:
    """Raise DATE_ORDER unless a person was identified lately."""
    identify_us = identified.ToMicroseconds()
    if identify_us > now_us:
        raise Refusal.of_field("DATE_ORDER", "identify_time", "lies in the future")
    days = policy.identification_days
    if identify_us < now_us - days * DAY_US:
        message = f"lies more than {days} days back: identify the person again"
        raise Refusal.of_field("DATE_ORDER", "identify_time", message)


def _check_new(tx: Transaction, key: VerifyKey) -> None:
    """Raise ALREADY_EXISTS if a key is or was bound to any subject."""
    if tx.db.one(q.subject_key_owner, key_id=key.key_id):
        raise Refusal.of_field(
            "ALREADY_EXISTS", "binding.public_key", "the key is or was bound before"
        )


def _check_bound(tx: Transaction, subject_id: str, bounds: Bounds, *, pending: int = 0) -> None:
    """Raise LIMIT_REACHED if a subject has changed its key as often as the policy allows.

    Args:
        pending: 1 if the key that is to come in force is bound already.
    """
    since_us = tx.now_us - bounds.days * DAY_US
    bound = tx.db.one(q.keys_bound_since, subject_id=subject_id, since_us=since_us)
    if bound and bound[0] - pending >= bounds.key_changes:
        raise Refusal(
            "LIMIT_REACHED", f"at most {bounds.key_changes} keys of a person in {bounds.days} days"
        )


def _check_attested(tx: Transaction, subject_id: str, attester: str, bounds: Bounds) -> None:
    """Raise LIMIT_REACHED if a member has attested as many keys of a person as the policy allows.

    The count is of one member, whether the keys waited, were approved, confirmed or repudiated.
    So neither a thief who changes the key nor another attester uses up the attestations by
    which a person whose key was stolen gets in again.
    """
    since_us = tx.now_us - bounds.days * DAY_US
    attested = tx.db.one(
        q.keys_attested_since, subject_id=subject_id, attester=attester, since_us=since_us
    )
    if attested and attested[0] >= bounds.key_changes:
        raise Refusal(
            "LIMIT_REACHED",
            f"at most {bounds.key_changes} keys of a person in {bounds.days} days by one attester",
        )


def _check_replaces(replaces: bool, keys: list[SubjectKey], current: SubjectKey | None) -> None:
    """Raise WRONG_STATE unless an attestation says rightly that it replaces a key."""
    if replaces and not keys:
        message = "the subject has no key that this one could replace: check the subject id"
        raise Refusal("WRONG_STATE", message)
    if keys and not replaces:
        which = f"has the key {current.key_id}" if current else "had a key"
        raise Refusal(
            "WRONG_STATE",
            f"the subject {which}: check the subject id; if the person wants the new key "
            "instead, attest it with `replaces`",
        )


def _bind(
    tx: Transaction,
    subject_id: str,
    key: VerifyKey,
    current: SubjectKey | None,
    start_us: int,
    attester: str,
) -> None:
    """Store a key, and end the current one where it begins."""
    if current:
        save_change(tx, current._replace(end_us=start_us, to_entry=tx.entry_key))
    bound = SubjectKey.bound(
        subject_id,
        key,
        entry_key=tx.entry_key,
        start_us=start_us,
        attester=attester,
        current=current,
    )
    tx.db.execute(q.add_subject_key, **bound._asdict())


def _confirm(tx: Transaction, member_id: str, keys: list[SubjectKey], pending: SubjectKey) -> None:
    """Bring a pending key in force because a second attester attests it, too."""
    if not of_different_groups(tx.db, member_id, pending.attester):
        raise Refusal(
            "WRONG_STATE",
            "the key is pending: a second attestation must come from a member of another group",
        )
    _bring_in_force(tx, keys, pending, member_id)


def _bring_in_force(
    tx: Transaction, keys: list[SubjectKey], pending: SubjectKey, member_id: str
) -> None:
    """End the waiting of a pending key."""
    if current := key_in_force(keys, tx.now_us):
        save_change(tx, current._replace(end_us=tx.now_us, to_entry=tx.entry_key))
    save_change(tx, pending._replace(start_us=tx.now_us))
    _notify(tx, NOTICE_KIND_KEY_REPLACED, pending.subject_id, pending.key_id, member_id)


def of_different_groups(db: Connection, one: str, other: str) -> bool:
    """Return True if two members belong to different groups; a member without a group is its
    own.
    """
    groups = {
        row.member_id: row.group_id or row.member_id
        for row in db.all_in(q.groups_of_members, [one, other])
    }
    return len(set(groups.values())) == 2


def _notify(
    tx: Transaction, kind: NoticeKind.ValueType, subject_id: str, key_id: str, member_id: str
) -> None:
    notices.give(tx, [PendingNotice(kind, "", [subject_id], key_id)], member_id)


def _words(time_us: int) -> str:
    return timestamp_of(time_us).ToJsonString()
