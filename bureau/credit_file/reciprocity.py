"""Reciprocity: a member sees of others what it gives of its own kind.

A member that furnishes accounts in good standing sees everything (FULL); one that
furnishes only accounts in default sees only such (DEFAULT_ONLY); one that furnishes
nothing sees its own (NONE). It follows from what was really furnished within the
window of the jurisdiction's rules; newcomers have a time of grace. After the UK's
Steering Committee on Reciprocity (SCOR).
"""

from __future__ import annotations

from collections.abc import Iterable

from bureau.credit_file.history import DELINQUENT
from bureau.credit_file.reader import CreditFile, FiledTradeline
from bureau.ledger.commit_queue import Transaction
from bureau.policy import Policy
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.payment_profile import character_of
from creditbureau.v1 import members_pb2
from creditbureau.v1.record_pb2 import TradelineSnapshot

FULL = members_pb2.RECIPROCITY_LEVEL_FULL
DEFAULT_ONLY = members_pb2.RECIPROCITY_LEVEL_DEFAULT_ONLY
NONE = members_pb2.RECIPROCITY_LEVEL_NONE

GOOD = frozenset("0E")
DAY_US = 86_400 * 1_000_000
MONTH_US = 31 * DAY_US


def note_contribution(
    tx: Transaction, member_id: str, snapshots: Iterable[TradelineSnapshot]
) -> None:
    """Notes what a member furnishes; once a day is enough."""
    row = tx.db.one(q.contribution_of, member_id=member_id)
    good_us, default_us = row or (0, 0)
    stale_us = tx.now_us - DAY_US
    if good_us > stale_us and default_us > stale_us:
        return
    seen = {character_of(snapshot) for snapshot in snapshots}
    now_good = tx.now_us if seen & GOOD else good_us
    now_default = tx.now_us if seen & DELINQUENT else default_us
    if now_good - good_us > DAY_US or now_default - default_us > DAY_US:
        tx.db.execute(
            q.set_contribution, member_id=member_id, good_us=now_good, default_us=now_default
        )


def level_of(db: Connection, member_id: str, policy: Policy, now_us: int) -> int:
    """What a member may see of others: FULL, DEFAULT_ONLY or NONE."""
    row = db.one(q.contributor, member_id=member_id)
    assert row is not None, "a caller is a member"
    create_us, good_us, default_us = row
    since_us = now_us - policy.reciprocity_months * MONTH_US
    if now_us < create_us + policy.reciprocity_grace_days * DAY_US or good_us >= since_us:
        return FULL
    return DEFAULT_ONLY if default_us >= since_us else NONE


def limit_by_reciprocity(file: CreditFile, member_id: str, level: int) -> CreditFile:
    """A file as a member of a level may see it. Pure."""
    if level == FULL:
        return file
    kept = [
        line
        for line in file.tradelines
        if line.member_id == member_id or (level == DEFAULT_ONLY and _in_default(line))
    ]
    return file._replace(tradelines=kept)


def _in_default(line: FiledTradeline) -> bool:
    return not DELINQUENT.isdisjoint(line.history.profile)
