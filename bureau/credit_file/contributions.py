"""Contributions: the times at which a member furnished, and the level that they earn."""

from __future__ import annotations

from collections.abc import Iterable

from bureau.calendar import DAY_US
from bureau.credit_file.history import DELINQUENT
from bureau.credit_file.reciprocity import DEFAULT_ONLY, FULL, NONE
from bureau.ledger.units import Transaction
from bureau.policy import Policy
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.payment_profile import character_of
from creditbureau.v1.record_pb2 import TradelineSnapshot

# Payment history characters of an account in good standing.
GOOD = frozenset("0E")
MONTH_US = 31 * DAY_US


def note_contribution(
    tx: Transaction, member_id: str, snapshots: Iterable[TradelineSnapshot]
) -> None:
    """Store the times at which a member furnished; each at most once a day."""
    characters = {character_of(snapshot) for snapshot in snapshots}
    good_us, default_us = (tx.now_us if characters & those else 0 for those in (GOOD, DELINQUENT))
    if good_us or default_us:
        tx.db.execute(
            q.add_contribution,
            member_id=member_id,
            good_us=good_us,
            default_us=default_us,
            good_us_fresh=good_us and good_us - DAY_US,
            default_us_fresh=default_us and default_us - DAY_US,
        )


def level_of(db: Connection, member_id: str, policy: Policy, now_us: int) -> int:
    """Return the level that a member has earned: FULL, DEFAULT_ONLY or NONE."""
    row = db.one(q.contributor, member_id=member_id)
    assert row is not None, "a caller is a member"
    since_us = now_us - policy.reciprocity_months * MONTH_US
    in_grace = now_us < row.create_us + policy.reciprocity_grace_days * DAY_US
    if in_grace or row.good_us >= since_us:
        return FULL
    return DEFAULT_ONLY if row.default_us >= since_us else NONE
