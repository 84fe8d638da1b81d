"""An agent with the people it serves: they bind keys, grant consents and take them back,
place holds, dispute, and look at their own file.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from functools import partial

from bureau_client import (
    Action,
    ComplaintKind,
    ComplaintState,
    Consent,
    ConsentMode,
    DisputeReason,
    Frequency,
    FrequencyUnit,
    HoldKind,
    InquiryKind,
    Lender,
    Profile,
    Purpose,
    Section,
    SigningKey,
    Wallet,
)
from bureau_keys.notice_checks import place_of
from bureau_keys.secret_files import write_private
from tests.cluster.control_files import Direction
from tests.cluster.workers import consent_requests
from tests.cluster.workers.base import HURRIED, WorkerBase
from tests.cluster.workers.debts import DEBT_DATES
from tests.cluster.workers.deceived import deceived_person
from tests.cluster.workers.keys import KeySteps
from tests.cluster.workers.people import (
    KEYS,
    QUIET,
    QUIET_PEOPLE,
    identifiers,
    places_of,
    repaired_by,
)
from tests.cluster.workers.person import KeyState, Person
from tests.cluster.workers.repairs import REPAIRED_FIELD, REPAIRED_SINCE

HANDS = 2
SETUP_RATE = 25.0
TASKS = {
    "grant": 32,
    "furnishing": 8,
    "revoke": 13,
    "pause": 10,
    "resume": 11,
    "hold": 9,
    "lift": 5,
    "dispute": 5,
    "theft": 8,
    "complain": 8,
    "escalate": 5,
    "say": 2,
    "answer": 12,
    "look": 6,
    "doubt": 4,
    "rotate": 2,
    "keys": 10,
}
# Attempts to give a person without a key a new one, once the run is over.
RECOVERIES = 10
# Of the consents to inquire, this share lets the lender keep its reports for a day.
STORES = 0.3
SECTIONS = [section for section in Section if section]
ACTIVE, PAUSED, REVOKED, UNKNOWN = "active", "paused", "revoked", "unknown"
REPLACED = "replaced"
# Of so many consents to inquire one replaces an earlier one.
REPLACING = 4
# What lenders may inquire for, and how often in proportion; a freeze stops those who hold no
# account, whatever it is.
PURPOSES = {Purpose.CREDIT_APPLICATION: 6, Purpose.ACCOUNT_REVIEW: 3, Purpose.COLLECTION: 1}
# SHA-256 of the documents of a dispute for identity theft: the report of it, and a passport.
DOCUMENTS = [b"\1" * 32, b"\2" * 32]
# Of these disputes, the part that lacks one document and blocks nothing.
UNDOCUMENTED = 0.2
MONITORING = [Section.SUMMARY, Section.TRADELINES, Section.INQUIRIES, Section.DISPUTES]


def run(base: WorkerBase) -> None:
    """Works until the run is over, and settles what is unknown."""
    worker = WalletWorker(base)
    worker.begin()
    base.started()
    hands = [threading.Thread(target=worker.work, args=(n,)) for n in range(HANDS)]
    for hand in hands:
        hand.start()
    while not base.over:
        for direction in base.directions():
            worker.follow(direction)
        base.journal.settle_one()
        time.sleep(0.5)
    for hand in hands:
        hand.join()
    worker.recover_keys()
    base.journal.close()
    worker.keep_keys()


class WalletWorker:
    """One agent at work; its threads share it."""

    def __init__(self, worker: WorkerBase) -> None:
        self.worker, self.journal = worker, worker.journal
        self.people: list[Person] = []
        self.lenders = [lender.member_id for lender in worker.topology.of_kind("lender")]
        (self.issuer,) = (issuer.member_id for issuer in worker.topology.of_kind("issuer"))
        attesters = worker.topology.of_kind("attester")
        self._keys = KeySteps(
            worker,
            [self._lender(attester.profile) for attester in attesters],
            partial(self._wallet, 0),
            self._grant_first,
        )
        self._directory = self._lender(attesters[0].directory)

    def begin(self) -> None:
        """Everybody gets a wallet, and consents so that lenders can begin."""
        topology = self.worker.topology
        numbers = identifiers(topology)
        places = places_of(topology, self.worker.member.member_id)
        mine = [numbers[index] for index in places]
        repairers = {
            index: lender for lender in self.lenders for index in repaired_by(topology, lender)
        }
        while not self.people and not self.worker.over:
            subject_ids = self.journal.attempt(
                "evaluate",
                self._directory,
                lambda: self._directory.subject_ids(mine),
                count=len(mine),
            )
            self.people = [
                Person(
                    self._wallet(index, subject, self._keys.new_key(subject)),
                    repairer=repairers.get(places[index], ""),
                    careful=bool(index % 2),
                    quiet=index >= len(mine) - QUIET_PEOPLE,
                )
                for index, subject in enumerate(subject_ids or [])
            ]
            if not subject_ids:
                time.sleep(1)
        for person in self.people:
            self._settle_in(person)

    def _lender(self, folder: str) -> Lender:
        return Lender(Profile.load(folder), policy=HURRIED, before_send=self.journal.heard)

    def _wallet(self, index: int, subject_id: str, key: SigningKey) -> Wallet:
        return Wallet(
            self.worker.profile(index),
            subject_id,
            key,
            policy=HURRIED,
            before_send=self.journal.heard,
        )

    def _settle_in(self, person: Person) -> None:
        """Bind a first key, and grant the first consents."""
        bound: list[Person] = []
        while not bound and not self.worker.over:
            self._keys.attest(
                person, person.wallet, 0, lambda: bound.append(person), replaces=False
            )
        person.bound = bool(bound)
        if bound:
            self._grant_first(person)
        if person.quiet:
            folder = self.worker.folder / QUIET
            folder.mkdir(exist_ok=True)
            (folder / person.wallet.subject_id).touch()

    def _grant_first(self, person: Person) -> None:
        """Let every lender furnish and monitor, and one inquire.

        The issuer opens cards for those alone whose accounts the operator does not erase.
        """
        for lender in self.lenders if person.quiet else [*self.lenders, self.issuer]:
            self._let_furnish(person, lender)
            self._grant(person, lender, [Action.MONITOR], [Purpose.ACCOUNT_REVIEW], MONITORING)
            time.sleep(1 / SETUP_RATE)
        self.grant(person)
        if not person.quiet:
            self._grant_review(person)

    # While it works.

    def work(self, number: int) -> None:
        """One hand, until the run is over."""
        chance = self.worker.dice(number)
        names, weights = list(TASKS), list(TASKS.values())
        while not self.worker.over and self.people:
            time.sleep(chance.uniform(0.5, 1.5) * HANDS / self.worker.rate)
            (task,) = chance.choices(names, weights)
            begun = [one for one in self.people if one.keys is not KeyState.OWN]
            person = chance.choice(begun if task == "keys" and begun else self.people)
            with person.turn:
                if person.bound and (task == "keys" or person.keys is not KeyState.LOST):
                    getattr(self, task)(person)

    def follow(self, direction: Direction) -> None:
        """Does what the run directs."""
        if direction.do == "revoke":
            for person in self.people:
                with person.turn:
                    if person.bound:
                        self.revoke(person)
            self.worker.done(direction)

    def recover_keys(self) -> None:
        """Give everybody a key in force, so that the auditor can read in their names."""
        self.journal.settle_all()
        for person in self.people:
            for _ in range(RECOVERIES):
                if person.keys is not KeyState.LOST:
                    break
                self._keys.recover(person)
                self.journal.settle_all()

    def keep_keys(self) -> None:
        """Leaves everybody's key for the auditor, who looks at what each of them sees."""
        folder = self.worker.folder / KEYS
        folder.mkdir(exist_ok=True)
        for person in self.people:
            key = person.wallet._signing.signer.key
            assert isinstance(key, SigningKey)
            write_private(folder / f"{person.wallet.subject_id}.pem", key.to_pem(None))

    # What a person does.

    def grant(self, person: Person) -> None:
        """A consent to inquire, of few uses or of some; or for the issuer's reviews."""
        lender = self.worker.chance.choice([*self.lenders, self.issuer])
        if lender == self.issuer:
            self._grant_review(person)
            return
        uses = self.worker.chance.choice([1, 2, 3, 3, 5, 10])
        (purpose,) = self.worker.chance.choices(list(PURPOSES), list(PURPOSES.values()))
        earlier = self._replaceable(person, lender)
        stores = self.worker.chance.random() < STORES
        consent = self._grant(
            person, lender, [Action.INQUIRE], [purpose], SECTIONS, uses, earlier, stores
        )
        if consent:
            person.consents[consent.consent_id] = ACTIVE
            person.grantees[consent.consent_id] = lender

    def _replaceable(self, person: Person, lender: str) -> str:
        """Choose an earlier consent for a lender that the next one replaces; empty for none."""
        able = [
            name
            for name, grantee in person.grantees.items()
            if grantee == lender and person.consents.get(name) in {ACTIVE, PAUSED}
        ]
        if not able or self.worker.chance.randrange(REPLACING):
            return ""
        return self.worker.chance.choice(able)

    def _grant_review(self, person: Person) -> None:
        """Grant the issuer a consent to inquire for reviews of the card, five in a month."""
        consent = self._grant(
            person, self.issuer, [Action.INQUIRE], [Purpose.ACCOUNT_REVIEW], SECTIONS
        )
        if consent:
            person.consents[consent.consent_id] = ACTIVE

    def answer(self, person: Person) -> None:
        """Answer a request of a lender."""
        consent = consent_requests.answer(self.journal, person, self.worker.chance)
        if consent:
            person.consents[consent.consent_id] = ACTIVE

    def furnishing(self, person: Person) -> None:
        """Forbid the lender that repairs an account to furnish, or let it again.

        Its corrections need no consent; whatever makes the account worse does.
        """
        consent_id, person.furnishing = person.furnishing, ""
        if not person.repairer:
            return
        if not consent_id:
            self._let_furnish(person, person.repairer)
            return
        self.journal.attempt(
            "revoke",
            person.wallet,
            lambda: person.wallet.revoke(consent_id),
            receipt=lambda consent: consent.receipt,
            subject=person.wallet.subject_id,
            consent=consent_id,
        )

    def _let_furnish(self, person: Person, lender: str) -> None:
        consent = self._grant(person, lender, [Action.FURNISH])
        if consent and lender == person.repairer:
            person.furnishing = consent.consent_id

    def _grant(
        self,
        person: Person,
        lender: str,
        actions: list[Action],
        purposes: list[Purpose] | None = None,
        sections: list[Section] | None = None,
        uses: int = 0,
        replaces: str = "",
        stores: bool = False,
    ) -> Consent | None:
        wallet = person.wallet
        was = person.consents.get(replaces, "")

        def settled(accepted: bool) -> None:
            if replaces:
                person.consents[replaces] = REPLACED if accepted else was

        if replaces:
            person.consents[replaces] = UNKNOWN
        review = Purpose.ACCOUNT_REVIEW in (purposes or [])
        frequency = Frequency(FrequencyUnit.MONTH, 5) if review else None
        return self.journal.attempt(
            "grant",
            wallet,
            lambda: wallet.grant(
                lender,
                actions,
                purposes or [],
                sections or [],
                expire=timedelta(days=20),
                max_uses=uses,
                frequency=frequency,
                replaces=replaces or None,
                mode=ConsentMode.STORE if stores else ConsentMode.VIEW,
                data_life=timedelta(days=1) if stores else timedelta(0),
            ),
            receipt=lambda consent: consent.receipt,
            then=settled,
            replaces=replaces,
            subject=wallet.subject_id,
            grantee=lender,
            actions=[action.name for action in actions],
            purposes=[purpose.name for purpose in purposes or []],
            max_uses=uses,
            monthly=frequency.value if frequency else 0,
        )

    def revoke(self, person: Person) -> None:
        """Takes a consent back for good."""
        self._change(person, "revoke", {ACTIVE, PAUSED}, REVOKED)

    def pause(self, person: Person) -> None:
        """Pauses a consent."""
        self._change(person, "pause", {ACTIVE}, PAUSED)

    def resume(self, person: Person) -> None:
        """Ends a pause."""
        self._change(person, "resume", {PAUSED}, ACTIVE)

    def _change(self, person: Person, kind: str, before: set[str], after: str) -> None:
        able = [name for name, state in person.consents.items() if state in before]
        if not able:
            return
        consent_id = self.worker.chance.choice(able)
        was, person.consents[consent_id] = person.consents[consent_id], UNKNOWN
        change = getattr(person.wallet, kind)

        def settled(accepted: bool) -> None:
            person.consents[consent_id] = after if accepted else was

        self.journal.attempt(
            kind,
            person.wallet,
            lambda: change(consent_id, "" if person.quiet else "by the harness"),
            receipt=lambda consent: consent.receipt,
            then=settled,
            subject=person.wallet.subject_id,
            consent=consent_id,
        )

    def hold(self, person: Person) -> None:
        """Freeze the file; the lender that repairs an account may review it, or collect."""
        if person.hold or not person.careful:
            return
        wallet = person.wallet
        held = self.journal.attempt(
            "hold",
            wallet,
            lambda: wallet.place_hold(HoldKind.SECURITY_FREEZE),
            subject=wallet.subject_id,
        )
        person.hold = held.hold_id if held else ""
        if held and person.repairer:
            purpose = self.worker.chance.choice([Purpose.ACCOUNT_REVIEW, Purpose.COLLECTION])
            consent = self._grant(person, person.repairer, [Action.INQUIRE], [purpose], SECTIONS)
            if consent:
                person.consents[consent.consent_id] = ACTIVE

    def lift(self, person: Person) -> None:
        """Ends the freeze."""
        if not person.hold:
            return
        wallet, hold_id = person.wallet, person.hold
        if self.journal.attempt(
            "lift",
            wallet,
            lambda: wallet.lift_hold(hold_id),
            subject=wallet.subject_id,
            hold=hold_id,
        ):
            person.hold = ""

    def dispute(self, person: Person) -> None:
        """Challenges what some account says."""
        if person.quiet:
            return
        wallet = person.wallet
        file = self.journal.read("file", wallet.file, subject=wallet.subject_id)
        if file and file.tradelines:
            repaired = [one for one in file.tradelines if one.open_date == REPAIRED_SINCE]
            line = self.worker.chance.choice([*file.tradelines, *repaired * 3])
            field, reason = "balance_minor", DisputeReason.WRONG_AMOUNT
            if line in repaired:
                field, reason = REPAIRED_FIELD, DisputeReason.WRONG_DATES
            self.journal.attempt(
                "dispute",
                wallet,
                lambda: wallet.dispute(line.tradeline_id, field=field, reason=reason),
                subject=wallet.subject_id,
                tradeline=line.tradeline_id,
            )

    def theft(self, person: Person) -> None:
        """Say that an identity thief made a debt; with both documents that blocks it."""
        if person.quiet:
            return
        wallet, chance = person.wallet, self.worker.chance
        file = self.journal.read("file", wallet.file, subject=wallet.subject_id)
        debts = [one for one in file.tradelines if one.open_date in DEBT_DATES] if file else []
        if debts:
            line = chance.choice(debts)
            documents = DOCUMENTS[chance.random() < UNDOCUMENTED :]
            self.journal.attempt(
                "dispute",
                wallet,
                lambda: wallet.dispute(
                    line.tradeline_id,
                    field="parties",
                    reason=DisputeReason.IDENTITY_THEFT,
                    narrative="never opened",
                    attachment_digests=documents,
                ),
                subject=wallet.subject_id,
                tradeline=line.tradeline_id,
                documents=len(documents),
            )

    def complain(self, person: Person) -> None:
        """Complain about an inquiry that the person did not ask for."""
        if person.quiet:
            return
        wallet = person.wallet
        asked = self.journal.read(
            "inquiries", lambda: wallet.inquiries(limit=20), subject=wallet.subject_id
        )
        hard = [one for one in asked or [] if one.kind is InquiryKind.HARD and one.leaf_index >= 0]
        if not hard:
            return
        inquiry = self.worker.chance.choice(hard)
        self.journal.attempt(
            "complain",
            wallet,
            lambda: wallet.complain(
                inquiry.member_id, ComplaintKind.INQUIRY_NOT_ASKED_FOR, inquiry.inquiry_id
            ),
            subject=wallet.subject_id,
            inquiry=inquiry.inquiry_id,
            about=inquiry.member_id,
        )

    def escalate(self, person: Person) -> None:
        """Take a rejected complaint to the operator."""
        wallet = person.wallet
        complaints = self.journal.read(
            "complaints", lambda: wallet.complaints(limit=20), subject=wallet.subject_id
        )
        rejected = [
            one
            for one in complaints or []
            if one.state is ComplaintState.ANSWERED and one.escalate_until_time
        ]
        if rejected:
            complaint = self.worker.chance.choice(rejected)
            self.journal.attempt(
                "escalate",
                wallet,
                lambda: wallet.escalate(complaint.complaint_id),
                subject=wallet.subject_id,
                complaint=complaint.complaint_id,
            )

    def say(self, person: Person) -> None:
        """Puts words of their own on the file."""
        if person.quiet:
            return
        wallet = person.wallet
        text = f"said at {datetime.now(UTC):%H:%M:%S}"
        self.journal.attempt(
            "statement",
            wallet,
            lambda: wallet.set_statement(text),
            receipt=lambda receipt: receipt,
            subject=wallet.subject_id,
        )

    def look(self, person: Person) -> None:
        """Read the inquiries about a person and the person's file."""
        wallet = person.wallet
        self.journal.read(
            "inquiries", lambda: wallet.inquiries(limit=20), subject=wallet.subject_id
        )
        self.journal.read("file", wallet.file, subject=wallet.subject_id)
        self.journal.read("notices", lambda: wallet.notices(limit=5), subject=wallet.subject_id)
        # The stream, as a wallet opens it that was just installed.
        self.journal.read(
            "hear",
            lambda: next(iter(wallet.watch_notices())),
            more=lambda notice: {
                "leaf": place_of(notice.notice_id).leaf_index,
                "kind": notice.kind.name,
            },
            subject=wallet.subject_id,
        )

    def doubt(self, person: Person) -> None:
        """Read through a node that lies."""
        deceived_person(self.worker, self.worker.chance, person.wallet)

    def keys(self, person: Person) -> None:
        """Take the next step with a person's keys; a key that took their place signs first."""
        taken = person.keys is KeyState.TAKEN
        if taken and not person.consents.keys() - person.granted_before:
            self.grant(person)
            return
        self._keys.step(person, self.worker.chance)

    def rotate(self, person: Person) -> None:
        """Replace the key; until it is known which one counts, nothing is signed."""
        if person.keys is KeyState.WAITS:
            return
        fresh, old = self._keys.new_key(person.wallet.subject_id), person.wallet
        person.bound = False

        def settled(accepted: bool) -> None:
            if accepted and old._signing.signer.key is not fresh:
                person.wallet = self._wallet(0, old.subject_id, fresh)
            person.bound = True

        self.journal.attempt(
            "rotate",
            old,
            lambda: old.rotate_key(fresh),
            receipt=lambda receipt: receipt,
            then=settled,
            subject=old.subject_id,
        )
