"""The lenders and people of a sandbox, as clients of the SDK. They call the contract as all
members do: what they sign with their own keys the bureau checks as in production.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol, Self

from bureau.sandbox.accounts import SandboxAccount
from bureau.sandbox.jurisdiction import Jurisdiction
from bureau_client._transport.retry import DEFAULT_POLICY, RetryPolicy
from bureau_client.models.codes import Action, IdentificationMethod, PartyRole, Purpose, Section
from bureau_client.models.months import Month
from bureau_client.models.records import Party
from bureau_client.models.reports import Report
from bureau_client.sync.lender import Lender
from bureau_client.sync.wallet import Wallet
from bureau_keys.profile import Profile
from bureau_keys.signing import SigningKey

# Member ids. The first attests the people's keys.
LENDERS = ("riverbank", "hillside", "meadow")
ATTESTER = "riverbank"
AGENT, AUDITOR = "wallets", "auditor"
LENDER_ROLES = ("furnisher", "subscriber", "attester")
PURPOSES = (
    "written-instruction",
    "credit-application",
    "account-review",
    "collection",
)
SECTIONS = tuple(section for section in Section if section)
HISTORY_MONTHS = 84
# Below the 1,830 days for which such a consent may run.
STANDING = timedelta(days=1825)
# Below the 31 days for which a consent for an application may run.
APPLICATION = timedelta(days=30)
APPLICATION_USES = 10


class Profiles(Protocol):
    """The members' profiles, the time that their statements carry, and the people's terms."""

    @property
    def jurisdiction(self) -> Jurisdiction:
        """The jurisdiction of the sandbox."""

    def profile(self, member_id: str) -> Profile:
        """Return the profile of a member, at the address where the node listens."""

    def now(self) -> datetime:
        """Return the sandbox's time."""


class World:
    """The clients of a sandbox's lenders, its agent and its people.

    Attributes:
        accounts: Accounts that were opened here, which their lenders furnish each month.
    """

    def __init__(self, profiles: Profiles, policy: RetryPolicy = DEFAULT_POLICY) -> None:
        self._profiles = profiles
        self._policy = policy
        self._closing = ExitStack()
        self._lenders: dict[str, Lender] = {}
        self._opening = threading.Lock()
        self.accounts: list[SandboxAccount] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every client."""
        self._closing.close()

    def now(self) -> datetime:
        """Return the sandbox's time."""
        return self._profiles.now()

    @property
    def jurisdiction(self) -> Jurisdiction:
        """The jurisdiction of the sandbox."""
        return self._profiles.jurisdiction

    def lender(self, name: str = ATTESTER) -> Lender:
        """Return the client of a lender."""
        with self._opening:
            if name not in self._lenders:
                profile = self._profile(name)
                client = Lender(profile, clock=self.now, policy=self._policy)
                self._lenders[name] = self._closing.enter_context(client)
            return self._lenders[name]

    def subject_ids(self, identifiers: Sequence[tuple[str, str, str]]) -> list[str]:
        """Return the subject ids of identifiers."""
        return self.lender().subject_ids(identifiers)

    def person(self, name: str = "") -> Person:
        """Return a new person, whose key is attested and whom each lender may report and query.

        Args:
            name: Name in the references of the person's accounts; empty makes one up.
        """
        own = self.jurisdiction
        (subject_id,) = self.subject_ids([(own.country, own.scheme, own.new_identifier())])
        return self.enrol(name or f"person-{secrets.token_hex(4)}", subject_id)

    def enrol(self, name: str, subject_id: str, key: SigningKey | None = None) -> Person:
        """Attest the key of a person, who lets each lender report and query them."""
        person = self.known(name, subject_id, key or SigningKey.generate())
        self.lender().attest(
            person.wallet.binding(),
            method=IdentificationMethod.IN_PERSON,
            identify_time=self.now() - timedelta(minutes=1),
        )
        for lender in LENDERS:
            person.consents[lender] = person.wallet.grant(
                lender,
                [Action.FURNISH, Action.INQUIRE, Action.MONITOR],
                [Purpose.WRITTEN_INSTRUCTION],
                SECTIONS,
                expire=STANDING,
                history_months=HISTORY_MONTHS,
            ).consent_id
        return person

    def known(self, name: str, subject_id: str, key: SigningKey) -> Person:
        """Return a person whose key is attested already."""
        agent = self._profile(AGENT)
        wallet = Wallet(agent, subject_id, key, clock=self.now, policy=self._policy)
        self._closing.enter_context(wallet)
        return Person(self, name, subject_id, wallet, key, {})

    def furnish(self, accounts: Sequence[SandboxAccount]) -> None:
        """Submit the histories of accounts, one submission for each lender, and keep the accounts
        that their lenders go on furnishing.
        """
        for name in LENDERS:
            own = [account for account in accounts if account.lender == name]
            records = [snapshot for account in own for snapshot in account.history()]
            if records:
                self.lender(name).submit(records)
        self.accounts += [account for account in accounts if not account.ends]

    def last_month(self) -> Month:
        """Return the newest month that has ended."""
        return Month.of(self.now()) - 1

    def _profile(self, member_id: str) -> Profile:
        # Without the memory of the folder, which belongs to the sandbox's user.
        return replace(self._profiles.profile(member_id), memory_folder=None)


