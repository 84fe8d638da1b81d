"""A member that tries: forged, stolen and guessed statements, junk, and floods.

It has a member's certificate and key, goes past the SDK, and knows the statements of
others as a thief of their files would. All of it is bounded: what is proved is that
nothing of it has an effect, and that honest members are served meanwhile.
"""

from __future__ import annotations

import base64
import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from bureau_client import Lender, Profile, Statement
from bureau_keys.envelope import pae, payload_type_of, peek, seal
from bureau_keys.signing import SigningKey
from creditbureau.v1 import codes_pb2, consents_pb2, log_pb2, reporting_pb2
from creditbureau.v1.consent_pb2 import Consent
from creditbureau.v1.directory_pb2 import EvaluateRequest, Evaluation
from creditbureau.v1.envelope_pb2 import Envelope, Signature
from creditbureau.v1.record_pb2 import SubmissionManifest
from tests.cluster.history import Operation, Outcome, now_ns, read_histories
from tests.cluster.workers.base import HURRIED, WorkerBase
from tests.cluster.workers.junk import JUNK
from tests.service.raw import Answer, Person, Raw, snapshot

CALM_S = 1.0
# While it attacks: so many a second, and floods from several threads.
ATTACK_S = 0.1
FLOODERS = 4
FLOOD_CALLS = 25
# Of a burst of one thread, so many are statements that keep every rule.
FLOOD_STATEMENTS = 4
FLOOD_PAUSE_S = 1.0
HUGE = 8 * 1024 * 1024
GUESSES = 256
# It looks into others' files so often, and keeps so much.
STEAL_EVERY_S = 5.0
LOOT = 400
# Its patience with a node that does not answer.
TIMEOUT_S = 5.0
OPEN = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED"}
ATTACKS = {
    "forgery": "forge",
    "replay": "steal",
    "enumeration": "guess",
    "junk": "junk",
    "flood": "flood",
}
# What it does all the time.
QUIET = ["enumeration", "forgery", "replay", "junk"]
# The statements that it makes by itself.
OWN = (SubmissionManifest, reporting_pb2.Inquiry, Consent, Evaluation)


def run(worker: WorkerBase) -> None:
    """Tries a little all the time, and much when it is told to."""
    hostile = Hostile(worker)
    worker.started()
    attacking: set[str] = set()
    while not worker.over:
        for direction in worker.directions():
            if direction.do in {"attack", "calm"}:
                how = str(direction.about.get("how", ""))
                meant = {how} if how else set(ATTACKS)
                attacking = attacking | meant if direction.do == "attack" else attacking - meant
                worker.done(direction)
        name = worker.chance.choice(sorted(attacking) or QUIET)
        getattr(hostile, ATTACKS[name])()
        time.sleep(ATTACK_S if attacking else CALM_S)
    hostile.close()
    worker.journal.close()


