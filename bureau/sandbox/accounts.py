"""The months of a sandbox's accounts, as their lenders furnish them. Pure.

A delinquency ages: each month one more payment is missed, until the account is charged off.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import Any

from bureau_client.models.codes import AccountStatus, PortfolioType
from bureau_client.models.months import Month
from bureau_client.models.records import Party, RawCode, Snapshot

# Payments missed at which a lender charges an account off: 210 days past due.
CHARGED_OFF = 7
DAYS_OF_PAYMENT = 30
STATUSES = (
    AccountStatus.CURRENT,
    AccountStatus.PAST_DUE_30,
    AccountStatus.PAST_DUE_60,
    AccountStatus.PAST_DUE_90,
    AccountStatus.PAST_DUE_120,
    AccountStatus.PAST_DUE_150,
    AccountStatus.PAST_DUE_180,
)
# Metro 2 account types: credit card, line of credit, unsecured loan.
KINDS = {
    "card": (PortfolioType.REVOLVING, "18"),
    "line": (PortfolioType.LINE_OF_CREDIT, "15"),
    "loan": (PortfolioType.INSTALMENT, "01"),
}
LOAN_TERM_MONTHS = 60
# Per cent of the limit by which the balance of a card moves from month to month, from the newest
# month of the sandbox's beginning: the figures are the same on every day of the calendar.
WAVE = (0, 3, -2, 1, 4, -3)
BANKRUPTCY = "metro2.consumer_information_indicator"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxAccount:
    """An account that a lender of the sandbox furnishes each month.

    Attributes:
        lender: Member id of the lender.
        ref: The lender's reference.
        kind: `card`, `line` or `loan`.
        parties: The persons on it.
        first: Its first month.
        newest: Its newest month when it was made, in which `missed` payments are missed.
        use: Per cent of the limit, or of the loan, that is owed.
        limit: Limit or principal in minor units.
        missed: Payments missed in `newest`.
        ends: True if `newest` is the last month that is furnished.
        bankruptcy: Consumer information indicator of Metro 2; empty for none.
        certified: True if its lender certifies the records again.
        currency: ISO 4217.
    """

    lender: str
    ref: str
    kind: str
    parties: tuple[Party, ...]
    first: Month
    newest: Month
    use: int
    limit: int
    missed: int = 0
    ends: bool = False
    bankruptcy: str = ""
    certified: bool = False
    currency: str = "USD"

    def history(self) -> list[Snapshot]:
        """Return the snapshots up to `newest`."""
        return [self.snapshot(self.first + ahead) for ahead in range(self.newest - self.first + 1)]

    def snapshot(self, month: Month) -> Snapshot:
        """Return the account at the end of a month."""
        portfolio_type, account_type = KINDS[self.kind]
        missed = self._missed(month)
        balance = self._balance(month, missed)
        due = max(balance // 30, 25_00) if balance else 0
        fields: dict[str, Any] = {
            "account_ref": self.ref,
            "month": month,
            "parties": self.parties,
            "portfolio_type": portfolio_type,
            "account_type": account_type,
            "currency": self.currency,
            "open_date": date(self.first.year, self.first.month, 1),
            "balance_minor": balance,
            "certified": self.certified,
        }
        if self.kind == "loan":
            fields |= {"original_amount_minor": self.limit, "term_months": LOAN_TERM_MONTHS}
        else:
            fields |= {"credit_limit_minor": self.limit}
        if self.bankruptcy and missed:
            fields |= {"raw_codes": (RawCode(BANKRUPTCY, self.bankruptcy),)}
        if not missed:
            paid: dict[str, Any] = {}
            # What was owed fell by no more than what was paid.
            fallen = self._balance(month - 1, self._missed(month - 1)) - balance
            if due:
                amount = max(due, fallen)
                paid = {"amount_paid_minor": amount, "last_payment_date": _payday(month)}
            return Snapshot(**fields, status=AccountStatus.CURRENT, amount_due_minor=due, **paid)
        began = month - (missed - 1)
        first_missed = date(began.year, began.month, 1)
        if missed >= CHARGED_OFF:
            return Snapshot(
                **fields,
                status=AccountStatus.CHARGE_OFF,
                amount_past_due_minor=balance,
                charge_off_amount_minor=balance,
                first_delinquency_date=first_missed,
            )
        return Snapshot(
            **fields,
            status=STATUSES[missed],
            amount_due_minor=due,
            amount_past_due_minor=min(due * missed, balance),
            days_past_due=DAYS_OF_PAYMENT * missed,
            payments_missed=missed,
            first_delinquency_date=first_missed,
        )

    def _missed(self, month: Month) -> int:
        """Return the payments missed at a month's end."""
        return max(self.missed + (month - self.newest), 0) if self.missed else 0

    def _balance(self, month: Month, missed: int) -> int:
        """Return the balance; it stands still while payments are missed."""
        paid = month if not missed else month - missed
        ahead = paid - self.newest
        if self.kind == "loan":
            share = self.use * 10 - ahead * 1000 // LOAN_TERM_MONTHS
        else:
            share = (self.use + WAVE[ahead % len(WAVE)]) * 10
        return max(min(share, 1000), 0) * self.limit // 1000


def _payday(month: Month) -> date:
    return date(month.year, month.month, min(20, monthrange(month.year, month.month)[1]))
