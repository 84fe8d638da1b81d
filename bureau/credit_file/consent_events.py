"""The changes of consents, stored for their grantees with the entries that cause them.

The expiry of a consent has no entry: `consent_watch` reads it from the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bureau.credit_file.consent_state import HeldConsent
from bureau.ledger.units import Transaction
from bureau.store import queries as q
from creditbureau.v1.consent_event_pb2 import (
    CONSENT_EVENT_KIND_EXHAUSTED,
    CONSENT_EVENT_KIND_PAUSED,
    CONSENT_EVENT_KIND_REPLACED,
    CONSENT_EVENT_KIND_RESUMED,
    CONSENT_EVENT_KIND_REVOKED,
)
from creditbureau.v1.consent_pb2 import (
    CONSENT_TRANSITION_PAUSE,
    CONSENT_TRANSITION_REPLACE,
    CONSENT_TRANSITION_RESUME,
    CONSENT_TRANSITION_REVOKE,
)

# The kind of event of each ConsentTransition.
KIND_OF: dict[int, int] = {
    CONSENT_TRANSITION_PAUSE: CONSENT_EVENT_KIND_PAUSED,
    CONSENT_TRANSITION_RESUME: CONSENT_EVENT_KIND_RESUMED,
    CONSENT_TRANSITION_REVOKE: CONSENT_EVENT_KIND_REVOKED,
    CONSENT_TRANSITION_REPLACE: CONSENT_EVENT_KIND_REPLACED,
}


def add_consent_event(tx: Transaction, consent_id: str, grantee: str, kind: int) -> None:
    """Store a change of a consent, by the unit's entry.

    Args:
        kind: ConsentEventKind.
    """
    tx.db.execute(
        q.add_consent_event,
        consent_id=consent_id,
        entry_key=tx.entry_key,
        member_id=grantee,
        kind=int(kind),
    )


def count_uses(tx: Transaction, consents: Iterable[HeldConsent]) -> None:
    """Count a use of each consent; store of which the uses are used up by it.

    Args:
        consents: The consents, locked.
    """
    count_each_use([(tx, consent) for consent in consents])


def count_each_use(uses: Sequence[tuple[Transaction, HeldConsent]]) -> None:
    """Count uses of different consents, each by a unit of one batch: see `count_uses`."""
    if not uses:
        return
    rows = [consent.use_row(tx.now_us) for tx, consent in uses]
    uses[0][0].db.execute_many(q.count_use, rows)
    for tx, consent in uses:
        if consent.max_uses == consent.use_count + 1:
            add_consent_event(tx, consent.consent_id, consent.grantee, CONSENT_EVENT_KIND_EXHAUSTED)