class Hostile:
    """The hostile member at work."""

    def __init__(self, worker: WorkerBase) -> None:
        self.worker = worker
        self.raws = [Raw(worker.profile(node)) for node in range(len(worker.topology.nodes))]
        self.directory = Raw(Profile.load(worker.member.directory))
        self._guesser = Lender(
            Profile.load(worker.member.directory), policy=HURRIED, before_send=self._heard
        )
        self._evaluations: list[Statement] = []
        self._loot: list[Operation] = []
        self._read = 0.0
        self._flooders = ThreadPoolExecutor(FLOODERS)

    def close(self) -> None:
        """Ends its threads and connections."""
        self._flooders.shutdown()
        for raw in (*self.raws, self.directory):
            raw.channel.close()

    @property
    def raw(self) -> Raw:
        """A link to some node."""
        return self.worker.chance.choice(self.raws)

    # Forged: signed by who may not.

    def forge(self) -> None:
        """A statement in another's name, or under another key."""
        self.worker.chance.choice(
            [self._other_key, self._other_name, self._altered, self._consent_for_another]
        )()

    def _other_key(self) -> None:
        raw = self.raw
        request = raw.submission([_record()])
        request.manifest.CopyFrom(_resealed(request.manifest, SigningKey.generate()))
        self._send("other key", raw, "Furnishing/SubmitRecords", request, request.manifest)

    def _other_name(self) -> None:
        raw = self.raw
        victim = self.worker.chance.choice(self.worker.topology.of_kind("lender"))
        header = raw.header(signer=f"members/{victim.member_id}")
        request = raw.submission([_record()], header=header)
        self._send("other name", raw, "Furnishing/SubmitRecords", request, request.manifest)

    def _altered(self) -> None:
        stolen = self._stolen("query")
        if stolen:
            inquiry = peek(stolen, reporting_pb2.Inquiry)
            inquiry.header.request_id = str(uuid.uuid4())
            stolen.payload = inquiry.SerializeToString(deterministic=True)
            request = reporting_pb2.QueryReportRequest(inquiry=stolen)
            self._send("altered", self.raw, "Reporting/QueryReport", request, stolen)

    def _consent_for_another(self) -> None:
        raw = self.raw
        stolen = self._stolen("grant")
        if stolen:
            subject = peek(stolen, Consent).subject_id
            person = Person(subject, raw.key, raw.profile.trust.origin)
            sealed = person.consent(raw.profile.member_id, codes_pb2.ACTION_INQUIRE)
            request = consents_pb2.GrantConsentRequest(consent=sealed)
            self._send("consent for another", raw, "Consents/GrantConsent", request, sealed)

    # Stolen: others' true statements.

    def steal(self) -> None:
        """A statement of somebody else's, as it was sent."""
        self.worker.chance.choice([self._inquiry_again, self._consent_again, self._receipt_of])()

    def _inquiry_again(self) -> None:
        stolen = self._stolen("query")
        if stolen:
            request = reporting_pb2.QueryReportRequest(inquiry=stolen)
            self._send("stolen inquiry", self.raw, "Reporting/QueryReport", request)

    def _consent_again(self) -> None:
        stolen = self._stolen("grant")
        if stolen:
            request = consents_pb2.GrantConsentRequest(consent=stolen)
            self._send("stolen consent", self.raw, "Consents/GrantConsent", request)

    def _receipt_of(self) -> None:
        known = [one.request_id for one in self._known("query")]
        if known:
            request = log_pb2.GetReceiptRequest(request_id=self.worker.chance.choice(known))
            self._send("stolen receipt", self.raw, "Log/GetReceipt", request)

    # Guessed.

    def guess(self) -> None:
        """Reports on people who never heard of it."""
        self.worker.chance.choice([self._nobody, self._anothers, self._numbers])()

    def _nobody(self) -> None:
        raw = self.raw
        sealed = raw.inquiry(os.urandom(16).hex(), str(uuid.uuid4()))
        request = reporting_pb2.QueryReportRequest(inquiry=sealed)
        self._send("guessed subject", raw, "Reporting/QueryReport", request, sealed)

    def _anothers(self) -> None:
        raw, known = self.raw, self._known("query")
        if known:
            about = self.worker.chance.choice(known).about
            sealed = raw.inquiry(about["subject"], about["consent"])
            request = reporting_pb2.QueryReportRequest(inquiry=sealed)
            self._send("another's consent", raw, "Reporting/QueryReport", request, sealed)

    def _numbers(self) -> None:
        """Many numbers at the directory, until its quota is met; one id for two of them."""
        numbers = [("US", "SSN", f"000-00-{number:04}") for number in range(GUESSES)]
        chosen = self.worker.chance.sample(numbers, 32)
        if self._evaluate(chosen):  # what was refused left its request id free
            first = self._evaluations[-1]
            evaluation = peek(Envelope.FromString(first.envelope), Evaluation)
            del evaluation.blinded_elements[1:]
            sealed = seal(evaluation, self.directory.key)
            request = EvaluateRequest(evaluation=sealed)
            self._send("other bytes", self.directory, "Directory/Evaluate", request, sealed)

    def _evaluate(self, numbers: list[tuple[str, str, str]]) -> bool:
        """Have numbers evaluated by a statement that keeps every rule."""
        subject_ids = self.worker.journal.attempt(
            "evaluate",
            self._guesser,
            lambda: self._guesser.subject_ids(numbers),
            count=len(numbers),
            hostile=True,
        )
        return subject_ids is not None

    # Junk.

    def junk(self) -> None:
        """Send an evaluation that only its envelope spoils."""
        if not self._evaluations:
            self._numbers()
            return
        first = Envelope.FromString(self._evaluations[0].envelope)
        evaluation = peek(first, Evaluation)
        evaluation.header.CopyFrom(self.directory.header())
        what = self.worker.chance.choice(sorted(JUNK))
        request = EvaluateRequest(evaluation=JUNK[what](evaluation, self.directory.key))
        begin = now_ns()
        answer = self.directory.send("Directory/Evaluate", request, timeout=TIMEOUT_S)
        operation = Operation(
            self.worker.name,
            "junk",
            evaluation.header.request_id,
            _outcome(answer),
            begin,
            now_ns(),
            answer.reason or answer.code,
            about={"what": what},
        )
        self.worker.journal.history.add(operation)

    # Floods.

    def flood(self) -> None:
        """Send cheap calls in numbers, dear ones, valid statements, and bytes without meaning."""
        burst = [
            ("Log/GetCheckpoint", b""),
            ("Log/ListCheckpoints", b""),
            ("Log/ListLeaves", log_pb2.ListLeavesRequest(page_size=10_000).SerializeToString()),
            ("Furnishing/SubmitRecords", os.urandom(4096)),
            ("Reporting/QueryReport", b"\x0a" * 4000),
        ]

        def pour(number: int) -> None:
            raw = self.raws[number % len(self.raws)]
            for call in range(FLOOD_CALLS):
                method, data = burst[call % len(burst)]
                raw.send(method, data, timeout=TIMEOUT_S)
            for index in range(FLOOD_STATEMENTS):
                self._evaluate([("US", "SSN", f"000-00-{index:04}")])
                self._nobody()
            raw.send("Furnishing/SubmitRecords", os.urandom(HUGE), timeout=TIMEOUT_S)

        begin = now_ns()
        list(self._flooders.map(pour, range(FLOODERS)))
        operation = Operation(self.worker.name, "flood", "", Outcome.FAILED, begin, now_ns())
        calls = FLOODERS * (FLOOD_CALLS + 2 * FLOOD_STATEMENTS + 1)
        self.worker.journal.history.add(replace(operation, about={"calls": calls}))
        time.sleep(FLOOD_PAUSE_S)

    # How it is sent and written down.

    def _send(
        self, what: str, raw: Raw, method: str, request: object, own: Envelope | None = None
    ) -> None:
        """Sends an attack; `own` is a statement that may have no effect anywhere."""
        begin = now_ns()
        answer = raw.send(method, request, timeout=TIMEOUT_S)  # type: ignore[arg-type]
        operation = Operation(
            self.worker.name,
            "attack",
            _request_id(own),
            _outcome(answer),
            begin,
            now_ns(),
            answer.reason or answer.code,
            envelope=base64.b64encode(own.SerializeToString()).decode() if own else "",
            about={"what": what, "method": method},
        )
        self.worker.journal.history.add(operation)

    def _heard(self, statement: Statement) -> None:
        self.worker.journal.heard(statement)
        self._evaluations.append(statement)

    def _known(self, kind: str) -> list[Operation]:
        """Read the statements of other workers from their files."""
        if time.monotonic() - self._read > STEAL_EVERY_S:
            self._read = time.monotonic()
            self._loot = [
                one
                for one in read_histories(self.worker.folder)
                if one.kind in {"query", "grant"} and one.receipt
            ][-LOOT:]
        return [one for one in self._loot if one.kind == kind]

    def _stolen(self, kind: str) -> Envelope | None:
        known = self._known(kind)
        if not known:
            return None
        return Envelope.FromString(base64.b64decode(self.worker.chance.choice(known).envelope))


def _record() -> bytes:
    return snapshot(os.urandom(16).hex()).SerializeToString(deterministic=True)


def _resealed(sealed: Envelope, key: SigningKey) -> Envelope:
    """The same payload under another signature."""
    signature = Signature(
        sig=key.sign(pae(sealed.payload_type, sealed.payload)), keyid=key.verify_key.key_id
    )
    return Envelope(
        payload=sealed.payload, payload_type=sealed.payload_type, signatures=[signature]
    )


def _request_id(own: Envelope | None) -> str:
    if own is None:
        return ""
    payload = next(kind for kind in OWN if own.payload_type == payload_type_of(kind))
    statement: Any = peek(own, payload)
    return str(statement.header.request_id)


def _outcome(answer: Answer) -> Outcome:
    if answer.code == "OK":
        return Outcome.OK
    return Outcome.UNKNOWN if answer.code in OPEN else Outcome.FAILED
