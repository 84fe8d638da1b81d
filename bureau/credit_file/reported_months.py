"""The months of accounts that delinquencies follow from, read from their records.

Most months are current by the history alone, so their records are not read.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from bureau.credit_file.delinquencies import (
    CURRENT,
    Delinquency,
    ReportedMonth,
    delinquencies_of,
)
from bureau.credit_file.furnished_month import MAX_MONTHS
from bureau.credit_file.history import (
    CURRENT_WITH_BALANCE,
    DELETION,
    TrailEntry,
    deleted_snapshots,
    effective_in,
    kinds_in,
    steps_of,
)
from bureau.credit_file.stored_records import record_of, records_of
from bureau.store.database import Connection
from bureau_keys.payment_profile import month_before, months_between
from creditbureau.v1.record_pb2 import Record
from creditbureau.v1.report_pb2 import PaymentHistory

# Months between two that are current, newest first, with the current one that follows them.
# Those in which all months are current or silent hold no delinquency.
BETWEEN_CURRENT = re.compile(f"{CURRENT_WITH_BALANCE}?[^{CURRENT_WITH_BALANCE}]+")
WITHOUT_DELINQUENCY = CURRENT_WITH_BALANCE + "BD"


def read_delinquencies(accounts: Sequence[ReportedMonths]) -> list[tuple[Delinquency, ...]]:
    """Read the delinquencies of accounts, the records of all of them together."""
    months = [account.delinquent() for account in accounts]
    unread = [
        (account, step)
        for account, own in zip(accounts, months, strict=True)
        for step in account.unread(own)
    ]
    if unread:
        db, steps = unread[0][0].db, [step for _, step in unread]
        for (account, step), (_, record, _) in zip(unread, records_of(db, steps), strict=True):
            account.add(step.month, record)
    return [
        delinquencies_of(account.all(own)) for account, own in zip(accounts, months, strict=True)
    ]


class ReportedMonths:
    """The months of an account, each read once.

    Attributes:
        db: The connection that the records are read by.
        steps: The record of each month, deleted months included.
    """

    def __init__(self, db: Connection, history: PaymentHistory, trail: bytes) -> None:
        self.db = db
        # Read once: each look at a field of a message copies it.
        self._profile, self._newest = history.profile, history.newest_month
        self._deleted: dict[int, TrailEntry] = {}
        self.steps = effective_in(trail)
        if DELETION in kinds_in(trail):
            self._deleted = deleted_snapshots(steps_of(trail))
            self.steps |= self._deleted
        self._read: dict[int, ReportedMonth] = {}

    def delinquent(self) -> list[int]:
        """Return the months that a delinquency may follow from, oldest first."""
        profile, newest = self._profile, self._newest
        if self._deleted or len(profile) == MAX_MONTHS:
            return sorted(self.steps)  # the history lacks some
        months = [
            month_before(newest, age)
            for match in BETWEEN_CURRENT.finditer(profile)
            if match[0].strip(WITHOUT_DELINQUENCY)
            for age in range(*match.span())
        ]
        return [month for month in reversed(months) if month in self.steps]

    def unread(self, months: Iterable[int]) -> list[TrailEntry]:
        """Return the records that tell what the history does not of these months."""
        return [self.steps[month] for month in months if not self._is_current_by_history(month)]

    def add(self, month: int, record: Record) -> None:
        """Add a month that was read."""
        self._read[month] = ReportedMonth.of(record.snapshot, is_deleted=month in self._deleted)

    def all(self, months: Iterable[int]) -> list[ReportedMonth]:
        """Return these months, which were read or are current by the history."""
        return [self._month(month) for month in months]

    def around(self, month: int) -> list[ReportedMonth]:
        """Return the months from the last current one up to a month, to the next current one."""
        months = sorted(self.steps)
        split = bisect_right(months, month)
        return [
            *self._until_current(reversed(months[:split])),
            *self._until_current(months[split:]),
        ]

    def _until_current(self, months: Iterable[int]) -> Iterator[ReportedMonth]:
        for month in months:
            reported = self._month(month)
            yield reported
            if reported.status == CURRENT and not reported.is_deleted:
                return

    def _month(self, month: int) -> ReportedMonth:
        if month not in self._read:
            if self._is_current_by_history(month):
                self._read[month] = ReportedMonth(month, CURRENT)
            else:
                record, _ = record_of(self.db, self.steps[month])
                self.add(month, record)
        return self._read[month]

    def _is_current_by_history(self, month: int) -> bool:
        age = months_between(month, self._newest)
        return 0 <= age < len(self._profile) and self._profile[age] == CURRENT_WITH_BALANCE
