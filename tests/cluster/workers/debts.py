"""The debts that lenders sell to each other, one at a time for each of a few people.

A lender opens a debt that is past due, sells it to the next lender, goes on reporting it or deletes
it, and hands it over. The buyer reports it under a number of its own, at times with a later date of
the first delinquency, or uncertified although the seller deleted it: both must be refused.

The person says of some debts that an identity thief made them. While that blocks a debt, its lender
tries to sell it, and answers uncertified: both must be refused too.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from bureau_client import (
    AccountStatus,
    ActionReason,
    Deletion,
    DeletionReason,
    DisputeOutcome,
    FacilityAction,
    FacilityActionKind,
    Initiator,
    Lender,
    Month,
    Party,
    PortfolioType,
    Record,
    Snapshot,
    SubmissionKind,
)
from bureau_client.models.reports import Dispute
from tests.cluster.workers.journal import Journal
from tests.cluster.workers.receipts import receipt_of_submission

# The opening dates tell debts apart from other accounts in a file; each debt of a person has one.
MOST_DEBTS = 200
DEBT_DATES = [date(2009, 3, 17) + timedelta(days=number) for number in range(MOST_DEBTS)]
BALANCE, PAST_DUE, PAYMENT, LEAST_BALANCE = 2_000_00, 200_00, 10_00, 400_00
# Sellers leave the debts that they hand over in this folder of the run, for the buyer.
HANDED_OVER = "handed-over"
# The clocks of nodes may be behind: an action of the future is refused.
AGO = timedelta(minutes=20)
DEBT_BUYER = "0C"


class Step(StrEnum):
    """A step that a seller or a buyer takes with a debt."""

    OPEN = "open debt"
    PAY = "pay debt"
    SELL = "sell"
    REPORT_SOLD = "report sold"
    DELETE_SOLD = "delete sold"
    HAND_OVER = "hand over"  # no statement
    NEXT = "next"  # no statement: the person's next debt begins
    BUY = "buy"
    BUY_CERTIFIED = "buy certified"
    BUY_LATER = "buy with a later date"  # which must be refused
    PAY_BOUGHT = "pay bought"


class State(StrEnum):
    """The state of a debt, as its seller or its buyer knows it."""

    NEW = "new"
    ON_FILE = "on file"
    NOT_SOLD = "not sold"  # blocked or deleted for identity theft
    SOLD = "sold"
    DELETED = "deleted"
    HANDED = "handed over"
    TO_REPORT = "to report"
    BOUGHT = "bought"


# The steps that there are from a state, and how often each is taken in proportion.
STEPS = {
    State.NEW: {Step.OPEN: 1},
    State.ON_FILE: {Step.PAY: 1, Step.SELL: 2},
    State.NOT_SOLD: {Step.PAY: 1, Step.SELL: 2, Step.NEXT: 1},
    State.SOLD: {Step.REPORT_SOLD: 1, Step.DELETE_SOLD: 1, Step.HAND_OVER: 3},
    State.DELETED: {Step.HAND_OVER: 1},
    State.HANDED: {Step.REPORT_SOLD: 1, Step.NEXT: 1},
    State.TO_REPORT: {Step.BUY: 3, Step.BUY_CERTIFIED: 1, Step.BUY_LATER: 2},
    State.BOUGHT: {Step.PAY_BOUGHT: 1},
}
AFTER = {
    Step.OPEN: State.ON_FILE,
    Step.SELL: State.SOLD,
    Step.DELETE_SOLD: State.DELETED,
    Step.HAND_OVER: State.HANDED,
    Step.BUY: State.BOUGHT,
    Step.BUY_CERTIFIED: State.BOUGHT,
    Step.BUY_LATER: State.BOUGHT,
}
# The answers to a dispute for identity theft, and how often each is given in proportion; the
# last one must be refused while the dispute blocks the debt.
ANSWERS = {
    (DisputeOutcome.FRAUD, False): 2,
    (DisputeOutcome.ACCURATE, True): 3,
    (DisputeOutcome.ACCURATE, False): 2,
}


@dataclass
class Debt:
    """A debt, as its seller or its buyer holds it.

    Attributes:
        number: How many debts of the person the seller had before.
        seller: Member id of the seller; empty where it is the lender itself.
        busy: True until the outcome of the newest step is known.
    """

    subject_id: str
    number: int = 0
    seller: str = ""
    state: State = State.NEW
    balance: int = BALANCE
    busy: bool = False

    @property
    def sold_ref(self) -> str:
        """The seller's reference."""
        return f"debt-{self.subject_id[:16]}-{self.number}"

    @property
    def bought_ref(self) -> str:
        """The buyer's reference."""
        return f"bought-{self.subject_id[:16]}-{self.number}"

    @property
    def account_ref(self) -> str:
        """The reference of the lender that holds it."""
        return self.bought_ref if self.seller else self.sold_ref

    def balance_after(self, step: Step) -> int:
        """Return what is owed after a step."""
        return self.balance - PAYMENT * (step in {Step.PAY, Step.PAY_BOUGHT})

    def record(self, step: Step, buyer: str) -> Record:
        """Return the record of a step."""
        if step is Step.DELETE_SOLD:
            return Deletion(account_ref=self.sold_ref, reason=DeletionReason.DISPUTE)
        if step is Step.SELL:
            return FacilityAction(
                account_ref=self.sold_ref,
                kind=FacilityActionKind.TRANSFER,
                initiator=Initiator.LENDER,
                reasons=(ActionReason.POLICY_CHANGE,),
                effective_time=datetime.now(UTC) - AGO,
                new_member_id=buyer,
                new_account_ref=self.bought_ref,
            )
        month = Month.of(datetime.now(UTC).date()) - 1
        missed = month - (1 if step is Step.BUY_LATER else 2)
        return Snapshot(
            account_ref=self.account_ref,
            month=month,
            parties=(Party(self.subject_id),),
            portfolio_type=PortfolioType.OPEN if self.seller else PortfolioType.REVOLVING,
            account_type=DEBT_BUYER if self.seller else "18",
            currency="USD",
            open_date=date(month.year, month.month, 2) if self.seller else self.opened,
            original_creditor=self.seller,
            status=AccountStatus.COLLECTION if self.seller else AccountStatus.PAST_DUE_60,
            balance_minor=self.balance_after(step),
            amount_past_due_minor=PAST_DUE,
            days_past_due=75,
            first_delinquency_date=date(missed.year, missed.month, 5),
            certified=step is Step.BUY_CERTIFIED,
        )

    @property
    def opened(self) -> date:
        """The day on which the seller opened it."""
        return DEBT_DATES[self.number]


