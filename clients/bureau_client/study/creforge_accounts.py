"""Accounts of creforge's data sets as the records that lenders furnish."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from bureau_client.models.codes import AccountStatus, CloseReason, PartyRole, PortfolioType
from bureau_client.models.months import Month
from bureau_client.models.records import Party, Snapshot

CURRENCY = "USD"

# creforge's product: portfolio type and Metro 2 account type.
PRODUCTS = {
    "credit_card": (PortfolioType.REVOLVING, "18"),
    "bnpl": (PortfolioType.REVOLVING, "07"),
    "personal_loan": (PortfolioType.INSTALMENT, "01"),
    "auto_loan": (PortfolioType.INSTALMENT, "00"),
    "mortgage": (PortfolioType.MORTGAGE, "26"),
    "overdraft": (PortfolioType.LINE_OF_CREDIT, "15"),
}
# creforge's bucket: status, and the lower bound of its days past due.
BUCKETS = {
    "0": (AccountStatus.CURRENT, 0),
    "1-29": (AccountStatus.CURRENT, 1),
    "30-59": (AccountStatus.PAST_DUE_30, 30),
    "60-89": (AccountStatus.PAST_DUE_60, 60),
    "90-119": (AccountStatus.PAST_DUE_90, 90),
    "120+": (AccountStatus.PAST_DUE_120, 120),
}
ENDS = {"written_off": AccountStatus.CHARGE_OFF, "closed": AccountStatus.PAID_OR_CLOSED}
CLOSE_REASONS = {
    "paid_off": CloseReason.PAID_OFF,
    "written_off": CloseReason.CHARGED_OFF,
    "closed_by_customer": CloseReason.BY_CONSUMER,
    "refinanced": CloseReason.REFINANCED,
}
ROLES = {
    "primary": PartyRole.INDIVIDUAL,
    "joint": PartyRole.JOINT,
    "guarantor": PartyRole.GUARANTOR,
}


@dataclass(frozen=True, slots=True)
class CreforgeMonth:
    """A row of creforge's accounts with one of its months.

    Attributes:
        account: Row of the table `account`.
        month: Row of the table `account_month`.
        parties: The people on the account, with their roles.
    """

    account: dict[str, Any]
    month: dict[str, Any]
    parties: tuple[tuple[str, PartyRole], ...]

    @property
    def account_ref(self) -> str:
        """The lender's reference of the account."""
        reference: str = self.account["account_id"]
        return reference

    @property
    def lender_id(self) -> str:
        """Creforge's id of the lender: `L0007`."""
        lender: str = self.account["lender_id"]
        return lender

    @property
    def as_of(self) -> Month:
        """The month."""
        return Month.of(self.month["as_of_month"])

    @property
    def status(self) -> AccountStatus:
        """The status at the end of the month."""
        return ENDS.get(self.month["status"], BUCKETS[self.month["dpd_bucket"]][0])

    def snapshot(self, subject_of: Mapping[str, str]) -> Snapshot:
        """Return the record that the lender furnishes.

        Args:
            subject_of: Subject id of each person.
        """
        account, month = self.account, self.month
        portfolio, account_type = PRODUCTS[account["product_type"]]
        closed = account["close_date"]
        ended = closed is not None and closed <= _last_day(month["as_of_month"])
        missed = int(month["months_in_arrears"])
        balance, due = minor(month["balance"]), minor(month["amount_due"])
        return Snapshot(
            account_ref=self.account_ref,
            month=self.as_of,
            parties=tuple(Party(subject_of[person], role) for person, role in self.parties),
            portfolio_type=portfolio,
            account_type=account_type,
            currency=CURRENCY,
            open_date=account["open_date"],
            status=self.status,
            balance_minor=balance,
            credit_limit_minor=_optional(account["credit_limit"]),
            original_amount_minor=_optional(account["principal"]),
            term_months=int(account["tenor_months"] or 0),
            interest_rate_ppm=round((account["interest_rate"] or 0) * 1_000_000),
            secured=bool(account["secured"]),
            amount_due_minor=due,
            amount_paid_minor=minor(month["amount_paid"]),
            amount_past_due_minor=min(missed * due, max(balance, 0)),
            days_past_due=BUCKETS[month["dpd_bucket"]][1],
            payments_missed=missed,
            restructured=month["status"] == "restructured",
            close_date=closed if ended else None,
            close_reason=CLOSE_REASONS[account["close_reason"]]
            if ended
            else CloseReason.UNSPECIFIED,
            application_ref=account["inquiry_id"] or "",
        )


def account_months(data: Any) -> Iterator[CreforgeMonth]:
    """Yield every month of every account of a data set, a `creforge.Dataset`."""
    accounts = {row["account_id"]: row for row in data.account.to_dicts()}
    parties: dict[str, list[tuple[str, PartyRole]]] = defaultdict(list)
    for row in data.account_party.to_dicts():
        parties[row["account_id"]].append((row["subject_id"], ROLES[row["role"]]))
    for row in data.account_month.to_dicts():
        account_id = row["account_id"]
        yield CreforgeMonth(accounts[account_id], row, tuple(parties[account_id]))


def minor(amount: Decimal | None) -> int:
    """Return the cents of an amount in dollars."""
    return int((amount or Decimal(0)) * 100)


def _optional(amount: Decimal | None) -> int | None:
    return None if amount is None else minor(amount)


def _last_day(first: date) -> date:
    month = Month.of(first) + 1
    return date(month.year, month.month, 1) - timedelta(days=1)
