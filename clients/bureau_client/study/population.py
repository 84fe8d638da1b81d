"""A population: lenders, their accounts by month, and applications with their outcomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bureau_client.models.codes import PartyRole
from bureau_client.models.months import Month
from bureau_client.models.records import Snapshot


class AccountMonth(Protocol):
    """A month of an account, whose people have no subject ids yet."""

    @property
    def account_ref(self) -> str:
        """The lender's reference of the account."""

    @property
    def parties(self) -> tuple[tuple[str, PartyRole], ...]:
        """The people on the account, with their roles."""

    def snapshot(self, subject_of: Mapping[str, str]) -> Snapshot:
        """Return the record that the lender furnishes.

        Args:
            subject_of: Subject id of each person.
        """


@dataclass(frozen=True, slots=True)
class Application:
    """A person's application to a lender.

    Attributes:
        person: Name of the person in the population.
        lender: Member id of the lender.
        reference: The lender's own name for the application.
        month: Month at whose end the lender decides.
        bad: Outcome, from the lender's own later records.
    """

    person: str
    lender: str
    reference: str
    month: Month
    bad: bool


@dataclass(frozen=True, slots=True)
class Population:
    """Everything that a study sends through the bureau.

    Attributes:
        source: Origin of the population, for the page.
        bad_means: Definition of a bad outcome, for the page.
        people: Names of the people, which no bureau sees.
        months: Months to furnish, in order, without a gap.
        files: The account months that each lender furnishes for each month.
        applications: At most one for a person, lender and month.
    """

    source: str
    bad_means: str
    people: tuple[str, ...]
    months: tuple[Month, ...]
    files: Mapping[tuple[str, Month], Sequence[AccountMonth]]
    applications: tuple[Application, ...]

    @property
    def account_counts(self) -> dict[str, int]:
        """Number of accounts of each lender, the largest lender first."""
        accounts = {
            (lender, row.account_ref) for (lender, _), rows in self.files.items() for row in rows
        }
        counts = Counter(lender for lender, _ in accounts)
        for application in self.applications:
            counts.setdefault(application.lender, 0)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    @property
    def furnishers(self) -> dict[str, set[str]]:
        """The lenders that furnish accounts of each person."""
        lenders: dict[str, set[str]] = {person: set() for person in self.people}
        for (lender, _), rows in self.files.items():
            for row in rows:
                for person, _ in row.parties:
                    lenders[person].add(lender)
        return lenders
