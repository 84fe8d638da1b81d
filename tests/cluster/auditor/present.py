"""The present state of accounts as of a log size: open, sold, or no longer reported.

An open account is stale if its furnisher may not furnish, or has furnished no month of it for
longer than the policy allows.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime

from creditbureau.v1.members_pb2 import MEMBER_STATE_ACTIVE, MemberStateChange
from tests.cluster.auditor.accounts import AccountHistory, accounts_of
from tests.cluster.auditor.evidence import Database, StoredRecord
from tests.cluster.auditor.statements import parsed

# Months after its newest one for which an open account counts as reported: the policy of the
# United States.
STALE_MONTHS = 6


@dataclass
class Present:
    """The accounts in a database, and the members who may furnish them.

    Attributes:
        states: The state changes of each member: leaf, and True if it may furnish from then on.
    """

    accounts: dict[str, AccountHistory]
    states: dict[str, list[tuple[int, bool]]]

    @classmethod
    def of(cls, database: Database) -> Present:
        """Read accounts and state changes."""
        states: dict[str, list[tuple[int, bool]]] = defaultdict(list)
        for entry in database.entries:
            if entry.kind == "member-state":
                change = parsed(entry.envelope, MemberStateChange)
                is_active = change.state == MEMBER_STATE_ACTIVE
                states[change.member_id].append((entry.leaf_index, is_active))
        return cls(accounts_of(database), states)

    def may_furnish(self, member_id: str, size: int) -> bool:
        """Return True if a member may furnish as of a log size."""
        known = [is_active for leaf, is_active in self.states.get(member_id, []) if leaf < size]
        return known[-1] if known else True

    def open_record(self, account: AccountHistory, size: int) -> StoredRecord | None:
        """Return the record of the newest month of an account that is open; None otherwise."""
        newest = account.newest_at(size)
        is_open = newest is not None and newest.is_open and not account.sold_at(size)
        return newest if is_open else None

    def is_stale(self, account: AccountHistory, size: int, time_us: int) -> bool:
        """Return True if an account is open, and not reported at a time."""
        newest = self.open_record(account, size)
        if newest is None:
            return False
        if not self.may_furnish(account.member_id, size):
            return True
        return months_between(newest.month, month_of(time_us)) > STALE_MONTHS

    def active_record(
        self, account: AccountHistory, size: int, time_us: int
    ) -> StoredRecord | None:
        """Return the record of the newest month of an account that is open and reported."""
        stale = self.is_stale(account, size, time_us)
        return None if stale else self.open_record(account, size)


def month_of(time_us: int) -> int:
    """Return the month of a time, yyyymm, UTC."""
    day = datetime.fromtimestamp(time_us // 1_000_000, UTC)
    return day.year * 100 + day.month


def months_between(first: int, second: int) -> int:
    """Return the number of months from one month to another, both yyyymm."""
    return second // 100 * 12 + second % 100 - (first // 100 * 12 + first % 100)
