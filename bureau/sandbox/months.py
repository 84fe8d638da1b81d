"""The months of a sandbox: when the clock passes a month's end, its lenders furnish the month."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from bureau.calendar import time_us_of
from bureau.sandbox.accounts import SandboxAccount
from bureau.sandbox.clock import SandboxClock
from bureau.sandbox.world import LENDERS, World
from bureau_client.errors import BureauError, Unavailable
from bureau_client.models.codes import PartyRole
from bureau_client.models.months import Month
from bureau_client.models.records import Party, Snapshot
from bureau_client.sync.lender import Lender
from bureau_keys.secret_files import write_private

logger = structlog.get_logger("bureau.sandbox")

# Time after a month's end at which lenders furnish it.
AFTER = timedelta(hours=6)


@dataclass(slots=True)
class Months:
    """The accounts that are furnished each month.

    Attributes:
        newest: Newest month that was furnished.
        accounts: The accounts.
    """

    newest: Month
    accounts: list[SandboxAccount]

    @classmethod
    def load(cls, path: Path) -> Months:
        """Read the file of a sandbox."""
        state = json.loads(path.read_text("utf-8"))
        return cls(Month.from_number(state["newest"]), [_account(row) for row in state["accounts"]])

    def save(self, path: Path) -> None:
        """Write the file of a sandbox."""
        state = {"newest": self.newest.number, "accounts": [_row(each) for each in self.accounts]}
        write_private(path, json.dumps(state, indent=1).encode() + b"\n")

    def pass_to(self, target_us: int, clock: SandboxClock, world: World) -> list[Month]:
        """Move the clock to a time, and furnish each month that ends on the way.

        Returns:
            The furnished months. A month whose end has passed already is furnished, too: the
            sandbox was not served then.

        Raises:
            ValueError: The time is beyond the end of the certificates.
        """
        passed: list[Month] = []
        while (due_us := _due_us(self.newest + 1)) <= target_us:
            _move(clock, due_us)
            month = self.newest + 1
            self._furnish(world, month)
            # Only now: a month that was cut is furnished at the next look.
            self.newest = month
            passed.append(month)
        _move(clock, target_us)
        return passed

    def _furnish(self, world: World, month: Month) -> None:
        for name in LENDERS:
            own = [account for account in self.accounts if account.lender == name]
            records = [account.snapshot(month) for account in own]
            if records:
                submit_each(world.lender(name), records)


def submit_each(lender: Lender, records: Sequence[Snapshot]) -> None:
    """Submit records; those that the bureau refuses are left out, and the log names them.

    Raises:
        Unavailable: The bureau did not answer, as when it stops: nothing is refused.
    """
    try:
        lender.submit(records)
    except Unavailable:
        raise
    except BureauError as error:
        if len(records) == 1:
            logger.warning(
                "not_furnished", member=lender.member_id, reason=error.reason, why=str(error)
            )
            return
        for record in records:
            submit_each(lender, [record])


def _due_us(month: Month) -> int:
    """Return the time at which a month is furnished."""
    following = month + 1
    return time_us_of(datetime(following.year, following.month, 1, tzinfo=UTC) + AFTER)


def _move(clock: SandboxClock, time_us: int) -> None:
    ahead_us = time_us - clock.now_us()
    if ahead_us > 0:
        clock.advance(ahead_us)


def _row(account: SandboxAccount) -> dict[str, Any]:
    row = asdict(account)
    row["first"], row["newest"] = account.first.number, account.newest.number
    row["parties"] = [[party.subject_id, party.role.name] for party in account.parties]
    return row


def _account(row: dict[str, Any]) -> SandboxAccount:
    months = {name: Month.from_number(row[name]) for name in ("first", "newest")}
    return SandboxAccount(**{**row, **months, "parties": tuple(_parties(row["parties"]))})


def _parties(pairs: Iterable[Sequence[str]]) -> Iterable[Party]:
    return (Party(subject_id, PartyRole[role]) for subject_id, role in pairs)
