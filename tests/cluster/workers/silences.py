"""The accounts that a lender last reported long ago, one for each of a few people.

The months of each are furnished one after another, from one that makes the account stale by every
policy to the last one: reports mark it first, and do not once it is reported again.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from bureau_client import AccountStatus, Lender, Month, Party, PortfolioType, Snapshot
from tests.cluster.workers.journal import Journal
from tests.cluster.workers.receipts import receipt_of_submission

OPENED = date(2010, 8, 23)
# Months since the first one that is furnished of an account, and since the last one.
FIRST_AGE, LAST_AGE = 10, 1


@dataclass
class SilentAccount:
    """An account that was not reported for a long time.

    Attributes:
        age: Months since the month that is furnished next.
        busy: True until the outcome of the newest submission is known.
    """

    subject_id: str
    age: int = FIRST_AGE
    busy: bool = False

    def record(self) -> Snapshot:
        """Return the record of the next month."""
        return Snapshot(
            account_ref=f"silent-{self.subject_id[:16]}",
            month=Month.of(datetime.now(UTC).date()) - self.age,
            parties=(Party(self.subject_id),),
            portfolio_type=PortfolioType.REVOLVING,
            account_type="18",
            currency="USD",
            open_date=OPENED,
            status=AccountStatus.CURRENT,
            balance_minor=300_00,
            credit_limit_minor=1_000_00,
        )


@dataclass
class Silences:
    """The silent accounts of one lender; safe to share between its threads."""

    journal: Journal
    _accounts: list[SilentAccount] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, subject_ids: Sequence[str]) -> None:
        """Furnish an account of each of these people from now on."""
        self._accounts = [SilentAccount(subject_id) for subject_id in subject_ids]

    def step(self, lender: Lender, chance: random.Random, furnishable: set[str]) -> None:
        """Furnish the next month of an account whose person lets the lender furnish."""
        with self._lock:
            ready = [
                account
                for account in self._accounts
                if not account.busy
                and account.age >= LAST_AGE
                and account.subject_id in furnishable
            ]
            if not ready:
                return
            account = chance.choice(ready)
            account.busy = True
        record = account.record()
        self.journal.attempt(
            "submit",
            lender,
            lambda: lender.submit([record], label="silent"),
            receipt=receipt_of_submission,
            more=lambda result: {"submission": result.submissions[0].submission_id},
            then=self._settler(account),
            accounts=[record.account_ref],
            subjects=[account.subject_id],
            records=1,
        )

    def _settler(self, account: SilentAccount) -> Callable[[bool], None]:
        """Return what notes the outcome of a submission."""

        def settled(accepted: bool) -> None:
            with self._lock:
                account.age -= accepted
                account.busy = False

        return settled