@dataclass
class Debts:
    """The debts that one lender sells and buys; safe to share between its threads.

    Attributes:
        folder: The run's.
        buyer: Member id of the lender that buys its debts.
    """

    journal: Journal
    folder: Path
    member_id: str
    buyer: str
    _sold: dict[str, Debt] = field(default_factory=dict)
    _bought: dict[str, Debt] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, subject_ids: Sequence[str]) -> None:
        """Sell debts of these people from now on."""
        self._sold = {subject_id: Debt(subject_id) for subject_id in subject_ids}

    def step(self, lender: Lender, chance: random.Random, furnishable: set[str]) -> None:
        """Take the next step with a debt that the lender sells or buys.

        Args:
            furnishable: The people who let the lender furnish: debts of these alone are opened.
        """
        self._receive()
        opening = {State.NEW, State.TO_REPORT}
        with self._lock:
            ready = [
                debt
                for debt in [*self._sold.values(), *self._bought.values()]
                if not debt.busy
                and (debt.state not in opening or debt.subject_id in furnishable)
                and (debt.state is not State.BOUGHT or debt.balance > LEAST_BALANCE)
            ]
            if not ready:
                return
            # What was handed over comes first: a short run has few sales.
            handed = [debt for debt in ready if debt.state is State.TO_REPORT]
            debt = chance.choice(handed or ready)
            debt.busy = True
        steps = STEPS[debt.state]
        (step,) = chance.choices(list(steps), list(steps.values()))
        if step is Step.PAY and debt.balance <= LEAST_BALANCE:
            step = Step.SELL
        if step in {Step.HAND_OVER, Step.NEXT}:
            self._without_statement(debt, step)
        else:
            self._send(lender, debt, step)

    def answer(self, lender: Lender, dispute: Dispute, chance: random.Random) -> None:
        """Answer a dispute for identity theft: confirm it, or certify the debt, or try without."""
        ((outcome, certified),) = chance.choices(list(ANSWERS), list(ANSWERS.values()))
        self.journal.attempt(
            "answer-dispute",
            lender,
            lambda: lender.answer_dispute(
                dispute.dispute_id, outcome, narrative="looked into", certified=certified
            ),
            dispute=dispute.dispute_id,
            outcome=outcome.name,
            certified=certified,
        )

    def _send(self, lender: Lender, debt: Debt, step: Step) -> None:
        record = debt.record(step, self.buyer)
        new = step in {Step.OPEN, Step.SELL, Step.BUY, Step.BUY_CERTIFIED, Step.BUY_LATER}
        kind = SubmissionKind.ORIGINAL if new else SubmissionKind.CORRECTION
        self.journal.attempt(
            "submit",
            lender,
            lambda: lender.submit([record], kind=kind, label=step),
            receipt=receipt_of_submission,
            more=lambda result: {"submission": result.submissions[0].submission_id},
            then=self._settler(debt, step),
            debt=step,
            accounts=[debt.account_ref],
            subjects=[debt.subject_id],
            records=1,
        )

    def _settler(self, debt: Debt, step: Step) -> Callable[[bool], None]:
        """Return what notes the outcome of a step."""

        def settled(accepted: bool) -> None:
            with self._lock:
                if accepted:
                    debt.state = AFTER.get(step, debt.state)
                    debt.balance = debt.balance_after(step)
                elif step in {Step.SELL, Step.PAY}:
                    debt.state = State.NOT_SOLD
                debt.busy = False

        return settled

    def _without_statement(self, debt: Debt, step: Step) -> None:
        """Hand a debt over to its buyer, or begin the person's next debt."""
        if step is Step.HAND_OVER:
            folder = self.folder / HANDED_OVER / self.buyer
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{self.member_id} {debt.number} {debt.subject_id}").touch()
        with self._lock:
            if step is Step.HAND_OVER:
                debt.state = State.HANDED
            elif debt.number + 1 < MOST_DEBTS:
                self._sold[debt.subject_id] = Debt(debt.subject_id, debt.number + 1)
            debt.busy = False

    def _receive(self) -> None:
        """Take over the debts that sellers have handed over since the last call."""
        names = [path.name for path in (self.folder / HANDED_OVER / self.member_id).glob("*")]
        with self._lock:
            for name in sorted(set(names) - self._bought.keys()):
                seller, number, subject_id = name.split(" ")
                debt = Debt(subject_id, int(number), seller, State.TO_REPORT)
                self._bought[name] = debt
