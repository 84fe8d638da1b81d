"""What lenders send: creforge's files, in the order of their arrival."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import creforge
import polars as pl

from bureau_client import Month, PartyRole, SubmissionKind
from bureau_client.study.creforge_accounts import ROLES
from tests.demo.world import member_id

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One file.

    Attributes:
        label: Its name.
        lender: The member that sends it.
    """

    label: str
    lender: str
    kind: SubmissionKind
    path: Path

    def rows(self) -> list[Row]:
        """What the file says: for each account and month a row."""
        return pl.read_parquet(self.path).to_dicts()


@dataclass(frozen=True, slots=True)
class Inbox:
    """All files, and what lenders know of their customers besides.

    Attributes:
        truth: The data set that the files were made from.
        folder: Where creforge wrote the files, their log and the answer key.
        people: creforge's ids of everybody.
        deliveries: In the order of arrival.
        parties: Who is on each account, and as what.
        customers: Whom each lender reports on.
    """

    truth: Path
    folder: Path
    people: list[str]
    deliveries: list[Delivery]
    parties: dict[str, tuple[tuple[str, PartyRole], ...]]
    customers: dict[str, set[str]]

    @property
    def lenders(self) -> list[str]:
        """Every member that sends files."""
        return sorted(self.customers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is generated.

    Attributes:
        issues: creforge's profile of what goes wrong: `standard`, `nasty`.
        last: The newest month.
    """

    subjects: int
    months: int
    lenders: int
    issues: str
    last: Month
    seed: int = 7


def make_inbox(folder: Path, size: Size) -> Inbox:
    """Generates the truth, and the files that lenders make of it."""
    truth, files = folder / "truth", folder / "inbox"
    config = creforge.Config(
        profile=creforge.load_profile("baseline").model_copy(update={"lenders": size.lenders}),
        subjects=size.subjects,
        months=size.months,
        seed=size.seed,
        start_month=str(size.last - (size.months - 1)),
    )
    data = creforge.generate(config)
    data.write(truth)
    creforge.submissions(truth, files, issues=size.issues, seed=size.seed)
    lender_of = dict(data.account.select("account_id", "lender_id").iter_rows())
    parties: dict[str, tuple[tuple[str, PartyRole], ...]] = defaultdict(tuple)
    customers: dict[str, set[str]] = defaultdict(set)
    for account, person, role in data.account_party.select(
        "account_id", "subject_id", "role"
    ).iter_rows():
        parties[account] += ((person, ROLES[role]),)
        customers[member_id(lender_of[account])].add(person)
    people: list[str] = data.subject["subject_id"].to_list()
    return Inbox(truth, files, people, _deliveries(files), dict(parties), dict(customers))


def _deliveries(files: Path) -> list[Delivery]:
    log = pl.read_parquet(files / "submissions.parquet").sort("received_at", "submission_id")
    return [
        Delivery(name, member_id(lender), SubmissionKind[kind.upper()], files / name)
        for name, lender, kind in log.select("file", "lender_id", "kind").iter_rows()
    ]
