"""A bureau, lenders and people, driven through the SDK alone."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from bureau.admin.bureau_folder import InitOptions
from bureau.admin.erasure import Cause, Plan, erase_all
from bureau.admin.findings import Finding
from bureau.admin.integrity import check_database
from bureau.admin.operator import Operator
from bureau.clock import Clock
from bureau.config import Settings
from bureau.store.database import Database
from bureau.testing import RunningBureau, running_bureau
from bureau_client import (
    AccountStatus,
    Action,
    EvidenceLevel,
    IdentificationMethod,
    Lender,
    Month,
    Party,
    PortfolioType,
    Profile,
    Purpose,
    Record,
    Report,
    RetryPolicy,
    Section,
    SigningKey,
    Snapshot,
    StatementKey,
    SubmissionKind,
    Wallet,
)
from creditbureau.v1.members_pb2 import MEMBER_STATE_SUSPENDED
from tests.service.raw import Person

LENDER = ("furnisher", "subscriber", "attester")
PURPOSES = ("credit-application", "account-review", "collection", "written-instruction")
ALL_SECTIONS = [section for section in Section if section]
DAY = timedelta(days=1)
# A day on which accounts that were reported for May 2026, or later, are still reported.
AUTUMN_2026 = datetime(2026, 11, 15, 12, tzinfo=UTC)
# A stream that brings nothing ends a test, not hangs it.
PATIENCE = RetryPolicy(read_seconds=60, write_seconds=60, stream_seconds=20, attempts=3)


_numbers = count(secrets.randbelow(10**8))


def fresh_number() -> str:
    """A social security number that was never issued, another one each time: area 9."""
    return f"9{next(_numbers) % 10**8:08}"


@dataclass
class Scenario:
    """Lenders by name, and an agent that carries what people sign."""

    bureau: RunningBureau
    clock: Clock
    lenders: dict[str, Lender]
    agent: Any
    closing: ExitStack
    profiles: dict[str, Profile] = field(default_factory=dict)
    keys: dict[str, SigningKey] = field(default_factory=dict)

    def now(self) -> datetime:
        """The bureau's time: everybody in the open_scenario has it."""
        return datetime.fromtimestamp(self.clock.now_us() / 1e6, UTC)

    def later(self, time: timedelta) -> None:
        """Time passes, for everybody."""
        self.clock.offset_us += time // timedelta(microseconds=1)

    def lender(self, name: str, *, group: str = "", roles: Sequence[str] = LENDER) -> Lender:
        """A further lender."""
        profile = self.bureau.add_member(name, roles, PURPOSES, group=group)
        self.profiles[name] = profile
        lender = self.closing.enter_context(Lender(profile, clock=self.now, policy=PATIENCE))
        self.lenders[name] = lender
        return lender

    def suspend(self, name: str) -> None:
        """The operator suspends a lender."""
        with Operator(self.bureau.operator) as operator:
            operator.set_state(name, MEMBER_STATE_SUSPENDED)

    def person(self, *furnishers: str, number: str = "") -> Wallet:
        """Somebody whose key is attested, and who lets lenders furnish: all, if none is
        named.
        """
        name, lender = next(iter(self.lenders.items()))
        subject_id = lender.subject_id("US", "ssn", number or fresh_number())
        wallet = self.attested(name, subject_id)
        for furnisher in furnishers or self.lenders:
            wallet.grant(furnisher, [Action.FURNISH], expire=365 * DAY)
        return wallet

    def attested(
        self,
        name: str,
        subject_id: str,
        *,
        key: StatementKey | None = None,
        replaces: bool = False,
    ) -> Wallet:
        """A wallet with a key, a new one if none is passed, that a lender attests to be a
        subject's.
        """
        key = key or SigningKey.generate()
        assert isinstance(key, SigningKey)
        self.keys[subject_id] = key
        wallet = Wallet(self.agent, subject_id, key, clock=self.now)
        self.closing.enter_context(wallet)
        self.lenders[name].attest(
            wallet.binding(),
            method=IdentificationMethod.IN_PERSON,
            identify_time=self.now() - timedelta(minutes=1),
            replaces=replaces,
        )
        return wallet

    def signing(self, wallet: Wallet) -> Person:
        """The same person, to sign whatever a test wants."""
        origin = self.agent.trust.origin
        return Person(wallet.subject_id, self.keys[wallet.subject_id], origin)

    @contextmanager
    def database(self) -> Iterator[Database]:
        """The bureau's database, as its operator opens it beside the serving node."""
        database = Database(Settings.load(self.bureau.folder).database)
        try:
            yield database
        finally:
            database.dispose()

    def erase(self, subject_id: str = "", *, before_month: int = 0) -> Plan:
        """Erase as the operator's command line does, beside the serving node."""
        settings = Settings.load(self.bureau.folder)
        return erase_all(settings, Cause(subject_id, before_month), self.clock)

    def findings(self) -> list[Finding]:
        """Run the check of the whole database."""
        settings = Settings.load(self.bureau.folder)
        with self.database() as database:
            return check_database(database, settings).findings

    def inquiring(self, wallet: Wallet, name: str, **changes: Any) -> str:
        """A consent to inquire; its id."""
        terms: dict[str, Any] = {
            "purposes": [Purpose.CREDIT_APPLICATION],
            "sections": ALL_SECTIONS,
            "history_months": 36,
            "max_uses": 10,
            "expire": 20 * DAY,
        }
        return wallet.grant(name, [Action.INQUIRE], **(terms | changes)).consent_id

    def report(
        self,
        wallet: Wallet,
        name: str,
        evidence: EvidenceLevel = EvidenceLevel.NONE,
        **changes: Any,
    ) -> Report:
        """A report on somebody to a lender, under a consent of its own."""
        consent_id = self.inquiring(wallet, name, **changes)
        return self.lenders[name].query(
            wallet.subject_id,
            purpose=Purpose.CREDIT_APPLICATION,
            consent_id=consent_id,
            evidence=evidence,
        )

    def submit(
        self, name: str, *records: Record, kind: SubmissionKind = SubmissionKind.ORIGINAL
    ) -> str:
        """Submits records; returns the submission's id."""
        (submission,) = self.lenders[name].submit(records, kind=kind).submissions
        return submission.submission_id


