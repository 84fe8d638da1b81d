"""The rules of serving a report once more: a retry, a resumed stream, a replay."""

from __future__ import annotations

from bureau.calendar import utc
from bureau.credit_file import consent_state
from bureau.credit_file.consent_events import count_uses
from bureau.credit_file.consent_state import HeldConsent
from bureau.credit_file.freeze import check_freeze
from bureau.credit_file.stored_inquiry import StoredInquiry
from bureau.errors import Refusal
from bureau.ledger.units import Transaction
from bureau.party_limits import PartyLimits
from bureau.policy import Policy
from bureau.store import queries as q
from bureau.store.database import Connection
from creditbureau.v1.consent_pb2 import CONSENT_MODE_STORE, Consent
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.report_pb2 import INQUIRY_OUTCOME_REPLAYED


def check_retry(
    db: Connection,
    policy: Policy,
    consent: HeldConsent,
    inquiry: StoredInquiry,
    now_us: int,
    *,
    lock: bool = False,
) -> None:
    """Check that a member may still get the answer to an inquiry that was counted already.

    Args:
        lock: Lock the accounts that exempt the member from a freeze.

    Raises:
        Refusal: CONSENT_REVOKED, CONSENT_EXPIRED, CONSENT_PAUSED, CONSENT_SCOPE, HOLD.
    """
    consent_state.check_in_force(consent, inquiry.purpose, now_us)
    kept_until_us = _kept_until_us(_signed(db, consent), inquiry)
    if kept_until_us is not None and now_us >= kept_until_us:
        ended = f"{utc(kept_until_us):%Y-%m-%d %H:%M:%S} UTC"
        raise Refusal("CONSENT_EXPIRED", f"the report's data life ended at {ended}")
    check_freeze(
        db, policy, consent.subject_id, inquiry.member_id, inquiry.purpose, now_us, lock=lock
    )


def use_for_replay(
    tx: Transaction, policy: Policy, consent: HeldConsent, inquiry: StoredInquiry
) -> None:
    """Check that a member may read a report once more, and count the use that it costs.

    Under a consent to STORE, the member may keep the report for its data life, and so may
    read it again without a use. Under the other modes it keeps nothing: to look once more is
    a use, which the consent and its period must have left.

    Args:
        consent: The consent, locked.

    Raises:
        Refusal: All of `check_retry`; CONSENT_EXHAUSTED.
    """
    check_retry(tx.db, policy, consent, inquiry, tx.now_us, lock=True)
    if _signed(tx.db, consent).mode != CONSENT_MODE_STORE:
        consent_state.check_uses_left(consent, tx.now_us)
        count_uses(tx, [consent])


def check_replays_left(
    db: Connection, limits: PartyLimits, inquiry: StoredInquiry, member_id: str
) -> None:
    """Raise LIMIT_REACHED if a member has replayed a report as often as it may.

    Each replay is an event of the person's chain and a line of their file. The limit holds for
    an auditor too, which needs no consent.

    Args:
        inquiry: The inquiry whose report is made again.
        member_id: The member that replays.
    """
    row = db.one(
        q.replays_of_report,
        outcome=INQUIRY_OUTCOME_REPLAYED,
        subject_id=inquiry.subject_id,
        member_id=member_id,
        inquiry_id=inquiry.inquiry_id,
        consent_id=inquiry.consent_id,
    )
    if row is not None and row[0] >= limits.replays_of_report:
        message = f"at most {limits.replays_of_report} replays of one report by one member"
        raise Refusal("LIMIT_REACHED", message)


def _kept_until_us(consent: Consent, inquiry: StoredInquiry) -> int | None:
    """Return the end of a report's data life, microseconds; None without one."""
    if consent.mode != CONSENT_MODE_STORE:
        return None
    return inquiry.create_us + consent.data_life.ToMicroseconds()


def _signed(db: Connection, consent: HeldConsent) -> Consent:
    """Read a consent as its subject signed it."""
    row = db.one(q.envelope_of, entry_key=consent.entry_key)
    assert row is not None, "a consent has its statement"
    return Consent.FromString(Envelope.FromString(row[0]).payload)
