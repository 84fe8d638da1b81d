"""A lender: it furnishes month after month, and asks for reports under whatever consents
it holds, stale ones too.

Part of what it signs goes to two nodes at once, or once more much later; at times several
threads use up one consent together.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from bureau_client import (
    Action,
    ComplaintOutcome,
    Consent,
    ConsentState,
    Decision,
    DecisionBasis,
    DecisionOutcome,
    DecisionReason,
    DisputeOutcome,
    DisputeReason,
    EvidenceLevel,
    Lender,
    Profile,
    Purpose,
    Receipt,
    Report,
    SigningKey,
    Statement,
    StatementKey,
)
from bureau_keys.envelope import peek, seal
from bureau_keys.secret_files import write_private
from creditbureau.v1.furnishing_pb2 import SubmitRecordsRequest
from creditbureau.v1.record_pb2 import SubmissionManifest
from tests.cluster.control_files import Direction
from tests.cluster.workers import consent_requests
from tests.cluster.workers.base import HURRIED, WorkerBase
from tests.cluster.workers.debts import Debts
from tests.cluster.workers.deceived import deceived_member
from tests.cluster.workers.furnishing import deliveries, world_of
from tests.cluster.workers.people import buyer_from, identifiers, repaired_by, writers
from tests.cluster.workers.receipts import (
    digest_of_report,
    particulars_of_report,
    receipt_of_submission,
)
from tests.cluster.workers.repairs import REPAIRED_FIELD, Repairs
from tests.cluster.workers.silences import Silences

HANDS = 2
RACERS = 4
BATCH = 5
REFRESH_S = 4.0
# Of the confirmations of deletions, this share is tried under consents that have ended.
ENDED = 0.7
DUPLICATES = 0.15
# When everything is to be sent twice, so much of the work is sending again what was.
LATER = 0.3
# Disputes that are read for an open one, the oldest first: more than a run of minutes opens.
DISPUTES = 200
# What a hand does next, and how often in proportion.
TASKS = {
    "submit": 32,
    "query": 34,
    "review": 8,
    "race": 6,
    "later": 8,
    "conflict": 3,
    "replay": 6,
    "decide": 6,
    "confirm": 5,
    "portfolio": 3,
    "ask": 6,
    "look": 3,
    "doubt": 2,
    "answer": 5,
    "answer_complaint": 8,
    "repair": 14,
    "debt": 14,
    "silence": 4,
}


def run(base: WorkerBase) -> None:
    """Works until the run is over, and settles what is unknown."""
    worker = LenderWorker(base)
    worker.begin()
    base.started()
    hands = [threading.Thread(target=worker.work, args=(n,)) for n in range(HANDS)]
    for hand in hands:
        hand.start()
    while not base.over:
        for direction in base.directions():
            worker.follow(direction)
        worker.refresh()
        base.journal.settle_one()
        time.sleep(REFRESH_S / 4)
    for hand in hands:
        hand.join()
    worker.racers.shutdown()
    base.journal.close()


class LenderWorker:
    """One lender at work; its threads share it."""

    def __init__(self, worker: WorkerBase) -> None:
        self.worker, self.journal = worker, worker.journal
        self.racers = ThreadPoolExecutor(RACERS)
        self.subject_of: dict[str, str] = {}
        self.furnishable: set[str] = set()
        # People whom it asks for consents: those who write, so that no words are erased.
        self.askable: list[str] = []
        self.inquirable: list[Consent] = []
        # Consents to STORE: ended ones with something to delete, and a few that go on.
        self.stored: list[Consent] = []
        # A decision on each report that it got.
        self.decisions: list[Decision] = []
        self.repairs = Repairs(worker.journal)
        self.silences = Silences(worker.journal)
        member_id = worker.member.member_id
        buyer = buyer_from(worker.topology, member_id)
        self.debts = Debts(worker.journal, worker.folder, member_id, buyer)
        # The people of whom it certainly holds accounts.
        self.customers: set[str] = set()
        self._refreshed = 0.0
        self._twice = False
        self._lock = threading.Lock()
        self._world = world_of(worker.topology)
        self._deliveries = deliveries(self._world, worker.topology, worker.member.member_id, BATCH)
        self._duplicates = threading.local()
        self._connect(None)
        self.journal.settler = self

    def resend(self, statement: Statement) -> Receipt:
        """Sends a statement again, with the certificate that counts now."""
        return self.lenders[0].resend(statement)

    def _connect(self, key: StatementKey | None) -> None:
        """Clients with the profile as it is now; each begins with another node."""
        nodes = range(len(self.worker.topology.nodes))
        self.lenders = [self._client(self.worker.profile(node), key, self._heard) for node in nodes]
        self.others = [self._client(self.worker.profile(node + 1), key) for node in nodes]

    def _client(
        self,
        profile: Profile,
        key: StatementKey | None,
        heard: Callable[[Statement], None] = lambda _: None,
    ) -> Lender:
        return Lender(profile, signing_key=key, policy=HURRIED, before_send=heard)

    def begin(self) -> None:
        """Learns the subject ids of everybody; without them there is nothing to do."""
        numbers = identifiers(self.worker.topology)
        directory = Lender(
            Profile.load(self.worker.member.directory),
            policy=HURRIED,
            before_send=self.journal.heard,
        )
        while not self.subject_of and not self.worker.over:
            subject_ids = self.journal.attempt(
                "evaluate", directory, lambda: directory.subject_ids(numbers), count=len(numbers)
            )
            if subject_ids:
                self.subject_of = dict(zip(self._world.people, subject_ids, strict=True))
                self.askable = [subject_ids[index] for index in writers(self.worker.topology)]
                mine = repaired_by(self.worker.topology, self.worker.member.member_id)
                people = [subject_ids[index] for index in mine]
                self.customers = set(people)
                self.repairs.begin(people)
                self.silences.begin(people)
                if self.debts.buyer:
                    self.debts.begin(people)
            else:
                time.sleep(1)

    # While it works.

    def work(self, number: int) -> None:
        """One hand, until the run is over."""
        chance = self.worker.dice(number)
        names, weights = list(TASKS), list(TASKS.values())
        while not self.worker.over:
            time.sleep(chance.uniform(0.5, 1.5) * HANDS / self.worker.rate)
            (task,) = chance.choices(names, weights)
            if self._twice and chance.random() < LATER:
                task = "later"
            self._duplicates.on = self._twice or chance.random() < DUPLICATES
            getattr(self, task)(chance)

    def refresh(self) -> None:
        """Looks from time to time which consents it holds."""
        if time.monotonic() - self._refreshed < REFRESH_S:
            return
        self._refreshed = time.monotonic()
        lender = self.lenders[0]
        held = self.journal.read("consents", lambda: lender.consents(limit=300)) or []
        inquirable = [one for one in held if Action.INQUIRE in one.actions]
        furnish = [one for one in held if Action.FURNISH in one.actions]
        furnishable = {one.subject_id for one in furnish if one.state is ConsentState.ACTIVE}
        ended = {one.subject_id for one in furnish} - furnishable
        with self._lock:
            self.inquirable = inquirable or self.inquirable
            self.stored = [one for one in held if one.data_life and one.deletion is None]
            self.furnishable = (self.furnishable | furnishable) - ended

    def follow(self, direction: Direction) -> None:
        """Does what the run directs."""
        key = self.lenders[0]._signing.signer.key
        if direction.do == "reload":
            self._connect(key)
            self.worker.done(direction)
        elif direction.do in {"twice", "once"}:
            self._twice = direction.do == "twice"
            self.worker.done(direction)
        elif direction.do == "rotate-key":
            self._rotate(SigningKey.generate())
            self.worker.done(direction)

    def _rotate(self, fresh: SigningKey) -> None:
        lender = self.lenders[0]
        for folder in (self.worker.member.profile, self.worker.member.directory):
            write_private(Path(folder) / "next-signing.pem", fresh.to_pem(None))
        self.journal.attempt(
            "rotate", lender, lambda: lender.rotate_key(fresh), receipt=lambda both: both[1]
        )
        # Where it broke off, both keys may count, and the client signs with one of them.
        self._connect(lender._signing.signer.key)

    # What a hand does.

    def submit(self, chance: random.Random) -> None:
        """The next records that its customers allow."""
        lender = chance.choice(self.lenders)
        with self._lock:
            delivery = next(self._deliveries)
            records = [
                record
                for record in delivery.records(self.subject_of)
                if {party.subject_id for party in record.parties} <= self.furnishable
            ]
        if records:
            self.journal.attempt(
                "submit",
                lender,
                lambda: lender.submit(records, kind=delivery.kind, label=delivery.label),
                receipt=receipt_of_submission,
                more=lambda result: {"submission": result.submissions[0].submission_id},
                accounts=sorted({record.account_ref for record in records}),
                subjects=sorted({p.subject_id for record in records for p in record.parties}),
                records=len(records),
            )

    def query(self, chance: random.Random) -> None:
        """A report under a consent, which may have ended since it was seen."""
        lender = chance.choice(self.lenders)
        with self._lock:
            newest = self.inquirable[: len(self.inquirable) // 2 + 8]
        if newest:
            level = chance.choice([EvidenceLevel.NONE] * 4 + [EvidenceLevel.NEWEST])
            self._ask(lender, chance.choice(newest), level)

    def review(self, chance: random.Random) -> None:
        """A report for the review or collection of an account, which no freeze stops."""
        with self._lock:
            mine = [
                one
                for one in self.inquirable
                if one.subject_id in self.customers
                and not {Purpose.ACCOUNT_REVIEW, Purpose.COLLECTION}.isdisjoint(one.purposes)
                and one.state is ConsentState.ACTIVE
            ]
        if mine:
            self._ask(chance.choice(self.lenders), chance.choice(mine))

    def race(self, chance: random.Random) -> None:
        """Several at once, on several nodes, under one consent of few uses."""
        with self._lock:
            few = [one for one in self.inquirable if 0 < one.max_uses - one.use_count <= RACERS]
        if few:
            consent = chance.choice(few)
            at_once = [
                self.racers.submit(self._ask, self.lenders[n % len(self.lenders)], consent)
                for n in range(RACERS)
            ]
            for one in at_once:
                one.result()

    def _ask(
        self, lender: Lender, consent: Consent, level: EvidenceLevel = EvidenceLevel.NONE
    ) -> None:
        purpose = consent.purposes[0]
        assert isinstance(purpose, Purpose)
        report = self.journal.attempt(
            "query",
            lender,
            lambda: lender.query(
                consent.subject_id,
                purpose=purpose,
                consent_id=consent.consent_id,
                evidence=level,
            ),
            receipt=lambda report: report.receipt,
            # A replaced consent's id may be its arrangement's: then the newest consent answers.
            more=lambda report: {**particulars_of_report(report), "consent": report.consent_id},
            consent=consent.consent_id,
            subject=consent.subject_id,
            purpose=purpose.name,
            member=self.worker.member.member_id,
        )
        if report:
            with self._lock:
                self.decisions.append(decision_on(report))

    def portfolio(self, chance: random.Random) -> None:
        """Reports on a few of its own customers, under the consents to monitor."""
        lender = chance.choice(self.lenders)
        with self._lock:
            customers = chance.sample(sorted(self.furnishable), min(3, len(self.furnishable)))
        self.journal.attempt(
            "portfolio",
            lender,
            lambda: list(lender.portfolio(Purpose.ACCOUNT_REVIEW, customers)),
            receipt=lambda reports: reports[0].receipt if reports else None,
            more=lambda reports: {"reports": {r.consent_id: digest_of_report(r) for r in reports}},
            member=self.worker.member.member_id,
        )

    def replay(self, chance: random.Random) -> None:
        """A report of before, which must come as it was."""
        lender = chance.choice(self.lenders)
        with self._lock:
            known = self.decisions[-60:]
        if known:
            decision = chance.choice(known)
            self.journal.attempt(
                "replay",
                lender,
                lambda: lender.replay(decision.inquiry_id, decision.subject_id),
                more=lambda report: {"digest": digest_of_report(report)},
                inquiry=decision.inquiry_id,
            )

    def decide(self, chance: random.Random) -> None:
        """Record a decision on a report of before."""
        lender = chance.choice(self.lenders)
        with self._lock:
            known = self.decisions[-60:]
        if known:
            decision = chance.choice(known)
            self.journal.attempt(
                "decide",
                lender,
                lambda: lender.record_decision(decision),
                receipt=lambda receipt: receipt,
                subject=decision.subject_id,
                inquiry=decision.inquiry_id,
            )

    def ask(self, chance: random.Random) -> None:
        """Ask a person for a consent."""
        consent_requests.ask(self.journal, chance.choice(self.lenders), self.askable, chance)

    def confirm(self, chance: random.Random) -> None:
        """Confirm that what was received under a consent is deleted; at times too early."""
        lender = chance.choice(self.lenders)
        with self._lock:
            ended = [one for one in self.stored if one.delete_by_time]
            stored = ended if chance.random() < ENDED else self.stored
        if stored:
            consent = chance.choice(stored)
            self.journal.attempt(
                "confirm-deletion",
                lender,
                lambda: lender.confirm_deletion(consent),
                receipt=lambda receipt: receipt,
                subject=consent.subject_id,
                consent=consent.consent_id,
            )

    def later(self, chance: random.Random) -> None:
        """Something accepted before, in the same bytes, by another link."""
        known = self.journal.accepted
        if known:
            self.journal.again(chance.choice(self.others), chance.choice(known), "later")

    def conflict(self, chance: random.Random) -> None:
        """An accepted submission's request id with other bytes, well signed."""
        lender = chance.choice(self.lenders)
        sent = [one for one in self.journal.accepted if one.method.endswith("SubmitRecords")]
        if sent:
            other = relabelled(chance.choice(sent), lender._signing.signer.key)
            self.journal.again(chance.choice(self.others), other, "other bytes")

    def look(self, chance: random.Random) -> None:
        """Read the lists that a lender reads on an ordinary day."""
        lender = chance.choice(self.lenders)
        self.journal.read("submissions", lambda: lender.submissions(limit=5))
        self.journal.read("members", lambda: lender.members(limit=5))

    def doubt(self, chance: random.Random) -> None:
        """Read through a node that lies."""
        deceived_member(self.worker, chance, self.journal.accepted)

    def answer(self, chance: random.Random) -> None:
        """Answers a dispute against its records."""
        lender = chance.choice(self.lenders)
        disputes = self.journal.read("disputes", lambda: lender.disputes(limit=DISPUTES)) or []
        opened = [one for one in disputes if one.close_time is None]
        if not opened:
            return
        dispute = chance.choice(opened)
        if dispute.reason is DisputeReason.IDENTITY_THEFT:
            self.debts.answer(lender, dispute, chance)
        elif dispute.field == REPAIRED_FIELD:
            self.repairs.answer(lender, dispute, chance)
        else:
            self.journal.attempt(
                "answer-dispute",
                lender,
                lambda: lender.answer_dispute(
                    dispute.dispute_id, DisputeOutcome.ACCURATE, narrative="looked into"
                ),
                dispute=dispute.dispute_id,
            )

    def answer_complaint(self, chance: random.Random) -> None:
        """Answer a complaint about its inquiries: it is right, or not."""
        lender = chance.choice(self.lenders)
        complaints = self.journal.read("complaints", lender.complaints) or []
        unanswered = [one for one in complaints if one.answer is None]
        if not unanswered:
            return
        complaint = chance.choice(unanswered)
        upholds = chance.random() < 0.3
        outcome = ComplaintOutcome.UPHELD if upholds else ComplaintOutcome.REJECTED
        remedy = "withdrawn" if upholds else ""
        self.journal.attempt(
            "answer-complaint",
            lender,
            lambda: lender.answer_complaint(complaint, outcome, "looked into", remedy=remedy),
            complaint=complaint.complaint_id,
            outcome=outcome.name,
        )

    def repair(self, chance: random.Random) -> None:
        """Correct, delete or bring back an account that it repairs."""
        self._step(self.repairs.step, chance)

    def debt(self, chance: random.Random) -> None:
        """Open, sell, hand over or delete a debt, or report one that it bought."""
        self._step(self.debts.step, chance)

    def silence(self, chance: random.Random) -> None:
        """Furnish the next month of an account that it last reported long ago."""
        self._step(self.silences.step, chance)

    def _step(
        self, step: Callable[[Lender, random.Random, set[str]], None], chance: random.Random
    ) -> None:
        """Take a step that depends on the outcome of the one before."""
        # A second copy could be accepted long after the first was refused.
        self._duplicates.on = False
        with self._lock:
            furnishable = set(self.furnishable)
        step(chance.choice(self.lenders), chance, furnishable)

    def _heard(self, statement: Statement) -> None:
        """Notes what a hand signs; now and then another node gets it at the same time."""
        self.journal.heard(statement)
        if getattr(self._duplicates, "on", False) and not statement.method.endswith(
            "QueryPortfolio"
        ):
            self._duplicates.on = False
            other = self.others[int(statement.request_id[:8], 16) % len(self.others)]
            self.racers.submit(self.journal.again, other, statement, "at once")


def relabelled(sent: Statement, key: StatementKey) -> Statement:
    """A submission under a label of its own, signed again under the same request id."""
    request = SubmitRecordsRequest.FromString(sent.request)
    manifest = peek(request.manifest, SubmissionManifest)
    manifest.label = "other bytes"
    request.manifest.CopyFrom(seal(manifest, key))
    envelope = request.manifest.SerializeToString(deterministic=True)
    return replace(sent, envelope=envelope, request=request.SerializeToString())


def decision_on(report: Report) -> Decision:
    """Return a decision on a report, whose policy declines whoever is past due anywhere."""
    late = [line for line in report.tradelines if line.days_past_due]
    basis = tuple(DecisionBasis(line.tradeline_id, line.month) for line in late[:16])
    return Decision(
        subject_id=report.subject_id,
        inquiry_id=report.request_id,
        report_digest=report.digest,
        policy_name="harness",
        policy_version="1",
        policy_digest=bytes(32),
        inputs_digest=bytes(32),
        outcome=DecisionOutcome.DECLINE if late else DecisionOutcome.APPROVE,
        reasons=(DecisionReason("regb.delinquent_elsewhere", basis=basis),) if late else (),
    )
