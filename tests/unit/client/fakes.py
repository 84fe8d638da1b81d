"""A bureau in memory: it signs, logs and answers as the contract says, and can be
told to lie. The SDK reaches it through its transport, so that everything above the
network is the real thing."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from google.protobuf.message import Message

from bureau_client import (
    AccountStatus,
    Auditor,
    Lender,
    Month,
    Party,
    PortfolioType,
    RetryPolicy,
    Snapshot,
    Wallet,
)
from bureau_client._codec.scalars import micros_of, timestamp_of
from bureau_client._transport.engine import Attempt
from bureau_client._transport.grpc_sync import Driver
from bureau_client._transport.load_balancing import AddressBook
from bureau_client._transport.request_ids import LastRequestId
from bureau_client.errors import BureauError, NotFound, NotWitnessed
from bureau_client.sync.client import Client
from bureau_keys import merkle
from bureau_keys.checkpoint import Checkpoint, sign_checkpoint
from bureau_keys.cosignature import cosign
from bureau_keys.envelope import digest, new_header, peek, seal
from bureau_keys.event_chain import ChainHead, extend
from bureau_keys.note import COSIGNATURE_V1, note_vkey
from bureau_keys.profile import Profile, Trust
from bureau_keys.pseudonym import Evaluator
from bureau_keys.receipt import LeafStatement, commitment
from bureau_keys.signer_name import member_signer
from bureau_keys.signing import SigningKey
from creditbureau.v1 import (
    codes_pb2,
    consent_pb2,
    consents_pb2,
    directory_pb2,
    furnishing_pb2,
    log_pb2,
    members_pb2,
    record_pb2,
    report_pb2,
    reporting_pb2,
    subjects_pb2,
)
from creditbureau.v1.envelope_pb2 import Envelope, Header

ORIGIN = "fake.example/log"
NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, UTC)
SUBJECT = "ab" * 16
CONSENT = str(uuid4())
JANUARY = Month(2026, 1)
# Sections of the consent that reports rest on.
SECTIONS = [
    codes_pb2.SECTION_TRADELINES,
    codes_pb2.SECTION_PAYMENT_HISTORY,
    codes_pb2.SECTION_EVIDENCE,
]
# The state that each transition leads to.
AFTER = {
    consent_pb2.CONSENT_TRANSITION_PAUSE: consent_pb2.CONSENT_STATE_PAUSED,
    consent_pb2.CONSENT_TRANSITION_RESUME: consent_pb2.CONSENT_STATE_ACTIVE,
    consent_pb2.CONSENT_TRANSITION_REVOKE: consent_pb2.CONSENT_STATE_REVOKED,
}
ROUTES = AddressBook(["bureau.example:7443"])
NO_WAIT = RetryPolicy(first_pause_seconds=0.0)


def clock() -> datetime:
    return NOW


def header(signer: str, request_id: str) -> Header:
    return Header(
        audience=ORIGIN,
        signer=signer,
        request_id=request_id,
        issue_time=timestamp_of(NOW),
        schema_version=1,
    )


def snapshot(account_ref: str = "A-1", month: Month = JANUARY, **values: Any) -> Snapshot:
    fields: dict[str, Any] = {
        "account_ref": account_ref,
        "month": month,
        "parties": (Party(SUBJECT),),
        "portfolio_type": PortfolioType.REVOLVING,
        "account_type": "18",
        "currency": "CNY",
        "open_date": date(2020, 5, 17),
        "status": AccountStatus.CURRENT,
        "balance_minor": 123_45,
    }
    return Snapshot(**(fields | values))


def connect(
    client: Client,
    bureau: FakeBureau,
    policy: RetryPolicy = NO_WAIT,
    sleep: Callable[[float], None] = lambda _: None,
) -> None:
    """Let a client reach the bureau in memory."""
    around = client._driver._around
    client._driver = Driver(bureau, ROUTES, policy, around=around, sleep=sleep)


@dataclass(slots=True)
class FakeLog:
    """An append-only log that signs a checkpoint after each leaf."""

    key: SigningKey = field(default_factory=SigningKey.generate)
    leaves: list[bytes] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def checkpoint(self, size: int | None = None) -> str:
        leaves = self.leaves[:size]
        root = merkle.root_of([merkle.leaf_hash(leaf) for leaf in leaves])
        return sign_checkpoint(Checkpoint(ORIGIN, len(leaves), root), self.key)

    def append(self, kind: str, envelope: Envelope, answer: bytes = b"") -> log_pb2.Receipt:
        salt = os.urandom(32)
        answer_digest = hashlib.sha256(answer).digest() if answer else b""
        statement = LeafStatement(kind, digest(envelope), answer_digest, micros_of(NOW))
        self.leaves.append(commitment(statement, salt))
        note = self.checkpoint()
        self.notes.append(note)
        hashes = [merkle.leaf_hash(leaf) for leaf in self.leaves]
        return log_pb2.Receipt(
            leaf_index=len(self.leaves) - 1,
            proof=merkle.inclusion_proof(hashes, len(hashes) - 1),
            checkpoint=note,
            salt=salt,
            kind=kind,
            answer_digest=answer_digest,
            log_time=timestamp_of(NOW),
        )


class FakeBureau:
    """Answers attempts. `mend` may change an answer before it leaves; `fail` is
    asked first and may raise."""

    def __init__(self) -> None:
        self.last_request_id = LastRequestId()
        self.log = FakeLog()
        self.report_key = SigningKey.generate()
        self.member_key = SigningKey.generate()
        self.operator_key = SigningKey.generate()
        self.evaluator = Evaluator.from_seed(bytes(32))
        # Its witnesses by name, how many a receipt needs, and whether they have seen all.
        self.witnesses: dict[str, SigningKey] = {}
        self.quorum = 0
        self.max_cosignature_age_seconds = 0
        self.issued_identifiers_only = False
        self.witnessed = True
        self.witness_time_s = 1_772_366_400
        # The folder in which clients keep what they have seen.
        self.memory_folder: Path | None = None
        self.calls: list[Attempt] = []
        self.fail: Callable[[Attempt], BureauError | None] = lambda _: None
        self.mend: Callable[[str, Any], None] = lambda _method, _reply: None
        self.tamper: Callable[[report_pb2.Report], None] = lambda _: None
        self.tamper_evidence: Callable[[report_pb2.Report, report_pb2.EvidencePage], None] = (
            lambda _report, _page: None
        )
        self.answers: dict[str, Callable[[Any], Message]] = {}
        # What a stream brings; an error breaks it.
        self.streams: dict[str, Callable[[Any], Iterable[Any]]] = {}
        self.terms: dict[str, Any] = {}
        self.batches: list[list[bytes]] = []
        self.furnished: list[tuple[Envelope, list[bytes], log_pb2.Receipt]] = []
        # Leaf hashes of the subject's chain of events: the consent, then the inquiries.
        self.events: list[bytes] = [merkle.leaf_hash(b"consent")]
        self.consents: list[consents_pb2.ConsentView] = []
        self.subject_key = SigningKey.generate()
        # The attestation of the subject's key, made when it is first needed.
        self.attestation: members_pb2.LoggedStatement | None = None
        # The proof of the consent that reports rest on, made when the first is asked for.
        self.consent_proof: reporting_pb2.ConsentProof | None = None
        self.operator = self._admit("operator", self.operator_key, codes_pb2.ROLE_OPERATOR)
        self.admission = self._admit(
            "acme", self.member_key, codes_pb2.ROLE_FURNISHER, codes_pb2.ROLE_SUBSCRIBER
        )

    @property
    def trust(self) -> Trust:
        return Trust(
            origin=ORIGIN,
            log_key=note_vkey(ORIGIN, self.log.key.verify_key),
            operator_key=self.operator_key.verify_key.raw,
            report_keys=(self.report_key.verify_key.raw,),
            directory_key=self.evaluator.public_key,
            witnesses=tuple(
                note_vkey(name, key.verify_key, COSIGNATURE_V1)
                for name, key in self.witnesses.items()
            ),
            quorum=self.quorum,
            max_cosignature_age_seconds=self.max_cosignature_age_seconds,
            issued_identifiers_only=self.issued_identifiers_only,
        )

    def profile(self, *addresses: str) -> Profile:
        return Profile(
            member_id="acme",
            addresses=addresses or ("one:1",),
            trust=self.trust,
            ca_pem=b"",
            tls_certificate_pem=b"",
            tls_key_pem=b"",
            signing_key_pem=self.member_key.to_pem(),
            memory_folder=self.memory_folder,
        )

    def statement(self) -> Envelope:
        """A signed statement of somebody else, which becomes a leaf."""
        inquiry = reporting_pb2.Inquiry(header=header("members/acme", str(uuid4())))
        return seal(inquiry, self.member_key)

    def lender(self) -> Lender:
        lender = Lender(self.profile(), clock=clock)
        connect(lender, self)
        return lender

    def wallet(self, key: SigningKey | None = None) -> Wallet:
        wallet = Wallet(self.profile(), SUBJECT, key or self.subject_key, clock=clock)
        connect(wallet, self)
        return wallet

    def auditor(self) -> Auditor:
        auditor = Auditor(self.profile(), clock=clock)
        connect(auditor, self)
        return auditor

    # The transport.

    def send(self, attempt: Attempt) -> Message:
        self.calls.append(attempt)
        error = self.fail(attempt)
        if error is not None:
            raise error
        method = attempt.call.method.path.rpartition("/")[2]
        answer = self.answers.get(method) or getattr(self, method)
        reply: Message = answer(attempt.call.request)
        self.mend(method, reply)
        return reply

    def stream(self, attempt: Attempt) -> Iterator[Any]:
        self.calls.append(attempt)
        method = attempt.call.method.path.rpartition("/")[2]
        for reply in self.streams[method](attempt.call.request):
            if isinstance(reply, BureauError):
                raise reply
            yield reply

    def close(self) -> None:
        pass

    # The methods, by their names in the contract.

    def Evaluate(self, request: directory_pb2.EvaluateRequest) -> Message:  # noqa: N802
        evaluation = peek(request.evaluation, directory_pb2.Evaluation)
        return directory_pb2.EvaluateResponse(
            evaluated_elements=self.evaluator.evaluate(list(evaluation.blinded_elements)),
            receipt=self.log.append("evaluation", request.evaluation),
        )

    def SubmitRecords(self, request: furnishing_pb2.SubmitRecordsRequest) -> Message:  # noqa: N802
        manifest = peek(request.manifest, record_pb2.SubmissionManifest)
        records = list(record_pb2.RecordBatch.FromString(request.batch).records)
        assert merkle.root_of([merkle.leaf_hash(r) for r in records]) == manifest.records_root
        receipt = self.log.append("submission", request.manifest)
        self.batches.append(records)
        self.furnished.append((request.manifest, records, receipt))
        return furnishing_pb2.SubmitRecordsResponse(
            submission=furnishing_pb2.Submission(
                submission_id=manifest.header.request_id,
                kind=manifest.kind,
                record_count=len(records),
                label=manifest.label,
                leaf_index=receipt.leaf_index,
            ),
            receipt=receipt,
        )

    def GetSubmission(self, _: furnishing_pb2.GetSubmissionRequest) -> Message:  # noqa: N802
        raise NotFound("no such submission")

    def QueryReport(self, request: reporting_pb2.QueryReportRequest) -> Message:  # noqa: N802
        inquiry = peek(request.inquiry, reporting_pb2.Inquiry)
        report = self.report(inquiry.header.request_id, request.inquiry)
        report.member_id = inquiry.header.signer.removeprefix("members/")
        report.purpose = inquiry.purpose
        report.consent_id = inquiry.consent_id
        consent = self._consent()
        report.sections.extend(SECTIONS)
        report.log_size = len(self.log.leaves)
        report.event_chain_hash = extend(ChainHead(), self.events).hash
        for name, value in self.terms.items():
            setattr(report, name, value)
        evidence = self._fill(report) if inquiry.evidence > 1 else None
        sealed = seal(report, self.report_key)
        receipt = self.log.append("inquiry", request.inquiry, sealed.payload)
        self.events.append(merkle.leaf_hash(self.log.leaves[-1]))
        return reporting_pb2.QueryReportResponse(
            report=sealed, receipt=receipt, evidence=evidence, consent=consent
        )

    def ProveEvents(self, request: reporting_pb2.ProveEventsRequest) -> Message:  # noqa: N802
        hashes = [
            extend(ChainHead(), self.events[:size]).hash for size in range(len(self.events) + 1)
        ]
        first, last = hashes.index(request.first_hash), hashes.index(request.second_hash)
        return reporting_pb2.ProveEventsResponse(leaf_hashes=self.events[first:last])

    def GetFile(self, request: subjects_pb2.GetFileRequest) -> Message:  # noqa: N802
        asked = peek(request.subject_request, consents_pb2.SubjectRequest)
        report = self.report(asked.header.request_id, request.subject_request)
        report.purpose = codes_pb2.PURPOSE_SUBJECT_DISCLOSURE
        report.log_size = len(self.log.leaves)
        return subjects_pb2.GetFileResponse(file=seal(report, self.report_key))

    def GrantConsent(self, request: consents_pb2.GrantConsentRequest) -> Message:  # noqa: N802
        consent = peek(request.consent, consent_pb2.Consent)
        keys = [self._attestation()]
        receipt = self.log.append("consent", request.consent)
        view = consents_pb2.ConsentView(
            consent_id=consent.header.request_id,
            consent=request.consent,
            receipt=receipt,
            state=consent_pb2.CONSENT_STATE_ACTIVE,
        )
        self.consents.append(view)
        return consents_pb2.GrantConsentResponse(consent=view, receipt=receipt, keys=keys)

    def ChangeConsent(self, request: consents_pb2.ChangeConsentRequest) -> Message:  # noqa: N802
        change = peek(request.change, consent_pb2.ConsentChange)
        view = next(v for v in self.consents if v.consent_id == change.consent_id)
        view.state = AFTER[change.transition]
        receipt = self.log.append("consent-change", request.change)
        view.changes.add(envelope=request.change, receipt=receipt)
        return consents_pb2.ChangeConsentResponse(
            consent=view, receipt=receipt, keys=[self._attestation()]
        )

    def ListConsents(self, request: consents_pb2.ListConsentsRequest) -> Message:  # noqa: N802
        start = int(request.page_token or 0)
        return consents_pb2.ListConsentsResponse(
            consents=self.consents[start : start + 1],
            next_page_token=str(start + 1) if start + 1 < len(self.consents) else "",
            keys=[self._attestation()] if self.consents else [],
        )

    def AttestKey(self, request: subjects_pb2.AttestKeyRequest) -> Message:  # noqa: N802
        receipt = self.log.append("attestation", request.attestation)
        self.attestation = members_pb2.LoggedStatement(
            envelope=request.attestation, receipt=receipt
        )
        return subjects_pb2.AttestKeyResponse(receipt=receipt)

    def RotateKey(self, request: subjects_pb2.RotateKeyRequest) -> Message:  # noqa: N802
        return subjects_pb2.RotateKeyResponse(
            receipt=self.log.append("key-rotation", request.rotation)
        )

    def ChangeCredential(  # noqa: N802
        self, request: members_pb2.ChangeCredentialRequest
    ) -> Message:
        return members_pb2.ChangeCredentialResponse(
            receipt=self.log.append("credential", request.change)
        )

    def ListInquiries(self, _: subjects_pb2.ListInquiriesRequest) -> Message:  # noqa: N802
        header = new_header(ORIGIN, member_signer("acme"), micros_of(NOW))
        inquiry = reporting_pb2.Inquiry(
            header=header,
            subject_id=SUBJECT,
            purpose=codes_pb2.PURPOSE_CREDIT_APPLICATION,
            consent_id=header.request_id,
        )
        sealed = seal(inquiry, self.member_key)
        receipt = self.log.append("inquiry", sealed, b"the report")
        line = report_pb2.InquiryLine(
            inquiry_id=header.request_id,
            member_id="acme",
            purpose=inquiry.purpose,
            outcome=report_pb2.INQUIRY_OUTCOME_REPORTED,
            create_time=timestamp_of(NOW),
            consent_id=inquiry.consent_id,
            leaf_index=receipt.leaf_index,
            statement=1,
        )
        logged = members_pb2.LoggedStatement(envelope=sealed, receipt=receipt)
        return subjects_pb2.ListInquiriesResponse(inquiries=[line], statements=[logged])

    def GetMember(self, request: members_pb2.GetMemberRequest) -> Message:  # noqa: N802
        for member in (self.admission, self.operator):
            if request.member_id == member.member_id:
                return members_pb2.GetMemberResponse(member=member)
        raise NotFound("no such member")

    def GetCheckpoint(self, request: log_pb2.GetCheckpointRequest) -> Message:  # noqa: N802
        if request.cosignatures:
            if not self.witnessed:
                raise NotWitnessed("not yet", reason="NOT_WITNESSED")
            return log_pb2.GetCheckpointResponse(checkpoint=self.cosigned())
        return log_pb2.GetCheckpointResponse(checkpoint=self.log.notes[-1])

    def cosigned(self, note: str = "") -> str:
        """The newest checkpoint, or another, with a cosignature of every witness."""
        note = note or self.log.checkpoint()
        for name, key in self.witnesses.items():
            note = cosign(note, name, key, self.witness_time_s)
        return note

    def GetInclusionProof(  # noqa: N802
        self, request: log_pb2.GetInclusionProofRequest
    ) -> Message:
        hashes = [merkle.leaf_hash(leaf) for leaf in self.log.leaves[: request.tree_size]]
        proof = merkle.inclusion_proof(hashes, request.leaf_index)
        return log_pb2.GetInclusionProofResponse(proof=proof, tree_size=request.tree_size)

    def GetConsistencyProof(  # noqa: N802
        self, request: log_pb2.GetConsistencyProofRequest
    ) -> Message:
        hashes = [merkle.leaf_hash(leaf) for leaf in self.log.leaves]
        if request.second_size > len(hashes):
            raise NotFound(f"size {request.second_size} is beyond the log", reason="BEYOND_LOG")

        class Nodes:
            def node(self, level: int, index: int) -> bytes:
                return merkle.root_of(hashes[index << level : (index + 1) << level])

        proof = merkle.consistency_path(Nodes(), request.first_size, request.second_size)
        return log_pb2.GetConsistencyProofResponse(proof=proof)

    def ListCheckpoints(self, request: log_pb2.ListCheckpointsRequest) -> Message:  # noqa: N802
        start = int(request.page_token or 0)
        more = start + 3 < len(self.log.notes)
        return log_pb2.ListCheckpointsResponse(
            checkpoints=self.log.notes[start : start + 3],
            next_page_token=str(start + 3) if more else "",
        )

    def ListLeaves(self, request: log_pb2.ListLeavesRequest) -> Message:  # noqa: N802
        start = request.start_index
        # Small pages, so that the audit has to ask again.
        leaves = self.log.leaves[start : start + min(request.page_size, 4)]
        return log_pb2.ListLeavesResponse(commitments=leaves, tree_size=len(self.log.leaves))

    def GetTile(self, request: log_pb2.GetTileRequest) -> Message:  # noqa: N802
        leaves = self.log.leaves[256 * request.index :][:256]
        hashes = b"".join(merkle.leaf_hash(leaf) for leaf in leaves)
        return log_pb2.GetTileResponse(hashes=hashes)

    # What reports are made of.

    def report(self, request_id: str, request: Envelope) -> report_pb2.Report:
        report = report_pb2.Report(
            header=header("bureau", request_id),
            request_digest=digest(request),
            subject_id=SUBJECT,
            outcome=report_pb2.REPORT_OUTCOME_NO_HIT,
        )
        self.tamper(report)
        return report

    def _fill(self, report: report_pb2.Report) -> report_pb2.EvidencePage:
        """A tradeline for the newest furnished record, and the evidence for it."""
        manifest, records, receipt = self.furnished[-1]
        record = record_pb2.Record.FromString(records[-1])
        signed = record.snapshot
        report.outcome = report_pb2.REPORT_OUTCOME_HIT
        line = report.tradelines.add(
            tradeline_id="cd" * 16,
            member_id="acme",
            role=codes_pb2.PARTY_ROLE_INDIVIDUAL,
            party_count=len(signed.parties),
            history=report_pb2.PaymentHistory(
                newest_month=signed.month,
                profile="01",
                balance_minor=[signed.balance_minor, 7],
                amount_due_minor=[0, 0],
                amount_paid_minor=[0, 0],
                amount_past_due_minor=[0, 0],
            ),
        )
        for descriptor, value in signed.ListFields():
            if descriptor.name in line.DESCRIPTOR.fields_by_name:
                setattr(line, descriptor.name, value)
        hashes = [merkle.leaf_hash(r) for r in records]
        piece = report_pb2.Evidence(
            tradeline_id="cd" * 16,
            month=signed.month,
            record=records[-1],
            record_index=len(records) - 1,
            proof=merkle.inclusion_proof(hashes, len(records) - 1),
        )
        logged = members_pb2.LoggedStatement(envelope=manifest, receipt=receipt)
        page = report_pb2.EvidencePage(manifests=[logged], evidence=[piece])
        self.tamper_evidence(report, page)
        return page

    def _consent(self) -> reporting_pb2.ConsentProof:
        """The subject's consent, under a key that acme attested."""
        if self.consent_proof is None:
            attestation = self._attestation()
            consent = consent_pb2.Consent(
                header=header(f"subjects/{SUBJECT}", CONSENT),
                subject_id=SUBJECT,
                grantee="acme",
                actions=[codes_pb2.ACTION_INQUIRE],
                purposes=[codes_pb2.PURPOSE_CREDIT_APPLICATION],
                sections=SECTIONS,
                history_months=24,
                start_time=timestamp_of(NOW),
                expire_time=timestamp_of(in_days(30)),
            )
            granted = seal(consent, self.subject_key)
            self.consent_proof = reporting_pb2.ConsentProof(
                keys=[attestation],
                consent=members_pb2.LoggedStatement(
                    envelope=granted, receipt=self.log.append("consent", granted)
                ),
            )
        return self.consent_proof

    def _attestation(self) -> members_pb2.LoggedStatement:
        """The attestation of the subject's key by acme."""
        if self.attestation is None:
            binding = subjects_pb2.KeyBinding(
                header=header(f"subjects/{SUBJECT}", str(uuid4())),
                subject_id=SUBJECT,
                public_key=self.subject_key.verify_key.raw,
            )
            attestation = subjects_pb2.KeyAttestation(
                header=header("members/acme", str(uuid4())),
                binding=seal(binding, self.subject_key),
                method=subjects_pb2.IDENTIFICATION_METHOD_IN_PERSON,
            )
            attested = seal(attestation, self.member_key)
            self.attestation = members_pb2.LoggedStatement(
                envelope=attested, receipt=self.log.append("attestation", attested)
            )
        return self.attestation

    def _admit(
        self, member_id: str, key: SigningKey, *roles: codes_pb2.Role.ValueType
    ) -> members_pb2.Member:
        possession = members_pb2.KeyPossession(
            header=header(f"members/{member_id}", str(uuid.uuid4())),
            public_key=key.verify_key.raw,
        )
        admission = seal(
            members_pb2.Admission(
                header=header("members/operator", str(uuid.uuid4())),
                member_id=member_id,
                display_name=member_id.title(),
                roles=roles,
                jurisdiction="CN",
                keys=[seal(possession, key)],
            ),
            self.operator_key,
        )
        receipt = self.log.append("admission", admission)
        member_key = members_pb2.MemberKey(
            key_id=key.verify_key.key_id,
            public_key=key.verify_key.raw,
            valid_from_index=receipt.leaf_index,
        )
        statement = members_pb2.LoggedStatement(envelope=admission, receipt=receipt)
        return members_pb2.Member(
            member_id=member_id,
            display_name=member_id.title(),
            state=members_pb2.MEMBER_STATE_ACTIVE,
            roles=roles,
            jurisdiction="CN",
            keys=[member_key],
            statements=[statement],
        )


def in_days(days: int) -> datetime:
    return NOW + timedelta(days=days)


Deceive = Callable[[FakeBureau], None]


def lie(field: str, value: Any) -> Deceive:
    """The bureau signs a report that says something else."""

    def deceive(bureau: FakeBureau) -> None:
        bureau.tamper = lambda report: setattr(report, field, value)

    return deceive
