"""Everybody at the bureau: lenders, an agent, a reader, and people who consent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from bureau_client import (
    Action,
    IdentificationMethod,
    Lender,
    Profile,
    Purpose,
    Section,
    SigningKey,
    Wallet,
)
from tests.demo.world import identifier
from tests.reconcile.inbox import Inbox

T = TypeVar("T")
R = TypeVar("R")

# Admits a member with these roles and purposes: `RunningBureau.add_member`, or the like.
Admit = Callable[[str, Sequence[str], Sequence[str]], Profile]

LENDER = ("furnisher", "subscriber", "attester")
# A purpose whose inquiries leave no mark on the file.
PURPOSE = Purpose.WRITTEN_INSTRUCTION
SECTIONS = (Section.TRADELINES, Section.PAYMENT_HISTORY, Section.EVIDENCE)
AT_ONCE = 6
LONGEST_HISTORY = 120


@dataclass(frozen=True, slots=True)
class Scenario:
    """Who is there.

    Attributes:
        lenders: By member id.
        reader: The member that everybody lets read their file.
        subject_of: Subject ids of creforge's people.
        consent_of: The consent that each of them gave the reader.
    """

    lenders: dict[str, Lender]
    reader: Lender
    subject_of: dict[str, str]
    consent_of: dict[str, str]

    @property
    def person_of(self) -> dict[str, str]:
        """creforge's people by their subject ids."""
        return {subject_id: person for person, subject_id in self.subject_of.items()}


@contextmanager
def settled(admit: Admit, inbox: Inbox) -> Iterator[Scenario]:
    """A bureau's members and people, ready for the files; connections close at the end
    of the block.
    """
    with ExitStack() as closing:
        lenders = {
            name: closing.enter_context(Lender(admit(name, LENDER, ()))) for name in inbox.lenders
        }
        agent = admit("agent", ["agent"], ())
        reader = closing.enter_context(
            Lender(admit("reader", ["subscriber"], ["written-instruction"]))
        )
        host = next(iter(lenders.values()))
        wanted = [identifier(number) for number in range(len(inbox.people))]
        subject_of = dict(zip(inbox.people, host.subject_ids(wanted), strict=True))
        furnishers: dict[str, list[str]] = {person: [] for person in inbox.people}
        for name in inbox.lenders:
            for person in inbox.customers[name]:
                furnishers[person].append(name)

        def settle(person: str) -> str:
            with Wallet(agent, subject_of[person], SigningKey.generate()) as wallet:
                return consented(wallet, host, furnishers[person], reader.member_id)

        consents = at_once(settle, inbox.people)
        yield Scenario(lenders, reader, subject_of, dict(zip(inbox.people, consents, strict=True)))


def consented(wallet: Wallet, attester: Lender, furnishers: Iterable[str], reader: str) -> str:
    """Attests somebody's key; they let lenders furnish, and the reader inquire.

    Returns:
        The id of the consent to inquire.
    """
    attester.attest(
        wallet.binding(),
        method=IdentificationMethod.IN_PERSON,
        identify_time=datetime.now(UTC),
    )
    for name in furnishers:
        wallet.grant(name, [Action.FURNISH], expire=timedelta(days=365))
    consent = wallet.grant(
        reader,
        [Action.INQUIRE],
        [PURPOSE],
        SECTIONS,
        expire=timedelta(days=365),
        history_months=LONGEST_HISTORY,
    )
    return consent.consent_id


def at_once(work: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """Runs work on things, a few at a time; the results in their order."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(work, things))
