"""Use case of a repudiation: a key is not the subject's, and what it signed is undone.

The key that the repudiated one replaces signs it, also before the new key is in force; or
two attesters of different groups sign one statement each. The key and those that came of it
end, the earlier key counts again, consents that they granted are revoked, lifts of holds are
undone, the choice of notices of before holds again, and the answer lists the inquiries since.
"""

from __future__ import annotations

from typing import Any

from bureau import paging, signed_statement
from bureau.calendar import DAY_US, timestamp_of
from bureau.context import Bureau, Caller
from bureau.credit_file import notices
from bureau.credit_file.accounts import PendingNotice
from bureau.credit_file.consent_events import add_consent_event
from bureau.credit_file.consent_state import HeldConsent
from bureau.credit_file.inquiry_lines import inquiry_line
from bureau.credit_file.subject_events import add_event
from bureau.credit_file.subject_keys import (
    NEVER,
    SubjectKey,
    by_id,
    displaced,
    followers,
    lock_subject,
    pending_key,
    read_keys,
    save_change,
)
from bureau.credit_file.subject_state import LIFT, OBJECTION, REPUDIATION
from bureau.errors import Refusal
from bureau.journeys.subject import of_different_groups
from bureau.ledger.units import Transaction
from bureau.policy import Policy
from bureau.signed_statement import VerifiedStatement
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.consent_history import FINAL, REVOKED
from bureau_keys.envelope import open_envelope
from bureau_keys.errors import StatementError
from bureau_keys.signer_name import member_id_of, subject_id_of
from creditbureau.v1.codes_pb2 import ROLE_ATTESTER
from creditbureau.v1.consent_event_pb2 import CONSENT_EVENT_KIND_REVOKED
from creditbureau.v1.consent_pb2 import CONSENT_TRANSITION_REVOKE
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.notice_pb2 import NOTICE_KIND_KEY_REPUDIATED
from creditbureau.v1.subjects_pb2 import KeyRepudiation, Undoing

# Consents and inquiries that an answer lists; the subject reads the rest page by page.
LISTED = 1000


def repudiate_key(
    bureau: Bureau, caller: Caller, envelope: Envelope
) -> tuple[Receipt, Undoing | None]:
    """End a key that is not the subject's, and undo what was signed with it.

    Returns:
        The receipt, and the effects; None after the first of two attesters' statements.

    Raises:
        Refusal: All of `verify_statement`; ROLE_REQUIRED, SIGNER_MISMATCH, NOT_FOUND,
            ALREADY_EXISTS if the attester's group repudiated it already, WRONG_STATE if the
            key is repudiated.
    """
    # 1. Open and verify.
    with bureau.database.snapshot() as db:
        opened = _verify(db, bureau.origin, caller, envelope)
    subject_id, key_id = opened.message.subject_id, opened.message.key_id

    # 2. One unit of work.
    def work(tx: Transaction) -> None:
        tx.subjects.add(subject_id)
        lock_subject(tx, subject_id)
        keys = read_keys(tx.db, subject_id)
        key = by_id(keys, key_id)
        if key is None:
            raise Refusal.of_field("NOT_FOUND", "key_id", "the subject has no key with this id")
        if member_id := member_id_of(opened.header.signer):
            opened.recheck_key_and_time(tx)
            _check_not_repudiated(key)
            if not _objected_before(tx, bureau.policy, key, member_id):
                add_event(tx, key_id, subject_id, OBJECTION, opened.message, member_id=member_id)
                return
        else:
            signed_statement.check_fresh(opened.header, tx.now_us)
            _check_earlier_key(opened, keys, key, bureau.policy, tx.now_us)
            _check_not_repudiated(key)
        undoing = _undo(tx, keys, key, followers(keys, key, approved=bool(member_id)))
        add_event(tx, key_id, subject_id, REPUDIATION, undoing, member_id=member_id)
        news = PendingNotice(NOTICE_KIND_KEY_REPUDIATED, "", [subject_id], key_id)
        notices.give(tx, [news], caller.member_id)

    committed = bureau.ledger.commit(opened.signed, work)

    # 3. Committed: show the effects.
    with bureau.database.snapshot() as db:
        undoing = _undoing(db, committed.proof.entry.entry_key, committed.proof.entry.time_us)
    return signed_statement.receipt_of(committed.proof), undoing


def _verify(
    db: Connection, origin: str, caller: Caller, envelope: Envelope
) -> VerifiedStatement[KeyRepudiation]:
    """Verify a repudiation by a subject or by the calling attester."""
    try:
        envelope_opened = open_envelope(envelope, KeyRepudiation)
    except StatementError as error:
        raise Refusal(error.reason, str(error)) from error
    signer = envelope_opened.message.header.signer
    by_member = not subject_id_of(signer)
    opened = signed_statement.verify_opened(
        db,
        origin,
        envelope_opened,
        kind="key-repudiation",
        signer=caller.signer if by_member else None,
    )
    if by_member and ROLE_ATTESTER not in caller.roles:
        raise Refusal("ROLE_REQUIRED", "a member repudiates keys with the role attester only")
    if not by_member and opened.subject_id != opened.message.subject_id:
        raise Refusal("SIGNER_MISMATCH", "a subject can repudiate keys of their own only")
    return opened


