"""A population in a bureau at past dates: reports as of month-ends, and the outcomes after them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeAlias, TypeVar

import creforge
import polars as pl

from bureau.testing import RunningBureau, running_bureau
from bureau_client import (
    Action,
    IdentificationMethod,
    Lender,
    Month,
    Profile,
    Purpose,
    Report,
    Section,
    SigningKey,
    Wallet,
)
from bureau_client.models.many import Inquiry
from bureau_client.risk.outcomes import PastDue, observe_outcomes
from bureau_client.risk.tables import report_tables
from bureau_client.risk.training import training_set
from tests.demo.world import World, identifier, make_world, member_id

T = TypeVar("T")
R = TypeVar("R")

EVENT = PastDue(days=60, months=12)
FIRST = Month(2021, 1)
DAY = timedelta(days=1)
# The longest that a consent may run under the default purposes (bureau/data/policy/US.toml).
CONSENT = 1830 * DAY
# An application's consent runs at most this long there.
APPLICATION = 31 * DAY
# A purpose whose inquiries leave no mark on the file.
PURPOSE = Purpose.WRITTEN_INSTRUCTION
SECTIONS = (Section.TRADELINES, Section.PAYMENT_HISTORY, Section.ATTRIBUTES)
HISTORY_MONTHS = 84
AT_ONCE = 4

Say = Callable[[str], None]
# Person and lender of each application, by month.
Applications: TypeAlias = Mapping[int, Sequence[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Plan:
    """The size of a panel, and its months, counted from the first as 1.

    Attributes:
        people: Persons of the population.
        seed: Seed of the population.
        training: Months at whose ends the reports of the training are read.
        later: Month at whose end the reports out of time are read: every outcome of the
            training is known by then.
    """

    people: int
    seed: int
    training: tuple[int, ...] = (12, 18, 24)
    later: int = 36

    @property
    def months(self) -> int:
        """Months that the lenders report: the outcomes of the last reports are known then."""
        return self.later + EVENT.months

    @property
    def readings(self) -> tuple[int, ...]:
        """Months at whose ends reports are read for their features."""
        return (*self.training, self.later)


@dataclass(slots=True)
class Panel:
    """Reports with their features, and the last reports, which show the outcomes.

    Attributes:
        reports: Reports by month of the plan, of people who may be late but are not lost.
        last: The report of each person after the last month.
        person_of: creforge's people by subject id.
    """

    person_of: dict[str, str] = field(default_factory=dict)
    reports: dict[int, list[Report]] = field(default_factory=dict)
    last: list[Report] = field(default_factory=list)

    def table(self, subjects: pl.DataFrame) -> pl.DataFrame:
        """Return a row for each report whose outcome is known: features, outcome and groups.

        The order is that of months and people, not of random ids: the same seed, the same rows.
        """
        reports = [report for number in sorted(self.reports) for report in self.reports[number]]
        numbers = [number for number in sorted(self.reports) for _ in self.reports[number]]
        outcomes = observe_outcomes(reports, self.last, EVENT)
        joined = training_set(report_tables(reports).attributes, outcomes)
        people = [self.person_of[report.subject_id] for report in reports]
        return (
            pl.DataFrame(joined)
            .with_columns(reading=pl.Series(numbers), person=pl.Series(people))
            .join(subjects, left_on="person", right_on="subject_id", how="left")
            .filter(pl.col("outcome").is_not_null())
            .sort("reading", "person")
        )


def read_panel(plan: Plan, say: Say) -> pl.DataFrame:
    """Send the population through a bureau, and return the panel's rows."""
    world, subjects, applications = population(plan.people, plan.months, plan.seed)
    applied = {number: each for number, each in applications.items() if number <= plan.later}
    panel = Panel()
    for number, crowd in month_ends(world, applied, plan.months, say):
        if number in plan.readings:
            panel.reports[number] = [*filter(is_scored, crowd.read())]
            say(f"month {number}: {len(panel.reports[number]):,} reports")
        elif number > plan.months:
            panel.last = [*crowd.read()]
            panel.person_of = {subject: name for name, subject in crowd.subject_of.items()}
    return panel.table(subjects).with_columns(
        population=pl.lit(plan.people), seed=pl.lit(plan.seed)
    )


def month_ends(
    world: World, applications: Applications, months: int, say: Say
) -> Iterator[tuple[int, Crowd]]:
    """Send a world through a bureau, and yield its crowd at the end of each month.

    After the last month the crowd is yielded once more, in the following month: all outcomes of
    the months before are known then.
    """
    begin = datetime(FIRST.year, FIRST.month, 1, 8, tzinfo=UTC)
    end = month_end(months) + DAY
    say(f"{len(world.people):,} people, {months} months, {world.snapshot_count:,} records")
    until = max(end, datetime.now(UTC))
    with running_bureau(start=begin, until=until) as bureau, ExitStack() as closing:
        crowd = Crowd(bureau, world, closing)
        crowd.settle()
        say("consents are granted")
        for number in range(1, months + 1):
            if number in applications:
                bureau.move_to(mid_month(number))
                crowd.apply(applications[number])
            bureau.move_to(month_end(number))
            crowd.report_month(number)
            yield number, crowd
        bureau.move_to(end)
        yield months + 1, crowd


