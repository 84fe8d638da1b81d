"""A client without manners: signs and sends whatever a test wants."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2 as details
from grpc_status import rpc_status

from bureau.rpc.methods import SERVICES
from bureau_keys.envelope import seal
from bureau_keys.merkle import leaf_hash, root_of
from bureau_keys.profile import Profile
from bureau_keys.signing import SigningKey
from creditbureau.v1 import (
    codes_pb2,
    consent_pb2,
    furnishing_pb2,
    record_pb2,
    reporting_pb2,
    subjects_pb2,
)
from creditbureau.v1.envelope_pb2 import Envelope, Header

# Seconds to wait for the first message of a stream.
STREAM_S = 5.0
# Attempts of one request that meets CONFLICT, and seconds between two of them.
ATTEMPTS, PAUSE_S = 20, 0.1
SECTIONS = [1, 2, 3, 4, 6]
DETAILS = (
    details.ErrorInfo,
    details.BadRequest,
    details.RequestInfo,
    details.LocalizedMessage,
    details.RetryInfo,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of a call."""

    code: str
    reason: str = ""
    fields: tuple[str, ...] = ()
    fix: str = ""
    request_id: str = ""
    message: str = ""
    reply: Any = None


@dataclass(slots=True)
class Raw:
    """A member's certificate and key, and no rules."""

    profile: Profile
    key: SigningKey = field(init=False)
    channel: grpc.Channel = field(init=False)

    def __post_init__(self) -> None:
        self.key = SigningKey.from_pem(self.profile.signing_key_pem)
        self.channel = channel_of(self.profile)

    @property
    def signer(self) -> str:
        return f"members/{self.profile.member_id}"

    def header(self, **changes: Any) -> Header:
        return header_of(self.profile.trust.origin, changes.pop("signer", self.signer), **changes)

    def send(self, method: str, request: Message | bytes, *, timeout: float = 60) -> Answer:
        """Calls `Service/Method` with a message, or with any bytes.

        After CONFLICT sends the same bytes again, as the fix of that reason says: which of
        two nodes waits for the other's rows is a matter of time.
        """
        for _ in range(ATTEMPTS):
            answer = self._send(method, request, timeout)
            if answer.reason != "CONFLICT":
                break
            time.sleep(PAUSE_S)
        return answer

    def _send(self, method: str, request: Message | bytes, timeout: float) -> Answer:
        service, _, name = method.partition("/")
        descriptor = next(s for s in SERVICES if s.name == service)
        data = request if isinstance(request, bytes) else request.SerializeToString()
        reply_class = GetMessageClass(descriptor.methods_by_name[name].output_type)
        path = f"/{descriptor.full_name}/{name}"
        if descriptor.methods_by_name[name].server_streaming:
            return self._first(path, data, reply_class)
        call: Any = self.channel.unary_unary(path)
        try:
            return Answer("OK", reply=reply_class.FromString(call(data, timeout=timeout)))
        except grpc.RpcError as error:
            return answer_of(error)

    def _first(self, path: str, data: bytes, reply_class: Any) -> Answer:
        """The first message of a stream; OK without one if it stays open, or ends."""
        call: Any = self.channel.unary_stream(path)
        try:
            for message in call(data, timeout=STREAM_S):
                return Answer("OK", reply=reply_class.FromString(message))
        except grpc.RpcError as error:
            answer = answer_of(error)
            return answer if answer.code != "DEADLINE_EXCEEDED" else Answer("OK")
        return Answer("OK")

    def inquiry(self, subject_id: str, consent_id: str, **changes: Any) -> Envelope:
        fields: dict[str, Any] = {
            "header": self.header(),
            "subject_id": subject_id,
            "purpose": codes_pb2.PURPOSE_CREDIT_APPLICATION,
            "consent_id": consent_id,
        }
        return seal(reporting_pb2.Inquiry(**(fields | changes)), self.key)

    def query(self, subject_id: str, consent_id: str, **changes: Any) -> Answer:
        sealed = self.inquiry(subject_id, consent_id, **changes)
        return self.send("Reporting/QueryReport", reporting_pb2.QueryReportRequest(inquiry=sealed))

    def submit(self, records: Sequence[record_pb2.Record | bytes], **changes: Any) -> Answer:
        raws = [
            r if isinstance(r, bytes) else r.SerializeToString(deterministic=True) for r in records
        ]
        return self.send("Furnishing/SubmitRecords", self.submission(raws, **changes))

    def submission(
        self, raws: Sequence[bytes], **changes: Any
    ) -> furnishing_pb2.SubmitRecordsRequest:
        fields: dict[str, Any] = {
            "header": self.header(),
            "kind": record_pb2.SUBMISSION_KIND_ORIGINAL,
            "records_root": root_of([leaf_hash(raw) for raw in raws]),
            "record_count": len(raws),
        }
        manifest = record_pb2.SubmissionManifest(**(fields | changes))
        return furnishing_pb2.SubmitRecordsRequest(
            manifest=seal(manifest, self.key),
            batch=record_pb2.RecordBatch(records=raws).SerializeToString(deterministic=True),
        )