def account(wallet: Wallet, ref: str, month: Month, **changes: Any) -> Snapshot:
    """A month of a credit card of somebody's own."""
    fields: dict[str, Any] = {
        "account_ref": f"{wallet.subject_id[:10]}-{ref}",
        "month": month,
        "parties": (Party(wallet.subject_id),),
        "portfolio_type": PortfolioType.REVOLVING,
        "account_type": "18",
        "currency": "USD",
        "open_date": date(2020, 1, 31),
        "status": AccountStatus.CURRENT,
        "balance_minor": 100_00,
        "credit_limit_minor": 1_000_00,
        "amount_due_minor": 5_00,
    }
    return Snapshot(**(fields | changes))


def clock_of(day: datetime, years: int = 10) -> Clock:
    """The clock of a bureau on another day, which can be moved some years further."""
    return Clock.moved_to(_micros(day), _micros(datetime.now(UTC) + years * 365 * DAY))


def _micros(time: datetime) -> int:
    return int(time.timestamp()) * 1_000_000


@contextmanager
def open_scenario(
    *names: str,
    jurisdiction: str = "US",
    clock: Clock | None = None,
    policy_file: Path | None = None,
    database_url: str = "",
    **overrides: Any,
) -> Iterator[Scenario]:
    """A bureau with lenders; its clock can be moved, and everybody follows.

    Args:
        overrides: Settings of the node.
    """
    clock = clock or Clock()
    with ExitStack() as closing:
        plan = InitOptions(
            jurisdiction=jurisdiction, policy_file=policy_file, database_url=database_url
        )
        bureau = closing.enter_context(running_bureau(plan=plan, clock=clock, **overrides))
        agent = bureau.add_member("agent", ["agent"])
        scenario = Scenario(bureau, clock, {}, agent, closing)
        for name in names or ("acme", "brook"):
            scenario.lender(name)
        yield scenario
