"""A small run that kept every promise, made by hand: real signatures, a real log, and what
two nodes and two servers would say of it. Tests break one thing in it.
"""

from __future__ import annotations

import base64
import uuid
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from bureau_client import FacilityActionKind, Purpose
from bureau_keys.checkpoint import Checkpoint, sign_checkpoint
from bureau_keys.cosignature import cosignature_line
from bureau_keys.envelope import digest, seal
from bureau_keys.event_chain import ChainHead, extend
from bureau_keys.merkle import Frontier, consistency_path, leaf_hash
from bureau_keys.note import COSIGNATURE_V1, note_vkey
from bureau_keys.receipt import LeafStatement, Receipt, commitment
from bureau_keys.signing import SigningKey
from creditbureau.v1.alert_pb2 import ALERT_KIND_NEW_INQUIRY
from creditbureau.v1.codes_pb2 import Purpose as PurposeCode
from creditbureau.v1.complaint_pb2 import (
    COMPLAINT_KIND_INQUIRY_NOT_ASKED_FOR,
    COMPLAINT_OUTCOME_UPHELD,
    DEED_TYPE_INQUIRY,
    ComplaintAnswer,
    ComplaintOpening,
    Deed,
)
from creditbureau.v1.consent_event_pb2 import DeletionConfirmation
from creditbureau.v1.consent_pb2 import (
    CONSENT_STATE_ACTIVE,
    CONSENT_STATE_PAUSED,
    CONSENT_STATE_REPLACED,
    CONSENT_STATE_REVOKED,
    CONSENT_TRANSITION_PAUSE,
    CONSENT_TRANSITION_RESUME,
    CONSENT_TRANSITION_REVOKE,
    Consent,
    ConsentChange,
)
from creditbureau.v1.consent_request_pb2 import (
    ConsentRequest,
    ConsentRequestDecline,
    ConsentRequestWithdrawal,
)
from creditbureau.v1.decision_pb2 import (
    DECISION_OUTCOME_FREEZE,
    DECISION_OUTCOME_RESTORE,
    DecisionReason,
    DecisionReceipt,
)
from creditbureau.v1.dispute_pb2 import (
    DISPUTE_OUTCOME_ACCURATE,
    DISPUTE_OUTCOME_FRAUD,
    DISPUTE_REASON_IDENTITY_THEFT,
    DisputeAnswer,
    DisputeOpening,
)
from creditbureau.v1.envelope_pb2 import Envelope, Header
from creditbureau.v1.erasure_pb2 import ErasedAccount, Erasure
from creditbureau.v1.hold_pb2 import HoldLift, HoldPlacement
from creditbureau.v1.record_pb2 import SubmissionManifest
from creditbureau.v1.reporting_pb2 import Inquiry
from creditbureau.v1.subjects_pb2 import KeyAttestation, KeyBinding, KeyRepudiation
from tests.cluster.auditor.checks.line_notices import done_to_lines
from tests.cluster.auditor.checks.notices import KINDS
from tests.cluster.auditor.checks.writes import GONE
from tests.cluster.auditor.evidence import (
    Database,
    Delivered,
    Entry,
    Evidence,
    LineNotice,
    Node,
    SeenFile,
    StoredAction,
    StoredAlert,
    StoredConsent,
    StoredInquiry,
    StoredKey,
    StoredLink,
    StoredRecord,
    StoredSubmission,
)
from tests.cluster.auditor.subject_keys import signing_key
from tests.cluster.history import Operation, Outcome
from tests.cluster.timeline import Event
from tests.unit.keys.trees import Nodes

ORIGIN, WITNESS = "scenario.example/log", "witness-1.example"
SECOND = 1_000_000_000
BEGIN_US = 1_800_000_000_000_000
# The waiting period of a key, and the end of one without an end.
WAITING_US, NEVER = 72 * 3600 * 1_000_000, 1 << 62
PERSON = "5" * 32
# Somebody who freezes their file; nodes show the person's file alone.
FROZEN = "6" * 32
# Somebody with debts that are sold and disputed.
DEBTOR = "7" * 32
# Opening date of the accounts that a lender repairs.
REPAIRED_SINCE = 20190531
# The month before the run, and one from which an account is not reported any more.
MONTH, LONG_AGO = 202612, 202601
LENDERS = ("lender-1", "lender-2")
ISSUER = "issuer"
FREEZE, RESTORE = int(FacilityActionKind.FREEZE), int(FacilityActionKind.RESTORE)
OUTCOME_OF = {FREEZE: DECISION_OUTCOME_FREEZE, RESTORE: DECISION_OUTCOME_RESTORE}
STATES = {
    "pause": CONSENT_STATE_PAUSED,
    "resume": CONSENT_STATE_ACTIVE,
    "revoke": CONSENT_STATE_REVOKED,
}
TRANSITIONS = {
    "pause": CONSENT_TRANSITION_PAUSE,
    "resume": CONSENT_TRANSITION_RESUME,
    "revoke": CONSENT_TRANSITION_REVOKE,
}


