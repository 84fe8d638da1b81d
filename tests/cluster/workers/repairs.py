"""The accounts that a lender repairs, one for each of a few people.

It corrects them, with a consent to furnish or without, deletes them, and brings them back,
certified or not, under their number or under another one.

Nothing else is furnished on these accounts, and one statement about an account is settled before
the next one is sent: each statement says what it does to an account that is known.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum

from bureau_client import (
    AccountStatus,
    Deletion,
    DeletionReason,
    DisputeOutcome,
    Lender,
    Month,
    Party,
    PortfolioType,
    Snapshot,
    SubmissionKind,
)
from bureau_client.models.reports import Dispute
from tests.cluster.workers.journal import Journal
from tests.cluster.workers.receipts import receipt_of_submission

# The opening date tells these accounts apart in a file, and their people dispute it.
REPAIRED_SINCE, REPAIRED_FIELD = date(2019, 5, 31), "open_date"
OPENING_BALANCE, LEAST_BALANCE, STEP = 1_000_00, 100_00, 10_00
LIMIT = 50_000_00


class Repair(StrEnum):
    """A step that a lender takes with an account."""

    OPEN = "open"
    BETTER = "better"  # a correction: less is owed
    WORSE = "worse"  # a correction: more is owed, for which a consent is needed
    DELETE_MONTH = "delete month"
    DELETE = "delete"
    RETURN = "return"
    RETURN_UNCERTIFIED = "return uncertified"  # which must be refused
    RENUMBERED = "return under another number"
    RENUMBERED_UNCERTIFIED = "return under another number uncertified"  # refused likewise


class State(StrEnum):
    """The state of a repaired account."""

    NEW = "new"
    ON_FILE = "on file"
    DELETED = "deleted"


# The steps that there are from a state, and how often each is taken in proportion.
STEPS = {
    State.NEW: {Repair.OPEN: 1},
    State.ON_FILE: {Repair.BETTER: 4, Repair.WORSE: 2, Repair.DELETE_MONTH: 1, Repair.DELETE: 1},
    State.DELETED: {
        Repair.RETURN: 2,
        Repair.RETURN_UNCERTIFIED: 2,
        Repair.RENUMBERED: 2,
        Repair.RENUMBERED_UNCERTIFIED: 2,
    },
}
DELETING = {Repair.DELETE_MONTH, Repair.DELETE}
RENUMBERING = {Repair.RENUMBERED, Repair.RENUMBERED_UNCERTIFIED}
CERTIFIED = {Repair.RETURN, Repair.RENUMBERED}


@dataclass
class RepairedAccount:
    """An account that a lender repairs.

    Attributes:
        number: Number of times that it returned under another reference.
        busy: True until the outcome of the newest step is known.
    """

    subject_id: str
    balance: int = OPENING_BALANCE
    state: State = State.NEW
    number: int = 0
    busy: bool = False

    def numbered_after(self, step: Repair) -> int:
        """Return the number that the account has after a step."""
        return self.number + (step in RENUMBERING)

    def reference(self, step: Repair) -> str:
        """Return the lender's reference of the account in a step."""
        return f"repair-{self.subject_id[:16]}-{self.numbered_after(step)}"

    def after(self, step: Repair) -> tuple[State, int]:
        """Return the state and the balance after a step."""
        moved = {Repair.BETTER: -STEP, Repair.WORSE: STEP}.get(step, 0)
        return State.DELETED if step in DELETING else State.ON_FILE, self.balance + moved

    def record(self, step: Repair) -> Snapshot | Deletion:
        """Return the record of a step."""
        month = Month.of(datetime.now(UTC).date()) - 1
        if step in DELETING:
            part = month if step is Repair.DELETE_MONTH else None
            reference = self.reference(step)
            return Deletion(account_ref=reference, reason=DeletionReason.DISPUTE, month=part)
        return Snapshot(
            account_ref=self.reference(step),
            month=month,
            parties=(Party(self.subject_id),),
            portfolio_type=PortfolioType.REVOLVING,
            account_type="18",
            currency="USD",
            open_date=REPAIRED_SINCE,
            status=AccountStatus.CURRENT,
            balance_minor=self.after(step)[1],
            credit_limit_minor=LIMIT,
            certified=step in CERTIFIED,
        )


@dataclass
class Repairs:
    """The accounts that one lender repairs; safe to share between its threads."""

    journal: Journal
    _accounts: dict[str, RepairedAccount] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, subject_ids: Sequence[str]) -> None:
        """Repair an account of each of these people from now on."""
        self._accounts = {subject_id: RepairedAccount(subject_id) for subject_id in subject_ids}

    def step(self, lender: Lender, chance: random.Random, furnishable: set[str]) -> None:
        """Take the next step with one account.

        Args:
            furnishable: The people who let the lender furnish: it opens accounts of these alone,
                and brings them back.
        """
        ready = [
            subject_id
            for subject_id, account in self._accounts.items()
            if account.state is State.ON_FILE or subject_id in furnishable
        ]
        account = self._take(ready, chance)
        if account is None:
            return
        steps = STEPS[account.state]
        (step,) = chance.choices(list(steps), list(steps.values()))
        if step is Repair.BETTER and account.balance <= LEAST_BALANCE:
            step = Repair.WORSE
        kind = SubmissionKind.ORIGINAL if step is Repair.OPEN else SubmissionKind.CORRECTION
        record = account.record(step)
        self.journal.attempt(
            "submit",
            lender,
            lambda: lender.submit([record], kind=kind, label=step),
            receipt=receipt_of_submission,
            more=lambda result: {"submission": result.submissions[0].submission_id},
            then=self._settler(account, *account.after(step), account.numbered_after(step)),
            repair=step,
            accounts=[account.reference(step)],
            subjects=[account.subject_id],
            records=1,
        )

    def answer(self, lender: Lender, dispute: Dispute, chance: random.Random) -> None:
        """Answer a dispute of a repaired account: it is accurate, or deleted."""
        account = self._take([dispute.subject_id], chance)
        if account is None:
            return
        deletes = chance.random() < 0.5
        outcome = DisputeOutcome.DELETED if deletes else DisputeOutcome.ACCURATE
        self.journal.attempt(
            "answer-dispute",
            lender,
            lambda: lender.answer_dispute(dispute.dispute_id, outcome, narrative="looked into"),
            then=self._settler(
                account,
                State.DELETED if deletes else account.state,
                account.balance,
                account.number,
            ),
            dispute=dispute.dispute_id,
            outcome=outcome.name,
        )

    def _take(self, subject_ids: Sequence[str], chance: random.Random) -> RepairedAccount | None:
        """Return an account about which no statement is under way, now busy; None for none."""
        with self._lock:
            idle = [
                account
                for subject_id in subject_ids
                if (account := self._accounts.get(subject_id)) and not account.busy
            ]
            if not idle:
                return None
            account = chance.choice(idle)
            account.busy = True
            return account

    def _settler(
        self, account: RepairedAccount, state: State, balance: int, number: int
    ) -> Callable[[bool], None]:
        """Return what notes the outcome of a step."""

        def settled(accepted: bool) -> None:
            with self._lock:
                if accepted:
                    account.state, account.balance, account.number = state, balance, number
                account.busy = False

        return settled