@dataclass(slots=True)
class Person:
    """A person of the sandbox, with a key of their own.

    Attributes:
        name: Name of the person, in the references of their accounts.
        subject_id: The person's id.
        wallet: The person's client.
        key: The person's key.
        consents: Standing consent of each lender, to report and to query on the person's
            written instruction.
    """

    world: World
    name: str
    subject_id: str
    wallet: Wallet
    key: SigningKey
    consents: dict[str, str]

    def account(
        self,
        lender: str = ATTESTER,
        kind: str = "card",
        *,
        months: int = 12,
        missed: int = 0,
        use: int = 30,
        limit_minor: int = 500_000,
        role: PartyRole = PartyRole.INDIVIDUAL,
        others: Sequence[Party] = (),
    ) -> SandboxAccount:
        """Open an account, whose lender furnishes it up to the last month, and each month to come.

        Args:
            kind: `card`, `line` or `loan`.
            months: Months on file.
            missed: Payments missed in the newest month.
            use: Per cent of the limit, or of the loan, that is owed.
        """
        newest = self.world.last_month()
        account = SandboxAccount(
            lender=lender,
            ref=f"{self.name}-{kind}-{secrets.token_hex(4)}",
            kind=kind,
            parties=(Party(self.subject_id, role), *others),
            first=newest - (months - 1),
            newest=newest,
            use=use,
            limit=limit_minor,
            missed=missed,
            currency=self.world.jurisdiction.currency,
        )
        self.world.furnish([account])
        return account

    def consent(
        self, lender: str = ATTESTER, purpose: Purpose = Purpose.CREDIT_APPLICATION, **terms: Any
    ) -> str:
        """Sign a consent to inquire; return its id.

        Args:
            terms: Terms of `Wallet.grant`, in place of those of an application for credit.
        """
        usual: dict[str, Any] = {
            "expire": APPLICATION,
            "max_uses": APPLICATION_USES,
            "history_months": HISTORY_MONTHS,
        }
        granted = self.wallet.grant(
            lender, [Action.INQUIRE], [purpose], SECTIONS, **(usual | terms)
        )
        return granted.consent_id

    def report(self, lender: str = ATTESTER) -> Report:
        """Query a report on the person's written instruction."""
        consent = self.consents.get(lender) or self.world.lender(lender).usable_consent(
            self.subject_id, Purpose.WRITTEN_INSTRUCTION
        )
        return self.world.lender(lender).query(
            self.subject_id, purpose=Purpose.WRITTEN_INSTRUCTION, consent_id=consent
        )
