"""The main job, step by step, through the SDK alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from bureau.admin.operator import Operator
from bureau_client import (
    Action,
    Consent,
    EvidenceLevel,
    IdentificationMethod,
    Lender,
    Purpose,
    Receipt,
    Report,
    Section,
    SigningKey,
    Submission,
    Wallet,
)
from bureau_keys.profile import Profile
from tests.demo.sandbox import Sandbox
from tests.demo.world import World, identifier

T = TypeVar("T")
R = TypeVar("R")

WALLETS, AUDITOR = "wallets", "auditor"
AT_ONCE = 6
REPORT_SECTIONS = (
    Section.SUMMARY,
    Section.TRADELINES,
    Section.PAYMENT_HISTORY,
    Section.INQUIRIES,
    Section.EVIDENCE,
)

Step = Callable[[str, int], "OnDone"]
OnDone = Callable[[], None]


@dataclass(slots=True)
class Scenario:
    """Everybody at the bureau, and what they hold in their hands.

    Attributes:
        lenders: Each lender's client.
        wallets: The agent's profile, through which wallets reach the bureau.
        subject_of: Subject id of each person.
        keys: Each person's own key.
        furnishing: Consents to furnish.
        inquiring: Consents to inquire, by person and lender.
    """

    world: World
    lenders: dict[str, Lender] = field(default_factory=dict)
    wallets: Profile | None = None
    auditor: Profile | None = None
    subject_of: dict[str, str] = field(default_factory=dict)
    keys: dict[str, SigningKey] = field(default_factory=dict)
    attestations: list[Receipt] = field(default_factory=list)
    furnishing: list[Consent] = field(default_factory=list)
    inquiring: dict[tuple[str, str], Consent] = field(default_factory=dict)
    submissions: list[Submission] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)

    def wallet(self, person: str) -> Wallet:
        """A person's wallet, to be closed after use."""
        assert self.wallets is not None, "the agent is admitted first"
        return Wallet(self.wallets, self.subject_of[person], self.keys[person])


def admit_members(scenario: Scenario, sandbox: Sandbox, step: Step) -> None:
    """1. Every lender is admitted, with certificate and keys; an agent, an auditor."""
    done = step("admitting members", len(scenario.world.lenders) + 2)
    with Operator(sandbox.operator) as operator:
        for member_id in scenario.world.lenders:
            name = f"Lender {int(member_id.removeprefix('lender-'))}"
            roles = ("furnisher", "subscriber", "attester")
            purposes = ("credit-application", "account-review")
            profile = sandbox.admit(operator, member_id, name, roles, *purposes)
            scenario.lenders[member_id] = Lender(profile)
            done()
        scenario.wallets = sandbox.admit(operator, WALLETS, "The wallets' operator", ("agent",))
        done()
        scenario.auditor = sandbox.admit(operator, AUDITOR, "An auditor", ("auditor",))
        done()


def find_subjects(scenario: Scenario, step: Step) -> None:
    """2. Each lender turns its customers' identifiers into subject ids, blinded."""
    number_of = {person: number for number, person in enumerate(scenario.world.people)}
    known = {lender: set(people) for lender, people in scenario.world.customers.items()}
    for application in scenario.world.applications:
        known.setdefault(application.lender, set()).add(application.person)
    met = set().union(*known.values())
    first = scenario.world.lenders[0]
    known.setdefault(first, set()).update(set(scenario.world.people) - met)
    done = step("asking the directory for subject ids", len(known))

    def ask(lender: str) -> list[tuple[str, str]]:
        people = sorted(known[lender])
        wanted = [identifier(number_of[person]) for person in people]
        subject_ids = scenario.lenders[lender].subject_ids(wanted)
        done()
        return list(zip(people, subject_ids, strict=True))

    for pairs in at_once(ask, sorted(known)):
        for person, subject_id in pairs:
            if scenario.subject_of.setdefault(person, subject_id) != subject_id:
                raise AssertionError(f"two lenders got two subject ids for {person}")


