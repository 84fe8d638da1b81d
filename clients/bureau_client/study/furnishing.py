"""A population's way through a bureau: furnished month by month, and queried under consent.

Everything goes through the SDK and the real server. The people's own names never leave: each
person has a social security number that was never issued, of the area 000.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

from bureau_client._transport.retry import RetryPolicy
from bureau_client.models.codes import Action, FrequencyUnit, IdentificationMethod, Purpose, Section
from bureau_client.models.consents import Frequency
from bureau_client.models.many import Identifier, Inquiry
from bureau_client.models.months import Month
from bureau_client.models.progress import OnProgress, Progress
from bureau_client.models.records import RecordRef, Snapshot
from bureau_client.models.reports import Report
from bureau_client.study.population import Application, Population
from bureau_client.sync.lender import Lender
from bureau_client.sync.wallet import Wallet
from bureau_keys.profile import Profile
from bureau_keys.signing import SigningKey

T = TypeVar("T")
R = TypeVar("R")

LENDER_ROLES = ("furnisher", "subscriber", "attester")
PURPOSES = ("credit-application", "account-review")
# Member id of the agent that carries the statements of the people.
AGENT = "study-agent"
# Wallets at work at once; each has a connection of its own.
CONCURRENCY = 4
# The bureau is on the same machine: deadlines that a busy machine does not pass.
PATIENCE = RetryPolicy(read_seconds=60, write_seconds=60, bulk_seconds=120)
# Below the 1,830 days for which a consent to furnish may run.
FURNISH_FOR = timedelta(days=1825)
# One report: one consent, used once. That for a review must have a frequency.
APPLY_FOR = timedelta(days=7)
ONCE = Frequency(FrequencyUnit.MONTH, 1)
SECTIONS = tuple(section for section in Section if section)
HISTORY_MONTHS = 84
# A month is furnished on its last day at this hour, UTC.
EVENING = 20
DAY = timedelta(days=1)
# Serials of the numbers of one group.
SERIALS = 10_000


class Sandbox(Protocol):
    """A bureau of the study's own, whose time the study moves."""

    def add_member(
        self, member_id: str, roles: Sequence[str] = ..., purposes: Sequence[str] = ...
    ) -> Profile:
        """Admit a member with new keys."""

    def now(self) -> datetime:
        """Return the bureau's time."""

    def move_to(self, time: datetime) -> None:
        """Move the bureau's time forward."""


@dataclass(frozen=True, slots=True)
class Furnished:
    """A record as its lender furnished it."""

    lender: str
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Answered:
    """An application with its report."""

    application: Application
    report: Report


@dataclass(frozen=True, slots=True)
class Exchange:
    """Everything that was furnished and returned.

    Attributes:
        subject_of: Subject id of each person.
        furnished: The records, by the reference that reports give.
        answered: The reports, in the order of the population's applications.
        reviews: One more report on each applicant, on the day after the last month; empty if
            no one was reviewed.
        profile: Profile of the largest lender.
    """

    subject_of: Mapping[str, str]
    furnished: Mapping[RecordRef, Furnished]
    answered: tuple[Answered, ...]
    reviews: tuple[Report, ...]
    profile: Profile


def exchange(
    population: Population,
    sandbox: Sandbox,
    on_progress: OnProgress | None = None,
    *,
    review: bool = False,
) -> Exchange:
    """Send a population through a bureau, month by month, and query a report for each application.

    Args:
        sandbox: A bureau whose time is at or before the first month's end.
        on_progress: Called after each month.
        review: True to query each applicant once more after the last month.

    Raises:
        BureauError: The bureau refused a statement.
    """
    begin = time.monotonic()
    with ExitStack() as stack:
        run = _Run(population, sandbox, stack)
        for done, month in enumerate(population.months, start=1):
            sandbox.move_to(month_end(month))
            if done == 1:
                run.settle()
            run.furnish(month)
            run.query(month)
            if on_progress is not None:
                elapsed = timedelta(seconds=time.monotonic() - begin)
                on_progress(Progress(done, len(population.months), elapsed))
        reviews: tuple[Report, ...] = ()
        if review:
            # In the following month, so that all months have passed.
            sandbox.move_to(month_end(population.months[-1]) + DAY)
            reviews = run.review()
    answered = tuple(
        Answered(application, run.reports[application.reference])
        for application in population.applications
    )
    return Exchange(run.subject_of, run.furnished, answered, reviews, run.profile)


def month_end(month: Month) -> datetime:
    """Return the evening of a month's last day."""
    following = month + 1
    return datetime(following.year, following.month, 1, EVENING, tzinfo=UTC) - DAY


