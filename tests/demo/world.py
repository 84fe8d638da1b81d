"""A world of borrowers and lenders, from creforge: synthetic, no real people.

Every subject gets a never-issued identifier; every lender of the data set becomes
a member; every account's month becomes a snapshot.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import creforge

from bureau_client import (
    AccountStatus,
    CloseReason,
    Month,
    Party,
    PartyRole,
    PortfolioType,
    Snapshot,
)

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
# creforge's bucket: status, and the days past due that are known at least.
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
class Application:
    """Somebody applies to a lender."""

    person: str
    lender: str


@dataclass(frozen=True, slots=True)
class AccountMonth:
    """An account's row and one of its months, as creforge has them."""

    account: dict[str, Any]
    month: dict[str, Any]
    parties: tuple[tuple[str, PartyRole], ...]

    def snapshot(self, subject_of: dict[str, str]) -> Snapshot:
        """The snapshot that the lender reports.

        Args:
            subject_of: Subject id of each person.
        """
        account, month = self.account, self.month
        portfolio, account_type = PRODUCTS[account["product_type"]]
        status, days = BUCKETS[month["dpd_bucket"]]
        closed = account["close_date"]
        ended = closed is not None and closed <= _end_of(month["as_of_month"])
        missed = int(month["months_in_arrears"])
        balance, due = minor(month["balance"]), minor(month["amount_due"])
        return Snapshot(
            account_ref=account["account_id"],
            month=Month.of(month["as_of_month"]),
            parties=tuple(Party(subject_of[person], role) for person, role in self.parties),
            portfolio_type=portfolio,
            account_type=account_type,
            currency=CURRENCY,
            open_date=account["open_date"],
            status=ENDS.get(month["status"], status),
            balance_minor=balance,
            credit_limit_minor=_optional(account["credit_limit"]),
            original_amount_minor=_optional(account["principal"]),
            term_months=int(account["tenor_months"] or 0),
            interest_rate_ppm=round((account["interest_rate"] or 0) * 1_000_000),
            secured=bool(account["secured"]),
            amount_due_minor=due,
            amount_paid_minor=minor(month["amount_paid"]),
            amount_past_due_minor=min(missed * due, max(balance, 0)),
            days_past_due=days,
            payments_missed=missed,
            restructured=month["status"] == "restructured",
            close_date=closed if ended else None,
            close_reason=CLOSE_REASONS[account["close_reason"]]
            if ended
            else CloseReason.UNSPECIFIED,
            application_ref=account["inquiry_id"] or "",
        )


@dataclass(frozen=True, slots=True)
class World:
    """Everybody and everything.

    Attributes:
        people: creforge's ids of the borrowers.
        lenders: Member ids.
        months: The months reported, in order.
        files: What each lender reports for each month.
        customers: Whom each lender reports on.
        applications: Who applied where.
    """

    people: list[str]
    lenders: list[str]
    months: list[Month]
    files: dict[tuple[str, Month], list[AccountMonth]]
    customers: dict[str, set[str]]
    applications: list[Application]

    @property
    def snapshot_count(self) -> int:
        """Snapshots in all files."""
        return sum(len(rows) for rows in self.files.values())


def make_world(subjects: int, months: int, seed: int, last: Month) -> World:
    """Generates a world whose last reported month is `last`."""
    config = creforge.Config.from_profile(
        "baseline",
        subjects=subjects,
        months=months,
        seed=seed,
        start_month=str(last - (months - 1)),
    )
    data = creforge.generate(config)
    accounts = {row["account_id"]: row for row in data.account.to_dicts()}
    parties: dict[str, list[tuple[str, PartyRole]]] = defaultdict(list)
    customers: dict[str, set[str]] = defaultdict(set)
    for row in data.account_party.to_dicts():
        parties[row["account_id"]].append((row["subject_id"], ROLES[row["role"]]))
        customers[member_id(accounts[row["account_id"]]["lender_id"])].add(row["subject_id"])
    files: dict[tuple[str, Month], list[AccountMonth]] = defaultdict(list)
    for row in data.account_month.to_dicts():
        account = accounts[row["account_id"]]
        name = (member_id(account["lender_id"]), Month.of(row["as_of_month"]))
        files[name].append(AccountMonth(account, row, tuple(parties[row["account_id"]])))
    applications = [
        Application(row["subject_id"], member_id(row["lender_id"]))
        for row in data.inquiry.to_dicts()
    ]
    return World(
        people=data.subject["subject_id"].to_list(),
        lenders=sorted({*customers, *(application.lender for application in applications)}),
        months=[last - back for back in reversed(range(months))],
        files=dict(files),
        customers=dict(customers),
        applications=applications,
    )


def member_id(lender_id: str) -> str:
    """The member id of a creforge lender: `L0007` becomes `lender-0007`."""
    return f"lender-{lender_id.removeprefix('L')}"


def identifier(number: int) -> tuple[str, str, str]:
    """A never-issued United States social security number: area 000 does not exist."""
    return "US", "SSN", f"000-{10 + number // 10000:02}-{number % 10000:04}"


def minor(amount: Decimal | None) -> int:
    """Cents of an amount in dollars."""
    return int((amount or Decimal(0)) * 100)


def _optional(amount: Decimal | None) -> int | None:
    return None if amount is None else minor(amount)


def _end_of(first: date) -> date:
    month = Month.of(first) + 1
    return date.fromordinal(date(month.year, month.month, 1).toordinal() - 1)