def purpose_of(name: str) -> PurposeCode.ValueType:
    """Return the code of a purpose."""
    return PurposeCode.Value(f"PURPOSE_{name}")


@dataclass
class Scenario:
    """Makes a run, one statement a second.

    Attributes:
        subject: The subject whom the next statements are about.
    """

    subject: str = PERSON

    key: SigningKey = field(default_factory=SigningKey.generate)
    witness: SigningKey = field(default_factory=SigningKey.generate)
    person: SigningKey = field(default_factory=SigningKey.generate)
    frozen: SigningKey = field(default_factory=SigningKey.generate)
    debtor: SigningKey = field(default_factory=SigningKey.generate)
    now_ns: int = 100 * SECOND
    entries: list[Entry] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    inquiries: list[StoredInquiry] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    consents: dict[str, StoredConsent] = field(default_factory=dict)
    submissions: list[StoredSubmission] = field(default_factory=list)
    alerts: list[StoredAlert] = field(default_factory=list)
    links: list[StoredLink] = field(default_factory=list)
    keys: dict[str, StoredKey] = field(default_factory=dict)
    holds: set[str] = field(default_factory=set)
    accounts_of: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    records: list[StoredRecord] = field(default_factory=list)
    sold: dict[str, int] = field(default_factory=dict)
    blocked: set[str] = field(default_factory=set)
    returned: list[str] = field(default_factory=list)
    actions: list[StoredAction] = field(default_factory=list)
    erased: set[str] = field(default_factory=set)
    effects: dict[str, set[int]] = field(default_factory=dict)
    tree: Frontier = field(default_factory=Frontier)
    notes: list[tuple[int, str]] = field(default_factory=list)

    def say(
        self,
        worker: str,
        kind: str,
        entry_kind: str,
        statement: Message,
        signer: str,
        **about: Any,
    ) -> Operation:
        """A statement that is accepted."""
        sealed, request_id = self._sealed(statement, signer)
        answer = bytes(32) if entry_kind == "inquiry" else b""
        receipt = self._append(entry_kind, signer, request_id, sealed, answer)
        operation = self._operation(worker, kind, request_id, sealed, about)
        operation = replace(
            operation, outcome=Outcome.OK, leaf_index=receipt.index, receipt=receipt.to_text()
        )
        self.operations.append(operation)
        return operation

    def refused(
        self, worker: str, kind: str, statement: Message, signer: str, reason: str, **about: Any
    ) -> Operation:
        """A statement that is refused."""
        sealed, request_id = self._sealed(statement, signer)
        operation = replace(self._operation(worker, kind, request_id, sealed, about), reason=reason)
        self.operations.append(operation)
        return operation

    def submit(self, member: str = "lender-1") -> Operation:
        """A lender's records."""
        operation = self.say(
            member, "submit", "submission", SubmissionManifest(record_count=2), f"members/{member}"
        )
        self.accounts.setdefault(member, uuid.uuid4().hex)
        self._furnish(member, self.accounts[member])
        row = self.entries[-1].entry_key, operation.request_id, member, 2, 2
        self.submissions.append(StoredSubmission(*row))
        return operation

    def repair(
        self, step: str, certified: bool = False, deletes: bool = False, balance_minor: int = 90_00
    ) -> Operation:
        """A step of a lender with the account that it repairs."""
        manifest = SubmissionManifest(record_count=1)
        operation = self.say(
            "lender-1", "submit", "submission", manifest, "members/lender-1", repair=step
        )
        key = self.entries[-1].entry_key
        self.submissions.append(StoredSubmission(key, operation.request_id, "lender-1", 1, 1))
        account = self.accounts_of["repaired"].setdefault(self.subject, uuid.uuid4().hex)
        self._furnish(
            "lender-1",
            account,
            certified=certified,
            deletes=deletes,
            balance_minor=balance_minor,
            open_date=REPAIRED_SINCE,
        )
        self.accounts["repaired"] = account
        if deletes:
            del self.accounts["repaired"]
        if certified:
            self.returned.append(account)
        return operation

    def renumber(self, certified: bool = True, notice: bool = True) -> Operation:
        """The lender brings the deleted account back under another number."""
        del self.accounts_of["repaired"][self.subject]
        operation = self.repair("return under another number", certified=certified)
        if certified and not notice:
            self.returned.pop()
        return operation

    def furnish(
        self, name: str, member: str = "lender-1", step: str = "", **fields: Any
    ) -> Operation:
        """A record of an account that the subject has under a name."""
        manifest = SubmissionManifest(record_count=1)
        operation = self.say(
            member, "submit", "submission", manifest, f"members/{member}", debt=step
        )
        key = self.entries[-1].entry_key
        self.submissions.append(StoredSubmission(key, operation.request_id, member, 1, 1))
        account = self.accounts.setdefault(name, uuid.uuid4().hex)
        self._furnish(member, account, **{"account_ref": name, "creditor": name} | fields)
        if fields.get("deletes"):
            del self.accounts[name]
        return operation

    def sell(self, name: str, buyer: str = "lender-2", number: str = "bought") -> Operation:
        """A lender sells an account."""
        manifest = SubmissionManifest(record_count=1)
        operation = self.say(
            "lender-1", "submit", "submission", manifest, "members/lender-1", debt="sell"
        )
        key, account = self.entries[-1].entry_key, self.accounts[name]
        self.submissions.append(StoredSubmission(key, operation.request_id, "lender-1", 1, 1))
        row = key, operation.request_id, "lender-1", account, int(FacilityActionKind.TRANSFER)
        self.actions.append(StoredAction(*row, MONTH + 89, buyer, number))
        self.sold[account] = MONTH + 89
        return operation

    def theft(self, name: str, documents: int = 2) -> Operation:
        """A person says that an identity thief opened an account."""
        account = self.accounts[name]
        opening = DisputeOpening(
            subject_id=self.subject,
            tradeline_id=account,
            reason=DISPUTE_REASON_IDENTITY_THEFT,
            attachment_digests=[bytes([number]) * 32 for number in range(documents)],
        )
        if documents > 1:
            self.blocked.add(account)
        signer = f"subjects/{self.subject}"
        return self.say("wallet-1", "dispute", "dispute", opening, signer, subject=self.subject)

    def answer(
        self, dispute: Operation, name: str, certified: bool = True, fraud: bool = False
    ) -> Operation:
        """The lender answers it: it certifies the account, or confirms the theft."""
        outcome = DISPUTE_OUTCOME_FRAUD if fraud else DISPUTE_OUTCOME_ACCURATE
        self.blocked.discard(self.accounts[name])
        if fraud:
            del self.accounts[name]
        answer = DisputeAnswer(dispute_id=dispute.request_id, outcome=outcome, certified=certified)
        return self.say("lender-1", "answer-dispute", "dispute-answer", answer, "members/lender-1")

    def _furnish(self, member: str, account: str, **fields: Any) -> None:
        """Store a record of the newest submission."""
        people = frozenset({self.subject})
        row = self.entries[-1].entry_key, 0, member, account, people
        shown: dict[str, Any] = {
            "deletes": False,
            "month": MONTH,
            "balance_minor": 100_00,
            "owing": people,
            "account_ref": account,
        } | fields
        self.records.append(StoredRecord(*row, **shown))

    @property
    def accounts(self) -> dict[str, str]:
        """The accounts on file of the present subject, by lender; and the repaired one."""
        return self.accounts_of[self.subject]

    def grant(
        self,
        grantee: str = "lender-1",
        uses: int = 2,
        action: str = "INQUIRE",
        purpose: Purpose = Purpose.CREDIT_APPLICATION,
        request: Operation | None = None,
        replaces: Operation | None = None,
    ) -> Operation:
        """A person's consent, which may answer a request or replace an earlier consent."""
        answered = request.request_id if request else ""
        operation = self.say(
            "wallet-1",
            "grant",
            "consent",
            Consent(
                subject_id=self.subject,
                grantee=grantee,
                max_uses=uses,
                consent_request_id=answered,
                replaces=replaces.request_id if replaces else "",
                start_time=Timestamp(seconds=BEGIN_US // 1_000_000),
                expire_time=Timestamp(seconds=BEGIN_US // 1_000_000 + 20 * 86_400),
            ),
            f"subjects/{self.subject}",
            subject=self.subject,
            grantee=grantee,
            actions=[action],
            purposes=[purpose.name if action == "INQUIRE" else "ACCOUNT_REVIEW"],
            max_uses=uses,
            replaces=replaces.request_id if replaces else "",
        )
        if replaces:
            earlier = self.consents[replaces.request_id]
            self.consents[replaces.request_id] = earlier._replace(state=CONSENT_STATE_REPLACED)
        key = self.entries[-1].entry_key
        row = operation.request_id, self.subject, grantee, uses, 0, CONSENT_STATE_ACTIVE, key
        self.consents[operation.request_id] = StoredConsent(*row)
        heard = {operation.request_id: "GRANTED"}
        if replaces:
            heard[replaces.request_id] = "REPLACED"
        for consent_id, change in sorted(heard.items()):
            self.hear_change(consent_id, operation, change)
        return operation

    def ask(self, member: str = "lender-1", uses: int = 2) -> Operation:
        """A lender's request for a consent."""
        return self.say(
            member,
            "ask",
            "consent-request",
            ConsentRequest(
                subject_id=self.subject, max_uses=uses, period=Duration(seconds=30 * 86_400)
            ),
            f"members/{member}",
            subject=self.subject,
        )

    def decline(self, request: Operation) -> Operation:
        """A person's decline of a request."""
        return self.say(
            "wallet-1",
            "decline",
            "consent-request-decline",
            ConsentRequestDecline(consent_request_id=request.request_id),
            f"subjects/{self.subject}",
            subject=self.subject,
            request=request.request_id,
        )

    def withdraw(self, request: Operation, member: str = "lender-1") -> Operation:
        """A lender's withdrawal of its request."""
        return self.say(
            member,
            "withdraw",
            "consent-request-withdrawal",
            ConsentRequestWithdrawal(
                subject_id=self.subject, consent_request_id=request.request_id
            ),
            f"members/{member}",
            subject=self.subject,
            request=request.request_id,
        )

    def change(self, kind: str, consent: Operation) -> Operation:
        """A consent is paused, resumed or revoked."""
        consent_id = consent.request_id
        operation = self.say(
            "wallet-1",
            kind,
            "consent-change",
            ConsentChange(consent_id=consent_id, transition=TRANSITIONS[kind]),
            f"subjects/{self.subject}",
            subject=self.subject,
            consent=consent_id,
        )
        self.consents[consent_id] = self.consents[consent_id]._replace(state=STATES[kind])
        self.hear_change(consent_id, operation, f"{kind.removesuffix('e')}ed".upper())
        return operation

    def confirm(self, consent: Operation, member: str = "lender-1") -> Operation:
        """A lender's confirmation that what it received under a consent is deleted."""
        return self.say(
            member,
            "confirm-deletion",
            "deletion",
            DeletionConfirmation(consent_id=consent.request_id, subject_id=self.subject),
            f"members/{member}",
            subject=self.subject,
            consent=consent.request_id,
        )

    def query(self, consent: Operation, member: str = "lender-1", **more: Any) -> Operation:
        """A report under a consent; who monitors the person is alerted."""
        consent_id = consent.request_id
        log_size, chain = len(self.entries), self.head.hash.hex()
        purpose = consent.about["purposes"][0]
        operation = self.say(
            member,
            "query",
            "inquiry",
            Inquiry(subject_id=self.subject, consent_id=consent_id, purpose=purpose_of(purpose)),
            f"members/{member}",
            log_size=log_size,
            chain=chain,
            **self._shown(),
            inquiries=[],
            consent=consent_id,
            subject=self.subject,
            purpose=purpose,
            member=member,
            digest="aa",
            **more,
        )
        key = self.entries[-1].entry_key
        row = self.subject, member, operation.request_id, consent_id, key
        self.inquiries.append(StoredInquiry(*row, create_us=BEGIN_US + key))
        consented = self.consents[consent_id]
        self.consents[consent_id] = consented._replace(use_count=consented.use_count + 1)
        self._alert(member, operation)
        if consented.max_uses == consented.use_count + 1:
            self.hear_change(consent_id, operation, "EXHAUSTED")
        return operation

    def _shown(self) -> dict[str, Any]:
        """Return what a report on the subject shows."""
        newest = {one.tradeline_id: one for one in self.records}
        lines = [one for one in self.accounts.values() if one not in self.blocked]
        stale = [one for one in lines if newest[one].month == LONG_AGO]
        debts = [one for one in lines if one not in self.sold and one not in stale]
        balances = {"USD": sum(newest[one].balance_minor for one in debts)}
        return {
            "tradelines": lines,
            "sold": {one: self.sold[one] for one in lines if one in self.sold},
            "stale": stale,
            "totals": {"open": len(debts), "balances": balances},
        }

    def decide(self, query: Operation, **fields: Any) -> Operation:
        """A lender's decision on its report."""
        member = query.about["member"]
        operation = self.say(
            member,
            "decide",
            "decision",
            DecisionReceipt(
                subject_id=PERSON, inquiry_id=query.request_id, report_digest=bytes(32), **fields
            ),
            f"members/{member}",
            subject=PERSON,
            inquiry=query.request_id,
        )
        self.decisions.append(operation.request_id)
        return operation

    def complain(self, query: Operation) -> Operation:
        """Have the person complain about an inquiry."""
        member = query.about["member"]
        return self.say(
            "wallet-1",
            "complain",
            "complaint",
            ComplaintOpening(
                subject_id=PERSON,
                member_id=member,
                kind=COMPLAINT_KIND_INQUIRY_NOT_ASKED_FOR,
                deed=Deed(type=DEED_TYPE_INQUIRY, id=query.request_id),
            ),
            f"subjects/{PERSON}",
            subject=PERSON,
            inquiry=query.request_id,
        )

    def answer_complaint(self, complaint: Operation, member: str = "lender-1") -> Operation:
        """Have a lender uphold a complaint."""
        return self.say(
            member,
            "answer-complaint",
            "complaint-answer",
            ComplaintAnswer(
                complaint_id=complaint.request_id,
                subject_id=PERSON,
                outcome=COMPLAINT_OUTCOME_UPHELD,
            ),
            f"members/{member}",
        )

    def act(self, kind: int) -> Operation:
        """Submit the issuer's action on the person's card."""
        operation = self.submit(ISSUER)
        action = self.entries[-1].entry_key, operation.request_id, ISSUER, self.accounts[ISSUER]
        self.actions.append(StoredAction(*action, kind))
        return operation

    def review(self, consent: Operation, alert: str, kind: int) -> Operation:
        """Have the issuer's line agent freeze the card on an alert, or restore it."""
        query = self.query(consent, ISSUER, alert=alert)
        card, outcome = self.accounts[ISSUER], OUTCOME_OF[kind]
        reasons = [DecisionReason(code="regb.other")] if kind == FREEZE else []
        decision = self.decide(query, tradeline_id=card, outcome=outcome, reasons=reasons)
        line = {
            "tradeline": card,
            "outcome": FacilityActionKind(kind).name,
            "action": FacilityActionKind(kind).name,
            "decision": decision.leaf_index,
            "submission": self.act(kind).request_id,
            "problem": "",
        }
        self.report(query, "done", line)
        return query

    def report(self, query: Operation, state: str, *lines: dict[str, Any]) -> Operation:
        """Have the line agent report a review."""
        about = {"alert": query.about["alert"], "state": state, "lines": list(lines)}
        return self.note(ISSUER, "review", about=about | {"inquiry": query.request_id})

    def signed_again(self, operation: Operation, outcome: Outcome, reason: str = "") -> Operation:
        """Sign a decision again under its request id, in other bytes."""
        envelope = Envelope.FromString(base64.b64decode(operation.envelope))
        decision = DecisionReceipt.FromString(envelope.payload)
        decision.policy_version = "2"
        sealed = seal(decision, self.key).SerializeToString()
        again = replace(
            operation,
            envelope=base64.b64encode(sealed).decode(),
            outcome=outcome,
            reason=reason,
            receipt=operation.receipt if outcome is Outcome.OK else "",
        )
        self.operations.append(again)
        return again

    def attest(self, key: SigningKey, attester: str = "attester") -> Operation:
        """An attester binds a key to the person: the first one, or one that waits."""
        binding = KeyBinding(subject_id=self.subject, public_key=key.verify_key.raw)
        operation = self.say(
            "wallet-1",
            "attest",
            "attestation",
            KeyAttestation(binding=seal(binding, key)),
            f"members/{attester}",
            subject=self.subject,
        )
        now_us, key_id = self.entries[-1].time_us, key.verify_key.key_id
        others = [one for one in self.keys.values() if one.subject_id == self.subject]
        start_us = now_us + WAITING_US if others else now_us
        self.keys.setdefault(key_id, StoredKey(key_id, self.subject, start_us, NEVER, 0))
        return operation

    def take_over(self, key: SigningKey) -> None:
        """Two attesters bind a key in place of the person's, which signs from then on."""
        for attester in ("attester", "attester-2"):
            self.attest(key, attester)
        now_us, key_id = self.entries[-1].time_us, key.verify_key.key_id
        old_id, self.person = self.person.verify_key.key_id, key
        self.keys[old_id] = self.keys[old_id]._replace(end_us=now_us)
        self.keys[key_id] = self.keys[key_id]._replace(start_us=now_us)

    def repudiate(self, key: SigningKey, earlier: SigningKey) -> Operation:
        """The person's earlier key repudiates the one that took its place."""
        self.person, key_id = earlier, key.verify_key.key_id
        operation = self.say(
            "wallet-1",
            "repudiate",
            "key-repudiation",
            KeyRepudiation(subject_id=PERSON, key_id=key_id),
            f"subjects/{PERSON}",
            subject=PERSON,
        )
        now_us, old_id = self.entries[-1].time_us, earlier.verify_key.key_id
        self.keys[key_id] = self.keys[key_id]._replace(end_us=now_us, repudiated=1)
        self.keys[old_id] = self.keys[old_id]._replace(end_us=NEVER)
        for entry in self.entries:
            if entry.kind == "consent" and signing_key(entry.envelope) == key_id:
                row = self.consents[entry.request_id]
                self.consents[row.consent_id] = row._replace(state=CONSENT_STATE_REVOKED)
                self.hear_change(row.consent_id, operation, "REVOKED")
        return operation

    def erase(self) -> Operation:
        """The operator erases the person's accounts."""
        accounts = list(self.accounts.values())
        self.accounts.clear()
        self.erased.update(accounts)
        self.records = [one for one in self.records if one.tradeline_id not in self.erased]
        erasure = Erasure(
            subject_id=PERSON,
            accounts=[ErasedAccount(tradeline_id=one, subject_ids=[PERSON]) for one in accounts],
        )
        sealed, request_id = self._sealed(erasure, "members/operator")
        self._append("erasure", "members/operator", request_id, sealed, b"")
        about = {"subject": PERSON, "tradelines": accounts, "error": ""}
        return self.note("operator", "erase", about=about)

    def freeze(self) -> Operation:
        """A person freezes their file."""
        operation = self.say(
            "wallet-1",
            "hold",
            "hold",
            HoldPlacement(),
            f"subjects/{self.subject}",
            subject=self.subject,
        )
        self.holds.add(operation.request_id)
        return operation

    def lift(self, hold: Operation) -> Operation:
        """And ends that."""
        self.holds.discard(hold.request_id)
        return self.say(
            "wallet-1",
            "lift",
            "hold-lift",
            HoldLift(hold_id=hold.request_id),
            f"subjects/{self.subject}",
            subject=self.subject,
            hold=hold.request_id,
        )

    def note(
        self, worker: str, kind: str, outcome: Outcome = Outcome.OK, **fields: Any
    ) -> Operation:
        """Something that is no statement of its own."""
        begin = self.now_ns
        self.now_ns += SECOND
        operation = Operation(worker, kind, fields.pop("request_id", ""), outcome, begin, begin + 1)
        operation = replace(operation, **fields)
        self.operations.append(operation)
        return operation

    def event(self, kind: str, name: str, number: int = 0) -> None:
        """Something on the time line."""
        self.events.append(Event(self.now_ns, kind, name, number))

    def evidence(self) -> Evidence:
        """What an auditor would collect."""
        statements = {
            (entry.signer, entry.request_id): receipt
            for entry in self.entries
            if (receipt := self._receipt_of(entry.request_id))
        }
        refused = {
            (_signer(one), one.request_id): "NOT_FOUND"
            for one in self.operations
            if one.envelope
            and one.outcome is Outcome.FAILED
            and one.kind != "attack"
            and one.about.get("how") != "other bytes"
        }
        nodes = [self._node(name, refused | statements) for name in ("node-1", "node-2")]
        return Evidence(
            origin=ORIGIN,
            log_key=note_vkey(ORIGIN, self.key.verify_key),
            operations=list(self.operations),
            events=list(self.events),
            nodes=nodes,
            databases=[self._database(name) for name in ("postgres-a", "postgres-b")],
            kept={"checkpoint-node-1": self.notes[-1][1]},
            witnesses={"witness-1": note_vkey(WITNESS, self.witness.verify_key, COSIGNATURE_V1)},
            cosigned={"witness-1": self.notes[-1][1]},
        )

    def signed(self, size: int, root: bytes) -> str:
        """A checkpoint of the log's, true or not."""
        return sign_checkpoint(Checkpoint(ORIGIN, size, root), self.key)

    @property
    def head(self) -> ChainHead:
        """The head of the person's chain of events."""
        links = [link for link in self.links if link.subject_id == self.subject]
        return ChainHead(links[-1].number, links[-1].hash) if links else ChainHead()

    def _sealed(self, statement: Any, signer: str) -> tuple[Envelope, str]:
        request_id = str(uuid.uuid4())
        statement.header.CopyFrom(Header(audience=ORIGIN, signer=signer, request_id=request_id))
        keys = {
            f"subjects/{PERSON}": self.person,
            f"subjects/{FROZEN}": self.frozen,
            f"subjects/{DEBTOR}": self.debtor,
        }
        return seal(statement, keys.get(signer, self.key)), request_id

    def _operation(
        self, worker: str, kind: str, request_id: str, sealed: Envelope, about: dict[str, Any]
    ) -> Operation:
        begin = self.now_ns
        self.now_ns += SECOND
        return Operation(
            worker,
            kind,
            request_id,
            Outcome.FAILED,
            begin,
            begin + SECOND // 10,
            envelope=base64.b64encode(sealed.SerializeToString()).decode(),
            about=about,
        )

    def _append(
        self, kind: str, signer: str, request_id: str, sealed: Envelope, answer: bytes
    ) -> Receipt:
        index = len(self.entries)
        salt = bytes([index % 256]) * 32
        line = LeafStatement(kind, digest(sealed), answer, BEGIN_US + index)
        leaf = commitment(line, salt)
        (proof,) = self.tree.extend_with_proofs([leaf_hash(leaf)])
        note = self.signed(self.tree.size, self.tree.root())
        self.notes.append((self.tree.size, note))
        key = 1000 + index
        self.entries.append(
            Entry(
                key,
                index,
                kind,
                signer,
                request_id,
                line.envelope_digest,
                answer,
                salt,
                leaf,
                line.time_us,
                sealed.SerializeToString(),
            )
        )
        self.effects.setdefault(kind, set()).add(key)
        if kind != "submission":
            head = extend(self.head, [leaf_hash(leaf)])
            self.links.append(StoredLink(self.subject, head.events, index, head.hash))
        return Receipt(index, tuple(proof), note, salt, line)

    def _alert(self, actor: str, operation: Operation) -> None:
        key, leaf = self.entries[-1].entry_key, operation.leaf_index or 0
        for one in self.operations:
            monitors = one.kind == "grant" and "MONITOR" in one.about["actions"]
            if monitors and one.about["subject"] == self.subject:
                member, ordinal = one.about["grantee"], len(self.alerts) % 1
                if member != actor:
                    row = key, ordinal, member, PERSON, one.request_id, ALERT_KIND_NEW_INQUIRY
                    self.alerts.append(StoredAlert(*row))
                    self.hear(member, leaf, one.request_id)

    def hear(self, member: str, leaf: int, consent_id: str, stream: int = 1) -> Operation:
        """A member's watcher hears an alert."""
        return self.note(
            "watcher-1",
            "alert",
            leaf_index=leaf,
            about={
                "stream": stream,
                "cursor": leaf << 20,
                "alert": f"{leaf}-0",
                "kind": "NEW_INQUIRY",
                "consent": consent_id,
                "member": member,
            },
        )

    def hear_change(
        self, consent_id: str, cause: Operation | None, kind: str, time_us: int = 0
    ) -> Operation:
        """The grantee's watcher hears of a change of a consent.

        Args:
            cause: The statement that caused it; None for an expiry.
        """
        return self.note(
            "watcher-1",
            "consent-change",
            leaf_index=cause.leaf_index if cause else None,
            about={
                "stream": 2,
                "kind": kind,
                "consent": consent_id,
                "time_us": time_us,
                "member": self.consents[consent_id].grantee,
            },
        )

    def _receipt_of(self, request_id: str) -> str:
        return next(
            (
                one.receipt
                for one in self.operations
                if one.request_id == request_id and one.receipt
            ),
            "",
        )

    def _node(self, name: str, receipts: dict[tuple[str, str], str]) -> Node:
        submissions: dict[str, list[str]] = {"lender-1": [], "lender-2": [], ISSUER: []}
        for row in self.submissions:
            submissions[row.member_id].append(row.submission_id)
        leaf_of = {entry.entry_key: entry.leaf_index for entry in self.entries}
        alerts: dict[str, list[Delivered]] = {"lender-1": [], "lender-2": []}
        for alert in self.alerts:
            leaf = leaf_of[alert.entry_key]
            given = Delivered(leaf << 20, leaf, alert.consent_id, "NEW_INQUIRY")
            alerts[alert.member_id].append(given)
        leaves = [entry.commitment for entry in self.entries]
        first, second = 1, len(leaves)
        proof = consistency_path(Nodes([leaf_hash(leaf) for leaf in leaves]), first, second)
        return Node(
            name,
            newest=self.notes[-1][1],
            checkpoints=[note for _, note in self.notes],
            leaves=leaves,
            submissions=submissions,
            receipts=dict(receipts),
            replays={
                one.request_id: GONE if self.erased & set(one.about["tradelines"]) else "aa"
                for one in self.operations
                if one.kind == "query" and one.outcome is Outcome.OK
            },
            disclosed={
                PERSON: [
                    row.inquiry_id
                    for row in self.inquiries
                    if row.entry_key and row.subject_id == PERSON
                ]
            },
            decisions={PERSON: list(self.decisions)},
            files={
                PERSON: SeenFile(
                    len(leaves),
                    self.head.events,
                    self.head.hash.hex(),
                    frozenset(self.holds),
                    frozenset(self.accounts.values()),
                    {
                        card: tuple(
                            one.submission_id for one in self.actions if one.tradeline_id == card
                        )
                    }
                    if (card := self.accounts.get(ISSUER))
                    else {},
                    {
                        one.tradeline_id: one.balance_minor
                        for one in self.records
                        if one.tradeline_id in self.accounts.values()
                    },
                )
            },
            notices={PERSON: set(self.erased)},
            returned={PERSON: list(self.returned)},
            noticed={PERSON: self._noticed()},
            lines={PERSON: self._lines()},
            deadlines={PERSON: []},
            erased=set(self.erased),
            keys={
                key_id: key_id
                in {one.verify_key.key_id for one in (self.person, self.frozen, self.debtor)}
                for key_id in self.keys
            },
            alerts=alerts,
            proofs=[(first, second, proof)],
        )

    def _noticed(self) -> list[tuple[int, str]]:
        """The notices to the person, each of an event of their chain."""
        kinds = {entry.leaf_index: entry.kind for entry in self.entries}
        return [
            (link.leaf_index, KINDS[kinds[link.leaf_index]])
            for link in self.links
            if link.subject_id == PERSON and kinds[link.leaf_index] in KINDS
        ]

    def _lines(self) -> list[LineNotice]:
        """The notices to the person of what lenders did to their lines."""
        done = done_to_lines(self._database("postgres-a"))
        return [one for one, people in done if PERSON in people]

    def hear_notice(self) -> Operation:
        """The person's wallet opens its stream, and hears of the first deed."""
        leaf_index, kind = self._noticed()[0]
        about = {"subject": PERSON, "leaf": leaf_index, "kind": kind}
        return self.note("wallet-1", "hear", about=about)

    def _database(self, name: str) -> Database:
        return Database(
            name,
            list(self.entries),
            inquiries=list(self.inquiries),
            consents=list(self.consents.values()),
            submissions=list(self.submissions),
            actions=list(self.actions),
            records=list(self.records),
            alerts=list(self.alerts),
            links=list(self.links),
            keys=list(self.keys.values()),
            checkpoints=list(self.notes),
            cosignatures=[
                (size, WITNESS, cosignature_line(note, WITNESS, self.witness, size))
                for size, note in self.notes[::5]
            ],
            effects={kind: set(keys) for kind, keys in self.effects.items()},
            head=(self.tree.size, b"".join(self.tree.hashes)),
        )


def _signer(one: Operation) -> str:
    payload = Envelope.FromString(base64.b64decode(one.envelope)).payload
    return SubmissionManifest.FromString(payload).header.signer
