"""The keys of a subject, and which of them counts at a time.

One key of a subject is in force at any time. A key that an attester binds in its place is
pending until the waiting period is over; the earlier key's end is the later key's start. A
rotation or an approval, which the earlier key signs, ends the waiting, and so does a second
attester.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bureau.ledger.units import Transaction
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.signing import VerifyKey

HOUR_US = 3_600_000_000
# End of a key that has no end.
NEVER = 1 << 62


class SubjectKey(NamedTuple):
    """A key as its row holds it.

    Attributes:
        from_entry: The entry that bound it.
        to_entry: The entry that ended it, or set its end.
        start_us: Time from which it is in force; later than its end if it never was.
        end_us: Time from which it is no longer in force; NEVER without an end.
        lift_us: Time from which it lifts holds.
        attester: Member that attested it first; empty after a rotation.
        previous: Id of the key that it replaces; empty for none.
        approved: 1 if the previous key signed for it.
        repudiated: 1 if it was repudiated.
    """

    key_id: str
    subject_id: str
    public_key: bytes
    from_entry: int
    to_entry: int | None
    start_us: int
    end_us: int
    lift_us: int
    attester: str
    previous: str
    approved: int
    repudiated: int

    @classmethod
    def bound(
        cls,
        subject_id: str,
        key: VerifyKey,
        *,
        entry_key: int,
        start_us: int,
        attester: str,
        current: SubjectKey | None = None,
    ) -> SubjectKey:
        """Return a key that is bound to a subject by an entry.

        Args:
            attester: The member that attests it; empty if the current key signs for it.
            current: The key that it replaces.
        """
        rotated = current is not None and not attester
        return cls(
            key_id=key.key_id,
            subject_id=subject_id,
            public_key=key.raw,
            from_entry=entry_key,
            to_entry=None,
            start_us=start_us,
            end_us=NEVER,
            # A key that is too young to lift a hold has a successor that is as young.
            lift_us=current.lift_us if current and rotated else start_us,
            attester=attester,
            previous=current.key_id if current else "",
            approved=int(rotated),
            repudiated=0,
        )

    def in_force(self, now_us: int) -> bool:
        """Return True if the key counts at a time."""
        return self.start_us <= now_us < self.end_us

    def pending(self, now_us: int) -> bool:
        """Return True if the key is to come in force later."""
        return now_us < self.start_us < self.end_us


def lock_subject(tx: Transaction, subject_id: str) -> None:
    """Lock a subject, to change their keys or what a deadline of theirs depends on.

    What their keys signed so far is committed, and from now on not later than the unit. A deadline
    that another node's log has passed meanwhile has passed for the unit, too.
    """
    tx.db.lock(q.lock_subject, subject_id=subject_id)
    tx.catch_up()


def read_keys(db: Connection, subject_id: str) -> list[SubjectKey]:
    """Read every key that was ever bound to a subject, in order of the log."""
    return [SubjectKey(*row) for row in db.all(q.keys_of_subject, subject_id=subject_id)]


def save_change(tx: Transaction, key: SubjectKey) -> None:
    """Store the changed columns of a key."""
    tx.db.execute(
        q.change_subject_key,
        which=key.key_id,
        to_entry=key.to_entry,
        start_us=key.start_us,
        end_us=key.end_us,
        lift_us=key.lift_us,
        previous=key.previous,
        approved=key.approved,
        repudiated=key.repudiated,
    )


def key_in_force(keys: Sequence[SubjectKey], now_us: int) -> SubjectKey | None:
    """Return the key in force at a time; None if there is none."""
    return next((key for key in keys if key.in_force(now_us)), None)


def pending_key(keys: Sequence[SubjectKey], now_us: int) -> SubjectKey | None:
    """Return the key that is to come in force; None if there is none."""
    return next((key for key in keys if key.pending(now_us)), None)


def by_id(keys: Sequence[SubjectKey], key_id: str) -> SubjectKey | None:
    """Return the key with an id; None if there is none."""
    return next((key for key in keys if key.key_id == key_id), None)


def rotations(keys: Sequence[SubjectKey], key: SubjectKey) -> int:
    """Count the rotations that led to a key since the last attestation."""
    count, current = 0, key
    while not current.attester and (before := by_id(keys, current.previous)):
        count, current = count + 1, before
    return count


def displaced(keys: Sequence[SubjectKey], key_id: str, notice_us: int, now_us: int) -> bool:
    """Return True if a key was replaced without its approval within the notice period."""
    old = by_id(keys, key_id)
    if old is None or old.repudiated or now_us >= old.end_us + notice_us:
        return False
    return any(key.previous == key_id and not (key.approved or key.repudiated) for key in keys)


def followers(keys: Sequence[SubjectKey], key: SubjectKey, *, approved: bool) -> list[SubjectKey]:
    """Return a key and the keys that came of it, in order of the log.

    Args:
        approved: Only keys that the one before signed for, not attested ones.
    """
    chain = [key]
    for later in sorted(keys, key=lambda each: each.from_entry):
        before = by_id(chain, later.previous)
        if before is not None and (later.approved or not approved):
            chain.append(later)
    return chain
