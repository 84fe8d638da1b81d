"""A world of borrowers and lenders, from creforge: synthetic, no real people.

Every subject gets a never-issued identifier; every lender of the data set becomes
a member; every account's month becomes a snapshot.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import creforge

from bureau_client import Month
from bureau_client.study.creforge_accounts import CreforgeMonth, account_months


@dataclass(frozen=True, slots=True)
class Application:
    """Somebody applies to a lender."""

    person: str
    lender: str


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
    files: dict[tuple[str, Month], list[CreforgeMonth]]
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
    customers: dict[str, set[str]] = defaultdict(set)
    files: dict[tuple[str, Month], list[CreforgeMonth]] = defaultdict(list)
    for row in account_months(data):
        lender = member_id(row.lender_id)
        customers[lender].update(person for person, _ in row.parties)
        files[lender, row.as_of].append(row)
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
