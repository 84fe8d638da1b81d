"""The meter of quotas: reads the amounts that the parties of a batch have used, checks each
unit, and stores the amounts of the accepted ones with the batch.

All nodes share the stored amounts, and a restart keeps them. They are added after the head
row is locked, when the batches of all nodes are in order anyway: no party's row makes one node
wait for another. Until then a batch of another node is not seen, so that a party which uses
several nodes at the same moment may exceed its quota by one batch of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from bureau.calendar import DAY_US, MICROSECONDS
from bureau.errors import Refusal
from bureau.quotas import Party, Quota, Quotas
from bureau.store import queries as q
from bureau.store.database import Connection

MINUTE_US = 60 * MICROSECONDS
FIX = {
    "member": "ask the operator for more",
    "agent": "ask the operator for more",
    "subject": "send fewer statements of this subject",
}


class Used(NamedTuple):
    """Statements and bytes of a party in the minute and on the day that are named (numbers
    of minutes and days since 1970).
    """

    minute: int
    minute_statements: int
    minute_bytes: int
    day: int
    day_statements: int
    day_bytes: int


class _Limit(NamedTuple):
    """A limit of a party, in statements or bytes.

    Attributes:
        unit: `statements` or `bytes`.
        window: `minute` or `day`.
        most: The limit.
        left: What was left of it when the batch began.
    """

    unit: str
    window: str
    window_us: int
    most: int
    left: int


@dataclass(slots=True)
class _Amounts:
    statements: int = 0
    bytes: int = 0

    def add(self, size: int) -> None:
        """Add a statement of a number of bytes."""
        self.statements += 1
        self.bytes += size


NO_AMOUNTS = _Amounts()


class QuotaMeter:
    """The amounts of one batch of the writer."""

    def __init__(self, db: Connection, quotas: Quotas, parties: set[Party], now_us: int) -> None:
        """Read the stored amounts, and the quotas that the operator signed."""
        self._quotas = quotas
        self._now_us = now_us
        self._minute, self._day = now_us // MINUTE_US, now_us // DAY_US
        names = {str(party): party for party in parties}
        rows = db.all_in(q.quota_usage_of, sorted(names))
        self._used = {names[row.party]: Used(*row[1:]) for row in rows}
        members = sorted({party.party_id for party in parties if party.kind != "subject"})
        own = db.all_in(q.quotas_of_members, members) if members else []
        self._own = {(row.member_id, row.carried): row for row in own}
        self._limits = {party: list(self._limits_of(party)) for party in parties}
        self._batch: dict[Party, _Amounts] = {}
        self._reserved: dict[Party, _Amounts] = {}

    def refusal(self, parties: Iterable[Party], *, with_reserved: bool = False) -> Refusal | None:
        """Return QUOTA_EXCEEDED if a party has used up one of its quotas; None otherwise.

        Args:
            with_reserved: Count what is reserved as used.
        """
        for party in parties:
            batch = self._batch.get(party, NO_AMOUNTS)
            reserved = self._reserved.get(party, NO_AMOUNTS) if with_reserved else NO_AMOUNTS
            for limit in self._limits[party]:
                if limit.unit == "statements":
                    amount = batch.statements + reserved.statements
                else:
                    amount = batch.bytes + reserved.bytes
                if amount >= limit.left:
                    return self._refusal(party, limit)
        return None

    def reserve(self, parties: Iterable[Party], size: int) -> None:
        """Count a statement that may be accepted."""
        for party in parties:
            self._reserved.setdefault(party, _Amounts()).add(size)

    def release(self) -> None:
        """Forget what was reserved."""
        self._reserved.clear()

    def charge(self, parties: Iterable[Party], size: int) -> None:
        """Count an accepted statement of a number of bytes."""
        for party in parties:
            self._batch.setdefault(party, _Amounts()).add(size)

    def store(self, db: Connection) -> None:
        """Add the batch's amounts to the stored ones; call it after the head row is locked."""
        # In one order: two nodes whose batches changed no head would block each other.
        for party, batch in sorted(self._batch.items()):
            db.execute(
                q.add_quota_usage,
                party=str(party),
                minute=self._minute,
                day=self._day,
                statements=batch.statements,
                size=batch.bytes,
            )

    def _quota_of(self, party: Party) -> Quota:
        default: Quota = getattr(self._quotas, party.kind)
        own = self._own.get((party.party_id, int(party.kind == "agent")))
        if own is None or party.kind == "subject":
            return default
        return default.model_copy(
            update={name: n for name in Quota.model_fields if (n := getattr(own, name))}
        )

    def _limits_of(self, party: Party) -> Iterator[_Limit]:
        """Yield the limits of a party: of each unit, in this minute and on this day."""
        used, quota = self._used.get(party), self._quota_of(party)
        for window, since, window_us in (
            ("minute", used is not None and used.minute >= self._minute, MINUTE_US),
            ("day", used is not None and used.day >= self._day, DAY_US),
        ):
            for unit in ("statements", "bytes"):
                stored = getattr(used, f"{window}_{unit}") if since else 0
                most: int = getattr(quota, f"{unit}_per_{window}")
                yield _Limit(unit, window, window_us, most, most - stored)

    def _refusal(self, party: Party, limit: _Limit) -> Refusal:
        unit, window, window_us, most, _ = limit
        left_s = (window_us - self._now_us % window_us) / MICROSECONDS
        refusal = Refusal.of_field(
            "QUOTA_EXCEEDED",
            f"quotas.{party.kind}.{unit}_per_{window}",
            f"the {party.kind} has used its {most} {unit} of this {window} (UTC): wait "
            f"{left_s:.0f} s, or {FIX[party.kind]}",
        )
        refusal.retry_after_s = left_s
        return refusal