@dataclass(slots=True)
class Person:
    """A subject with a key of their own."""

    subject_id: str
    key: SigningKey
    origin: str

    @property
    def signer(self) -> str:
        return f"subjects/{self.subject_id}"

    def header(self, **changes: Any) -> Header:
        return header_of(self.origin, changes.pop("signer", self.signer), **changes)

    def consent(self, grantee: str, action: int, **changes: Any) -> Envelope:
        now = datetime.now(UTC)
        fields: dict[str, Any] = {
            "header": self.header(),
            "subject_id": self.subject_id,
            "grantee": grantee,
            "actions": [action],
            "mode": consent_pb2.CONSENT_MODE_VIEW,
            "history_months": 24,
        }
        if action != codes_pb2.ACTION_FURNISH:
            fields |= {
                "purposes": [codes_pb2.PURPOSE_CREDIT_APPLICATION],
                "sections": SECTIONS,
                "max_uses": 10,
            }
        start = changes.pop("start", now - timedelta(minutes=1))
        expire = changes.pop("expire", start + timedelta(days=20))
        message = consent_pb2.Consent(**(fields | changes))
        message.start_time.FromDatetime(start)
        message.expire_time.FromDatetime(expire)
        return seal(message, self.key)


def attestation(
    attester: Raw, person: Person, key: SigningKey | None = None, *, replaces: bool = False
) -> Envelope:
    binding = subjects_pb2.KeyBinding(
        header=person.header(),
        subject_id=person.subject_id,
        public_key=person.key.verify_key.raw,
    )
    statement = subjects_pb2.KeyAttestation(
        header=attester.header(),
        binding=seal(binding, key or person.key),
        method=subjects_pb2.IDENTIFICATION_METHOD_IN_PERSON,
        replaces=replaces,
    )
    statement.identify_time.FromDatetime(datetime.now(UTC) - timedelta(minutes=1))
    return seal(statement, attester.key)


def snapshot(subject_id: str, **changes: Any) -> record_pb2.Record:
    """A good record, with changes that may make it a bad one."""
    salt = changes.pop("salt", os.urandom(32))
    account_ref = changes.pop("account_ref", f"a{uuid.uuid4().hex[:12]}")
    fields: dict[str, Any] = {
        "month": 202405,
        "parties": [record_pb2.Party(subject_id=subject_id, role=codes_pb2.PARTY_ROLE_INDIVIDUAL)],
        "portfolio_type": codes_pb2.PORTFOLIO_TYPE_REVOLVING,
        "account_type": "18",
        "currency": "USD",
        "open_date": 20200131,
        "status": codes_pb2.ACCOUNT_STATUS_CURRENT,
        "balance_minor": 12345,
    }
    body = record_pb2.TradelineSnapshot(**(fields | changes))
    return record_pb2.Record(salt=salt, account_ref=account_ref, snapshot=body)


def header_of(origin: str, signer: str, **changes: Any) -> Header:
    age = changes.pop("age", timedelta())
    fields: dict[str, Any] = {
        "audience": origin,
        "signer": signer,
        "request_id": str(uuid.uuid4()),
        "schema_version": 1,
    }
    header = Header(**(fields | changes))
    header.issue_time.FromDatetime(datetime.now(UTC) - age)
    return header


def channel_of(profile: Profile) -> grpc.Channel:
    credentials = grpc.ssl_channel_credentials(
        profile.ca_pem, profile.tls_key_pem or None, profile.tls_certificate_pem or None
    )
    options = [("grpc.enable_retries", 0), ("grpc.max_send_message_length", -1)]
    return grpc.secure_channel(profile.addresses[0], credentials, options)


def answer_of(error: Any) -> Answer:
    status = rpc_status.from_call(error)
    if status is None:
        return Answer(error.code().name, message=error.details())
    details_of: dict[Any, Any] = {}
    for packed in status.details:
        for kind in DETAILS:
            if packed.Is(kind.DESCRIPTOR):
                details_of[kind] = kind()
                packed.Unpack(details_of[kind])
    bad = details_of.get(details.BadRequest, details.BadRequest())
    return Answer(
        error.code().name,
        details_of[details.ErrorInfo].reason,
        tuple(violation.field for violation in bad.field_violations),
        details_of[details.LocalizedMessage].message,
        details_of[details.RequestInfo].request_id,
        status.message,
    )