def identifier(number: int) -> Identifier:
    """Return a social security number that was never issued: the area 000 does not exist."""
    return "US", "ssn", f"000-{10 + number // SERIALS:02}-{number % SERIALS:04}"


@dataclass(slots=True)
class _Run:
    """One way of a population through a bureau."""

    population: Population
    sandbox: Sandbox
    stack: ExitStack
    lenders: dict[str, Lender] = field(init=False)
    profile: Profile = field(init=False)
    agent: Profile = field(init=False)
    keys: dict[str, SigningKey] = field(init=False)
    subject_of: dict[str, str] = field(init=False)
    furnished: dict[RecordRef, Furnished] = field(default_factory=dict)
    reports: dict[str, Report] = field(default_factory=dict)

    def settle(self) -> None:
        """Admit the lenders; bind the people's keys, and have them let lenders furnish."""
        profiles = {
            name: self.sandbox.add_member(name, LENDER_ROLES, PURPOSES)
            for name in self.population.account_counts
        }
        self.lenders = {
            name: self.stack.enter_context(Lender(profile, clock=self.sandbox.now, policy=PATIENCE))
            for name, profile in profiles.items()
        }
        self.profile = next(iter(profiles.values()))
        self.agent = self.sandbox.add_member(AGENT, ("agent",))
        host = next(iter(self.lenders.values()))
        furnishers = self.population.furnishers
        people = self.population.people
        identifiers = [identifier(number) for number in range(len(people))]
        self.subject_of = dict(zip(people, host.subject_ids(identifiers), strict=True))
        self.keys = {person: SigningKey.generate() for person in people}

        def settle(person: str) -> None:
            with self._wallet(person) as wallet:
                host.attest(
                    wallet.binding(),
                    method=IdentificationMethod.IN_PERSON,
                    identify_time=self.sandbox.now(),
                )
                for lender in sorted(furnishers[person]):
                    wallet.grant(lender, [Action.FURNISH], expire=FURNISH_FOR)

        _at_once(settle, people)

    def furnish(self, month: Month) -> None:
        """Submit the records of every lender for a month."""
        for name, lender in self.lenders.items():
            rows = self.population.files.get((name, month), ())
            if not rows:
                continue
            records = [row.snapshot(self.subject_of) for row in rows]
            result = lender.submit(records, label=f"{name} {month}")
            references = (
                RecordRef(submission.submission_id, index)
                for submission in result.submissions
                for index in range(submission.record_count)
            )
            for reference, record in zip(references, records, strict=True):
                self.furnished[reference] = Furnished(name, record)

    def query(self, month: Month) -> None:
        """Query a report for each application of a month."""
        applications = [one for one in self.population.applications if one.month == month]
        self.reports |= self._reports(applications, Purpose.CREDIT_APPLICATION)

    def review(self) -> tuple[Report, ...]:
        """Query a report on each applicant, by the lender of the first application."""
        first: dict[str, Application] = {}
        for application in self.population.applications:
            first.setdefault(application.person, application)
        reports = self._reports(list(first.values()), Purpose.ACCOUNT_REVIEW)
        return tuple(reports[application.reference] for application in first.values())

    def _reports(self, applications: Sequence[Application], purpose: Purpose) -> dict[str, Report]:
        """Query reports by the lenders of applications, each under a consent of its own.

        Returns:
            The reports by reference of the application.
        """
        consents = _at_once(lambda one: self._consent(one, purpose), applications)
        by_lender: dict[str, list[Inquiry]] = defaultdict(list)
        for application, consent_id in zip(applications, consents, strict=True):
            by_lender[application.lender].append(
                Inquiry(
                    subject_id=self.subject_of[application.person],
                    purpose=purpose,
                    consent_id=consent_id,
                    reference=application.reference,
                )
            )
        reports: dict[str, Report] = {}
        for name, inquiries in by_lender.items():
            with closing(self.lenders[name].query_many(inquiries)) as outcomes:
                for outcome in outcomes:
                    reports[outcome.request.reference] = outcome.answer
        return reports

    def _consent(self, application: Application, purpose: Purpose) -> str:
        with self._wallet(application.person) as wallet:
            return wallet.grant(
                application.lender,
                [Action.INQUIRE],
                [purpose],
                SECTIONS,
                history_months=HISTORY_MONTHS,
                expire=APPLY_FOR,
                max_uses=1,
                frequency=ONCE,
            ).consent_id

    def _wallet(self, person: str) -> Wallet:
        """Return the wallet of a person, to be closed after use."""
        return Wallet(
            self.agent,
            self.subject_of[person],
            self.keys[person],
            clock=self.sandbox.now,
            policy=PATIENCE,
        )


def _at_once(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Run work on items, a few at a time; return the results in order."""
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        return list(pool.map(work, items))
