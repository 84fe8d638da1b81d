"""Keys of people replaced and repudiated, one step at a time.

An attester binds a new key in place of a person's. The person approves it or vetoes it; or a
second attester brings it in force against the person's will, it signs for a while, and the
earlier key repudiates it. Or two attesters repudiate the only key that a person has.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from bureau_client import IdentificationMethod, Lender, Receipt, SigningKey, Wallet
from bureau_keys.secret_files import write_private
from tests.cluster.workers.base import WorkerBase
from tests.cluster.workers.people import EVERY_KEY
from tests.cluster.workers.person import KeyState, Person

# Share of the persons with a key of their own whose only key two attesters repudiate.
DISOWNED = 0.2


@dataclass
class KeySteps:
    """The steps of one agent's people.

    Attributes:
        attesters: Two attesters of different groups.
        new_wallet: Returns a wallet of a subject with a key.
        grant_first: Grants the consents that a person begins with.
    """

    base: WorkerBase
    attesters: Sequence[Lender]
    new_wallet: Callable[[str, SigningKey], Wallet]
    grant_first: Callable[[Person], None]

    def new_key(self, subject_id: str) -> SigningKey:
        """Return a new key for a person, after it was kept for the auditor."""
        key = SigningKey.generate()
        folder = self.base.folder / EVERY_KEY / subject_id
        folder.mkdir(parents=True, exist_ok=True)
        write_private(folder / f"{key.verify_key.key_id}.pem", key.to_pem(None))
        return key

    def step(self, person: Person, chance: random.Random) -> None:
        """Do what comes next with a person's keys."""
        if person.keys is KeyState.OWN:
            if chance.random() < DISOWNED:
                self._disown(person)
            else:
                self._replace(person)
        elif person.keys is KeyState.WAITS:
            chance.choice([self._approve, self._veto, self._confirm, self._confirm])(person)
        elif person.keys is KeyState.TAKEN:
            self._repudiate(person)
        else:
            self.recover(person)

    def attest(
        self,
        person: Person,
        wallet: Wallet,
        attester: int,
        then: Callable[[], object],
        *,
        replaces: bool = True,
    ) -> None:
        """Have an attester bind a wallet's key.

        Args:
            then: Called once the attestation is known to be accepted.
        """
        lender, binding = self.attesters[attester], wallet.binding()

        def attested() -> Receipt:
            return lender.attest(
                binding,
                method=IdentificationMethod.EXISTING_CUSTOMER,
                identify_time=datetime.now(UTC) - timedelta(minutes=1),
                replaces=replaces,
            )

        self._do(person, "attest", lender, attested, then, receipt=_itself)

    def recover(self, person: Person) -> None:
        """Give a person without a key in force a new one, which two attesters attest."""
        if person.other is None:
            wallet = self.new_wallet(person.wallet.subject_id, self._fresh(person))

            def waits() -> None:
                person.other = wallet

            self.attest(person, wallet, 0, waits)
            return
        self.attest(person, person.other, 1, partial(_take, person, KeyState.OWN))
        if person.keys is KeyState.OWN and not self.base.over:
            self.grant_first(person)

    def _fresh(self, person: Person) -> SigningKey:
        return self.new_key(person.wallet.subject_id)

    def _replace(self, person: Person) -> None:
        """Have an attester bind another key, which waits."""
        key = self._fresh(person)
        wallet = self.new_wallet(person.wallet.subject_id, key)

        def waits() -> None:
            person.other, person.other_id = wallet, key.verify_key.key_id
            person.keys = KeyState.WAITS

        self.attest(person, wallet, 0, waits)

    def _confirm(self, person: Person) -> None:
        """Have a second attester bring the key in force that waits."""
        assert person.other
        self.attest(person, person.other, 1, partial(_take, person, KeyState.TAKEN))

    def _approve(self, person: Person) -> None:
        """Let the person agree to the key that waits."""
        wallet, key_id = person.wallet, person.other_id
        then = partial(_take, person, KeyState.OWN)
        self._do(
            person, "approve", wallet, lambda: wallet.approve_key(key_id), then, receipt=_itself
        )

    def _veto(self, person: Person) -> None:
        """Let the person repudiate the key that waits."""
        wallet, key_id = person.wallet, person.other_id

        def vetoed() -> None:
            person.other, person.keys = None, KeyState.OWN

        self._do(person, "repudiate", wallet, lambda: wallet.repudiate_key(key_id), vetoed)

    def _repudiate(self, person: Person) -> None:
        """Let the person's earlier key repudiate the one that took its place."""
        earlier, key_id = person.other, person.other_id
        assert earlier
        then = partial(_take, person, KeyState.OWN)
        self._do(person, "repudiate", earlier, lambda: earlier.repudiate_key(key_id), then)

    def _disown(self, person: Person) -> None:
        """Have two attesters repudiate the key in force."""
        subject_id = person.wallet.subject_id
        key_id = person.wallet._signing.signer.key.verify_key.key_id
        first, second = self.attesters
        said: list[Lender] = []

        def lost() -> None:
            person.keys = KeyState.LOST

        self._do(
            person,
            "repudiate",
            first,
            lambda: first.repudiate_key(subject_id, key_id),
            lambda: said.append(first),
        )
        if said:
            self._do(
                person, "repudiate", second, lambda: second.repudiate_key(subject_id, key_id), lost
            )

    def _do(
        self,
        person: Person,
        kind: str,
        client: Any,
        act: Callable[[], Any],
        then: Callable[[], object],
        *,
        receipt: Callable[[Any], Receipt | None] = lambda _: None,
    ) -> None:
        """Do one step, and wait until its outcome is known."""
        person.bound = False

        def settled(accepted: bool) -> None:
            if accepted:
                then()
            person.bound = True

        self.base.journal.attempt(
            kind,
            client,
            act,
            receipt=receipt,
            then=settled,
            subject=person.wallet.subject_id,
        )
        self.base.await_settled(lambda: person.bound)


def _take(person: Person, state: KeyState) -> None:
    """Let a person sign with their other wallet, and keep the one before for a repudiation."""
    assert person.other
    taken = state is KeyState.TAKEN
    person.granted_before = frozenset(person.consents)
    person.wallet, person.other = person.other, person.wallet if taken else None
    person.keys = state


def _itself(receipt: Receipt) -> Receipt:
    return receipt