def population(people: int, months: int, seed: int) -> tuple[World, pl.DataFrame, Applications]:
    """Return the world, its subjects, and the applications of each month."""
    last = FIRST + (months - 1)
    world = make_world(people, months, seed, last)
    config = creforge.Config.from_profile(
        "baseline",
        subjects=people,
        months=months,
        seed=seed,
        start_month=str(FIRST),
    )
    data = creforge.generate(config)
    applications: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for row in data.inquiry.sort("inquiry_date", "inquiry_id").to_dicts():
        number = Month.of(row["inquiry_date"]) - FIRST + 1
        applications[number].append((row["subject_id"], member_id(row["lender_id"])))
    return (
        world,
        data.subject.select("subject_id", "birth_year", "region", "income_band"),
        applications,
    )


def is_scored(report: Report) -> bool:
    """Return True for a person with an open account, and with none that is in default already.

    A person in default cannot become so: the event would not be defined.
    """
    open_lines = [line for line in report.tradelines if line.close_date is None and line.history]
    newest = [line.history.profile[:1] for line in open_lines if line.history]
    late = [status for status in newest if status in EVENT.statuses]
    lost = [status for status in late if status in "GL"]
    return len(newest) > len(lost) and len(late) == len(lost)


def mid_month(number: int) -> datetime:
    """Return noon of the 15th of a month."""
    month = FIRST + (number - 1)
    return datetime(month.year, month.month, 15, 12, tzinfo=UTC)


def month_end(number: int) -> datetime:
    """Return the evening of the last day of a month."""
    following = FIRST + number
    return datetime(following.year, following.month, 1, 20, tzinfo=UTC) - DAY


class Crowd:
    """The lenders and people of a world at a bureau."""

    def __init__(self, bureau: RunningBureau, world: World, closing: ExitStack) -> None:
        self.bureau, self.world = bureau, world
        roles = ("furnisher", "subscriber", "attester")
        purposes = ("credit-application", "written-instruction")
        self.lenders = {
            name: closing.enter_context(
                Lender(bureau.add_member(name, roles, purposes), clock=bureau.now)
            )
            for name in world.lenders
        }
        # The scorecard's lender: it reads what it furnishes, as every member.
        biggest = max(world.customers, key=lambda name: (len(world.customers[name]), name))
        self.reader = self.lenders[biggest]
        self.agent: Profile = bureau.add_member("wallets", ["agent"])
        numbers = [identifier(number) for number in range(len(world.people))]
        subject_ids = self.reader.subject_ids(numbers)
        self.subject_of = dict(zip(world.people, subject_ids, strict=True))
        self.keys = {person: SigningKey.generate() for person in world.people}
        self.consent_of: dict[str, str] = {}

    def settle(self) -> None:
        """Attest every person's key; they let their lenders furnish, and the reader inquire."""
        furnishers: dict[str, list[str]] = {person: [] for person in self.world.people}
        for name, customers in sorted(self.world.customers.items()):
            for person in customers:
                furnishers[person].append(name)

        def settle(person: str) -> str:
            with self._wallet(person) as wallet:
                self.reader.attest(
                    wallet.binding(),
                    method=IdentificationMethod.IN_PERSON,
                    identify_time=self.bureau.now(),
                )
                for name in furnishers[person]:
                    wallet.grant(name, [Action.FURNISH], expire=CONSENT)
                consent = wallet.grant(
                    self.reader.member_id,
                    [Action.INQUIRE],
                    [PURPOSE],
                    SECTIONS,
                    expire=CONSENT,
                    history_months=HISTORY_MONTHS,
                )
                return consent.consent_id

        people = self.world.people
        self.consent_of = dict(zip(people, at_once(settle, people), strict=True))

    def apply(self, applications: Iterable[tuple[str, str]]) -> None:
        """Have people apply for credit: the inquiry stays on their file."""

        def apply(application: tuple[str, str]) -> None:
            person, name = application
            with self._wallet(person) as wallet:
                consent = wallet.grant(
                    name,
                    [Action.INQUIRE],
                    [Purpose.CREDIT_APPLICATION],
                    [Section.SUMMARY],
                    expire=APPLICATION,
                    max_uses=1,
                )
            self.lenders[name].query(
                self.subject_of[person],
                purpose=Purpose.CREDIT_APPLICATION,
                consent_id=consent.consent_id,
            )

        at_once(apply, applications)

    def report_month(self, number: int) -> None:
        """Have every lender submit its file of a month."""
        month = FIRST + (number - 1)
        for name, lender in self.lenders.items():
            rows = self.world.files.get((name, month), [])
            if rows:
                lender.submit([row.snapshot(self.subject_of) for row in rows])

    def read(self, concurrency: int = AT_ONCE) -> Iterator[Report]:
        """Read the report of every person, in the order of the people."""
        inquiries = [
            Inquiry(
                subject_id=self.subject_of[person],
                purpose=PURPOSE,
                consent_id=self.consent_of[person],
            )
            for person in self.world.people
        ]
        answers = {
            outcome.request.subject_id: outcome.answer
            for outcome in self.reader.query_many(inquiries, concurrency=concurrency)
        }
        return (answers[self.subject_of[person]] for person in self.world.people)

    def _wallet(self, person: str) -> Wallet:
        return Wallet(self.agent, self.subject_of[person], self.keys[person], clock=self.bureau.now)


def at_once(work: Callable[[T], R], things: Iterable[T]) -> Sequence[R]:
    """Run work on things, a few at a time, and return the results in their order."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(work, things))