def bind_keys(scenario: Scenario, step: Step) -> None:
    """3. Every subject gets a wallet, its key bound by a lender that knows them."""
    attesters = {
        person: lender for lender, them in scenario.world.customers.items() for person in them
    }
    done = step("binding subjects' keys", len(scenario.world.people))

    def bind(person: str) -> Receipt:
        lender = scenario.lenders[attesters.get(person, scenario.world.lenders[0])]
        with scenario.wallet(person) as wallet:
            receipt = lender.attest(
                wallet.binding(),
                method=IdentificationMethod.EXISTING_CUSTOMER,
                identify_time=datetime.now(UTC),
            )
        done()
        return receipt

    scenario.keys = {person: SigningKey.generate() for person in scenario.world.people}
    scenario.attestations = at_once(bind, scenario.world.people)


def grant_consents(scenario: Scenario, step: Step) -> None:
    """4. Subjects consent: to be furnished by their lenders, to be asked for."""
    furnishers: dict[str, list[str]] = {person: [] for person in scenario.world.people}
    for lender, people in scenario.world.customers.items():
        for person in people:
            furnishers[person].append(lender)
    subscribers: dict[str, set[str]] = {person: set() for person in scenario.world.people}
    for application in scenario.world.applications:
        subscribers[application.person].add(application.lender)
    pairs = sum(map(len, furnishers.values())) + sum(map(len, subscribers.values()))
    done = step("granting consents", pairs)

    def grant(person: str) -> tuple[list[Consent], dict[tuple[str, str], Consent]]:
        furnish, inquire = [], {}
        with scenario.wallet(person) as wallet:
            for lender in sorted(furnishers[person]):
                furnish.append(wallet.grant(lender, [Action.FURNISH], expire=timedelta(days=1800)))
                done()
            for lender in sorted(subscribers[person]):
                inquire[person, lender] = wallet.grant(
                    lender,
                    [Action.INQUIRE],
                    [Purpose.CREDIT_APPLICATION],
                    REPORT_SECTIONS,
                    expire=timedelta(days=30),
                    history_months=36,
                    max_uses=10,
                )
                done()
        return furnish, inquire

    for furnish, inquire in at_once(grant, scenario.world.people):
        scenario.furnishing += furnish
        scenario.inquiring |= inquire


def submit_months(scenario: Scenario, step: Step) -> None:
    """5. Every lender submits every month: one signature for each batch."""
    world = scenario.world
    done = step("submitting records", world.snapshot_count)

    def submit(lender: str) -> list[Submission]:
        submissions: list[Submission] = []
        for month in world.months:
            rows = world.files.get((lender, month), [])
            if rows:
                records = [row.snapshot(scenario.subject_of) for row in rows]
                submissions += (
                    scenario.lenders[lender].submit(records, label=f"{month}").submissions
                )
                for _ in rows:
                    done()
        return submissions

    for submissions in at_once(submit, world.lenders):
        scenario.submissions += submissions


def query_reports(scenario: Scenario, step: Step) -> None:
    """6. Lenders ask for a report on every application, under the consent for it."""
    done = step("querying reports", len(scenario.inquiring))

    def ask(pair: tuple[str, str]) -> Report:
        person, lender = pair
        report = scenario.lenders[lender].query(
            scenario.subject_of[person],
            purpose=Purpose.CREDIT_APPLICATION,
            consent_id=scenario.inquiring[pair].consent_id,
            evidence=EvidenceLevel.NEWEST,
        )
        done()
        return report

    scenario.reports = at_once(ask, sorted(scenario.inquiring))


def at_once(work: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """Runs work on things, a few at a time; the results in their order."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(work, things))


@contextmanager
def closing(scenario: Scenario) -> Iterator[None]:
    """Closes the lenders' connections at the end of the block."""
    with ExitStack() as stack:
        try:
            yield
        finally:
            for lender in scenario.lenders.values():
                stack.callback(lender.close)
