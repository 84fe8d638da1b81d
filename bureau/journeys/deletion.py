"""Use case of a deletion: a member confirms that what it received under a consent is deleted.

The bureau cannot see what a member keeps. It keeps the signed confirmation, and shows it, or
that it is missing, to the subject.
"""

from __future__ import annotations

from bureau import signed_statement
from bureau.calendar import utc
from bureau.context import Bureau, Caller
from bureau.credit_file.consent_state import HeldConsent
from bureau.errors import Refusal
from bureau.ledger.units import Transaction
from bureau.store import queries as q
from bureau_keys.consent_history import FINAL
from creditbureau.v1.consent_event_pb2 import DeletionConfirmation
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt


def confirm_deletion(bureau: Bureau, caller: Caller, envelope: Envelope) -> Receipt:
    """Store a member's confirmation that everything received under a consent is deleted.

    Raises:
        Refusal: All of `verify_statement`; CLOCK_SKEW, EXPIRED_REQUEST; NOT_FOUND, alike for an
            unknown consent and another member's; WRONG_STATE before the consent has ended, where
            nothing is to be deleted, and after a confirmation; INVALID_FIELD.
    """
    # 1. Open and verify.
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db,
            bureau.origin,
            envelope,
            DeletionConfirmation,
            kind="deletion",
            signer=caller.signer,
        )
    confirmation = opened.message

    # 2. One unit of work: the consent under its lock, its rules, the leaf.
    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        row = tx.db.one(q.lock_consent, consent_id=confirmation.consent_id)
        consent = HeldConsent(*row) if row else None
        if consent is None or (consent.grantee, consent.subject_id) != (
            caller.member_id,
            confirmation.subject_id,
        ):
            message = "the caller holds no consent of this subject with this id"
            raise Refusal.of_field("NOT_FOUND", "consent_id", message)
        check_deletion(tx, consent, confirmation)
        tx.subjects.add(consent.subject_id)
        tx.db.execute(q.set_deletion, which=consent.consent_id, deletion_entry=tx.entry_key)

    return signed_statement.receipt_of(bureau.ledger.commit(opened.signed, work).proof)


def check_deletion(
    tx: Transaction, consent: HeldConsent, confirmation: DeletionConfirmation
) -> None:
    """Check that a member may confirm the deletion of what it received under a consent.

    Args:
        consent: The consent, locked.

    Raises:
        Refusal: WRONG_STATE, INVALID_FIELD.
    """
    row = tx.db.one(q.deletion_of_consent, consent_id=consent.consent_id)
    life_us, confirmed = row or (0, None)
    if not life_us or not consent.use_count:
        raise Refusal(
            "WRONG_STATE",
            "nothing is to be deleted: the consent has no data life, or no report was received",
        )
    if consent.state not in FINAL and tx.now_us < consent.expire_us:
        raise Refusal(
            "WRONG_STATE",
            "the consent was neither revoked nor replaced, and has not expired: "
            f"it ends at {utc(consent.expire_us):%Y-%m-%d %H:%M:%S} UTC",
        )
    if confirmed is not None:
        raise Refusal("WRONG_STATE", "the deletion is confirmed already")
    if confirmation.report_count != consent.use_count:
        raise Refusal.of_field(
            "INVALID_FIELD",
            "report_count",
            f"the member received {consent.use_count} reports under the consent",
        )
    deleted_us = confirmation.delete_time.ToMicroseconds()
    if not consent.start_us <= deleted_us <= confirmation.header.issue_time.ToMicroseconds():
        raise Refusal.of_field(
            "INVALID_FIELD",
            "delete_time",
            "must lie between the consent's start and the issue time",
        )
