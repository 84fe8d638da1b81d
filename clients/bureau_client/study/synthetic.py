"""A synthetic population of many lenders, from creforge: no real people.

Each person has a hidden grade that drives all of their accounts, at every lender. The lenders are
of different sizes: the one of rank r has 1/r of the accounts that the largest one has.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import creforge

from bureau_client.models.codes import AccountStatus, PartyRole
from bureau_client.models.months import Month
from bureau_client.study.creforge_accounts import CreforgeMonth, account_months
from bureau_client.study.population import Application, Population

# The first month is fixed, so that a seed gives the same population on every day.
FIRST_MONTH = Month(2021, 1)
# creforge gives all of its lenders the same number of accounts on average: each lender of a study
# has several of these, by its size.
BOOKS = 240
MOST_LENDERS = 20
# Months that creforge generates at least and at most; consents to furnish run for the latter.
LEAST_MONTHS, MOST_MONTHS = 12, 58
# Times that people apply as often as in creforge's profile, so that a few hundred people have
# enough outcomes.
APPLICATIONS = 4
BAD = frozenset(
    {
        AccountStatus.PAST_DUE_60,
        AccountStatus.PAST_DUE_90,
        AccountStatus.PAST_DUE_120,
        AccountStatus.CHARGE_OFF,
    }
)


@dataclass(frozen=True, slots=True)
class Size:
    """Size of a synthetic population.

    Attributes:
        people: Number of people.
        lenders: Number of lenders, from 1 to 20.
        months: Months to furnish, from 12 to 58.
        outcome_months: Months after an application in which its outcome is observed.

    Raises:
        ValueError: A number is out of its range.
    """

    people: int = 600
    lenders: int = 6
    months: int = 36
    outcome_months: int = 12

    def __post_init__(self) -> None:
        if self.people < 1:
            raise ValueError(f"people={self.people}: a population needs people")
        if not 1 <= self.lenders <= MOST_LENDERS:
            raise ValueError(f"lenders={self.lenders}: use 1 to {MOST_LENDERS} lenders")
        if not LEAST_MONTHS <= self.months <= MOST_MONTHS:
            raise ValueError(f"months={self.months}: use {LEAST_MONTHS} to {MOST_MONTHS} months")
        if not 1 <= self.outcome_months <= self.months - 2:
            raise ValueError(
                f"outcome_months={self.outcome_months}: use 1 to {self.months - 2}, so that months "
                "are left in which people apply"
            )

    @property
    def applying(self) -> range:
        """Indices of the months in which people apply: half of the months before the outcomes."""
        last = self.months - self.outcome_months
        return range(last // 2, last)


def synthetic_population(size: Size, seed: int) -> Population:
    """Generate a population; the same size and seed give the same one."""
    data = creforge.generate(
        creforge.Config(
            profile=_profile(),
            subjects=size.people,
            months=size.months,
            seed=seed,
            start_month=str(FIRST_MONTH),
        )
    )
    lender_of = _lenders(size.lenders)
    files: dict[tuple[str, Month], list[CreforgeMonth]] = defaultdict(list)
    histories: dict[tuple[str, str], list[CreforgeMonth]] = defaultdict(list)
    for row in account_months(data):
        lender = lender_of[row.lender_id]
        files[lender, row.as_of].append(row)
        histories[row.account_ref, lender].append(row)
    return Population(
        source=f"{size.people:,} synthetic people of creforge, seed {seed}",
        bad_means="the account becomes 60 or more days past due, or is charged off, within "
        f"{size.outcome_months} months of the application",
        people=tuple(data.subject["subject_id"].to_list()),
        months=tuple(FIRST_MONTH + index for index in range(size.months)),
        files=dict(files),
        applications=tuple(_applications(histories, size)),
    )


def _profile() -> creforge.Profile:
    """Return creforge's stressed profile with our lenders, and with more applications."""
    profile = creforge.load_profile("stressed")
    grades = {
        name: grade.model_copy(update={"inquiry_rate": grade.inquiry_rate * APPLICATIONS})
        for name, grade in profile.grades.items()
    }
    return profile.model_copy(update={"lenders": BOOKS, "grades": grades})


def _lenders(count: int) -> dict[str, str]:
    """Return the member id of the lender of each of creforge's lenders."""
    ends = list(accumulate(1 / rank for rank in range(1, count + 1)))
    return {
        f"L{book:04}": f"lender-{bisect_left(ends, ends[-1] * (book - 0.5) / BOOKS) + 1:02}"
        for book in range(1, BOOKS + 1)
    }


def _applications(
    histories: Mapping[tuple[str, str], Sequence[CreforgeMonth]], size: Size
) -> Iterator[Application]:
    """Yield an application for each account that opens in a month after one of `applying`.

    The lender decides at the end of the month before the account opens, and observes the
    outcome in the account.
    """
    months = {FIRST_MONTH + index for index in size.applying}
    for (_, lender), rows in histories.items():
        month = Month.of(rows[0].account["open_date"]) - 1
        if month not in months:
            continue
        observed = [row.status for row in rows if row.as_of <= month + size.outcome_months]
        (person,) = (person for person, role in rows[0].parties if role is PartyRole.INDIVIDUAL)
        yield Application(person, lender, rows[0].account_ref, month, not BAD.isdisjoint(observed))