def _check_earlier_key(
    opened: VerifiedStatement[KeyRepudiation],
    keys: list[SubjectKey],
    key: SubjectKey,
    policy: Policy,
    now_us: int,
) -> None:
    """Check that the signing key may repudiate a key: it was replaced by it, and did not sign
    for it.
    """
    signing = by_id(keys, opened.key_id)
    notice_us = policy.key_notice_days * DAY_US
    if signing is None or not (
        signing.in_force(now_us) or displaced(keys, signing.key_id, notice_us, now_us)
    ):
        raise signed_statement.not_in_force()
    if key.previous != signing.key_id or key.approved:
        message = "the signing key was not replaced by the key with this id, or signed for it"
        raise Refusal.of_field("NOT_FOUND", "key_id", message)


def _check_not_repudiated(key: SubjectKey) -> None:
    if key.repudiated:
        raise Refusal("WRONG_STATE", "the key is repudiated")


def _objected_before(tx: Transaction, policy: Policy, key: SubjectKey, member_id: str) -> bool:
    """Return True if an attester of another group repudiated a key lately.

    Raises:
        Refusal: ALREADY_EXISTS if only attesters of the same group did.
    """
    since_us = tx.now_us - policy.identification_days * DAY_US
    criteria = {
        "subject_id": key.subject_id,
        "kind": OBJECTION,
        "key_id": key.key_id,
        "since_us": since_us,
    }
    others = [name for (name,) in tx.db.all(q.said_of_key, **criteria)]
    if any(of_different_groups(tx.db, member_id, name) for name in others):
        return True
    if others:
        message = "the attester's group repudiated the key: another group must do so, too"
        raise Refusal("ALREADY_EXISTS", message)
    return False


def _undo(
    tx: Transaction, keys: list[SubjectKey], key: SubjectKey, doomed: list[SubjectKey]
) -> Undoing:
    """End keys, bring the earlier one in force again, and undo what they signed.

    Choices of notices go with their keys: `notice_choices` reads none of a repudiated key.
    """
    now_us, undoing = tx.now_us, Undoing()
    for each in doomed:
        ended = each._replace(repudiated=1)
        if each.end_us > now_us:
            ended = ended._replace(end_us=now_us, to_entry=tx.entry_key)
        save_change(tx, ended)
    if any(each.in_force(now_us) or each.pending(now_us) for each in doomed):
        undoing.key_id = _restore(tx, keys, key, doomed)
    if key.start_us <= now_us:
        end_us = min(now_us, max(each.end_us for each in doomed if each.start_us <= now_us))
        undoing.start_time.CopyFrom(timestamp_of(key.start_us))
        undoing.end_time.CopyFrom(timestamp_of(end_us))
        span: dict[str, Any] = {
            "subject_id": key.subject_id,
            "start_us": key.start_us,
            "end_us": end_us,
        }
        undoing.consent_ids.extend(_revoke(tx, span)[:LISTED])
        undoing.hold_ids.extend(_lifted(tx, span))
    return undoing


def _restore(
    tx: Transaction, keys: list[SubjectKey], key: SubjectKey, doomed: list[SubjectKey]
) -> str:
    """Bring the key in force again that a repudiated key replaced without its approval.

    Returns:
        Its id; empty if there is none.
    """
    earlier = by_id(keys, key.previous)
    if earlier is None or earlier.repudiated or key.approved:
        return ""
    end_us, to_entry = NEVER, None
    pending = pending_key(keys, tx.now_us)
    if pending and pending not in doomed:
        # It was to replace the repudiated key, and now replaces the earlier one.
        save_change(tx, pending._replace(previous=earlier.key_id))
        end_us, to_entry = pending.start_us, pending.from_entry
    save_change(tx, earlier._replace(end_us=end_us, to_entry=to_entry))
    return earlier.key_id


def _revoke(tx: Transaction, span: dict[str, Any]) -> list[str]:
    """Revoke the consents that were granted in a time; return their ids, newest first."""
    granted = [consent_id for (consent_id,) in tx.db.all(q.consents_granted_in, **span)]
    for consent_id in granted:
        row = tx.db.one(q.lock_consent, consent_id=consent_id)
        if row and HeldConsent(*row).state not in FINAL:
            tx.db.execute(
                q.set_consent_state, which=consent_id, state=REVOKED, update_us=tx.now_us, note=""
            )
            tx.db.execute(q.drop_monitor, whose=span["subject_id"], which=consent_id)
            tx.db.execute(
                q.add_consent_change,
                consent_id=consent_id,
                entry_key=tx.entry_key,
                transition=CONSENT_TRANSITION_REVOKE,
            )
            grantee = HeldConsent(*row).grantee
            add_consent_event(tx, consent_id, grantee, CONSENT_EVENT_KIND_REVOKED)
    return granted


def _lifted(tx: Transaction, span: dict[str, Any]) -> list[str]:
    """Return the ids of the holds that were lifted in a time."""
    return sorted({about for (about,) in tx.db.all(q.events_about_in, kind=LIFT, **span)})


def _undoing(db: Connection, entry_key: int, time_us: int) -> Undoing | None:
    """Read the effects of a repudiation; None if another attester must repudiate the key, too."""
    row = db.one(q.effect_of_event, entry_key=entry_key, kind=REPUDIATION)
    if row is None:
        return None
    undoing = Undoing.FromString(row.body)
    if undoing.HasField("start_time"):
        rows = db.all(
            q.inquiries_between,
            subject_id=row.subject_id,
            start_us=undoing.start_time.ToMicroseconds(),
            end_us=time_us,
            before=paging.NEWEST,
            limit=LISTED,
        )
        undoing.inquiries.extend(inquiry_line(inquiry) for inquiry in rows)
    return undoing
