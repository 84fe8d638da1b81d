"""A bureau on PostgreSQL with a lender that may furnish and inquire about a person; and
calls that say how they ended."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from grpc_health.v1 import health_pb2
from grpc_status import rpc_status

from bureau.admin.bureau_folder import InitOptions
from bureau.testing import RunningBureau, running_bureau
from bureau_keys.signing import SigningKey
from creditbureau.v1 import (
    codes_pb2,
    consents_pb2,
    furnishing_pb2,
    record_pb2,
    reporting_pb2,
    subjects_pb2,
)
from tests.service.raw import Person, Raw, attestation, snapshot

LENDER = ("furnisher", "subscriber", "attester")
FURNISH, INQUIRE = codes_pb2.ACTION_FURNISH, codes_pb2.ACTION_INQUIRE
BACK_WITHIN_S = 120.0

GONE = ("UNAVAILABLE", "DATABASE_UNAVAILABLE")


@dataclass
class Scenario:
    """A bureau on it, with a lender that may furnish and inquire about a person."""

    bureau: RunningBureau
    acme: Raw
    agent: Raw
    person: Person
    consent_id: str

    def submission(self) -> bytes:
        """A new one, as the bytes that a retry sends again."""
        record = snapshot(self.person.subject_id).SerializeToString(deterministic=True)
        return self.acme.submission([record]).SerializeToString()

    def inquiry(self) -> bytes:
        inquiry = self.acme.inquiry(self.person.subject_id, self.consent_id)
        return reporting_pb2.QueryReportRequest(inquiry=inquiry).SerializeToString()

    def stored(self) -> set[str]:
        """Ids of the submissions that are there."""
        request = furnishing_pb2.ListSubmissionsRequest(page_size=1000)
        answer = self.acme.send("Furnishing/ListSubmissions", request)
        assert answer.code == "OK", answer
        assert not answer.reply.next_page_token
        ids = [one.submission_id for one in answer.reply.submissions]
        assert len(ids) == len(set(ids))
        return set(ids)


@contextmanager
def open_scenario(url: str, folder: Path, **overrides: Any) -> Iterator[Scenario]:
    """The scenario on a new database.

    Args:
        overrides: Settings that differ from the defaults.
    """
    with running_bureau(folder, InitOptions(database_url=url), **overrides) as bureau:
        acme = Raw(bureau.add_member("acme", LENDER, ["credit-application"]))
        agent = Raw(bureau.add_member("agent", ["agent"]))
        person = Person(uuid.uuid4().hex, SigningKey.generate(), acme.profile.trust.origin)
        binding = subjects_pb2.AttestKeyRequest(attestation=attestation(acme, person))
        assert acme.send("Subjects/AttestKey", binding).code == "OK"
        consents = []
        for action in (FURNISH, INQUIRE):
            request = consents_pb2.GrantConsentRequest(consent=person.consent("acme", action))
            answer = agent.send("Consents/GrantConsent", request)
            assert answer.code == "OK", answer
            consents.append(answer.reply.consent.consent_id)
        yield Scenario(bureau, acme, agent, person, consents[-1])


@dataclass(frozen=True)
class Outcome:
    """The end of a call, and the delay that the bureau asks for."""

    status: tuple[str, str]
    retry_s: float = 0
    reply: bytes = b""
    message: str = ""


def call(raw: Raw, method: str, request: bytes) -> Outcome:
    """A call by its full name, with bytes for a request."""
    unary: Any = raw.channel.unary_unary(method)
    try:
        return Outcome(("OK", ""), reply=unary(request, timeout=60))
    except grpc.RpcError as error:
        failed: Any = error
    status = rpc_status.from_call(failed)
    info, retry = ErrorInfo(), RetryInfo()
    for packed in status.details if status else ():
        for detail in (info, retry):
            if packed.Is(detail.DESCRIPTOR):
                packed.Unpack(detail)
    seconds = retry.retry_delay.ToMilliseconds() / 1000
    return Outcome((failed.code().name, info.reason), seconds, message=failed.details() or "")


def contract(raw: Raw, method: str, request: bytes) -> Outcome:
    return call(raw, f"/creditbureau.v1.{method}", request)


def health(raw: Raw, service: str) -> str:
    request = health_pb2.HealthCheckRequest(service=service).SerializeToString()
    outcome = call(raw, "/grpc.health.v1.Health/Check", request)
    assert outcome.status == ("OK", ""), outcome
    status = health_pb2.HealthCheckResponse.FromString(outcome.reply).status
    return health_pb2.HealthCheckResponse.ServingStatus.Name(status)


def until_served(raw: Raw, method: str, request: bytes) -> bytes:
    """The reply to the same bytes, sent again and again while the database is away."""
    end = time.monotonic() + BACK_WITHIN_S
    while (outcome := contract(raw, method, request)).status == GONE:
        assert time.monotonic() < end, f"{method} is not served {BACK_WITHIN_S} s after the start"
        time.sleep(0.05)
    assert outcome.status == ("OK", ""), outcome
    return outcome.reply


def request_id_of(submission: bytes) -> str:
    """Under which a submission is known."""
    request = furnishing_pb2.SubmitRecordsRequest.FromString(submission)
    return str(record_pb2.SubmissionManifest.FromString(request.manifest.payload).header.request_id)


def submitted(reply: bytes) -> str:
    response = furnishing_pb2.SubmitRecordsResponse.FromString(reply)
    return str(response.submission.submission_id)


def refused_with_delay(outcome: Outcome) -> None:
    assert outcome.status == GONE, outcome
    assert outcome.retry_s > 0
