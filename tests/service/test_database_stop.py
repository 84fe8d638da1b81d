"""The database stops under a bureau in service, and comes back: refused as long as it is
gone, in service again without a restart, and nothing acknowledged is lost."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from grpc_health.v1 import health_pb2
from grpc_status import rpc_status

from bureau.office.folder import Plan
from bureau.testing import running_bureau
from bureau_keys.signing import SigningKey
from creditbureau.v1 import (
    codes_pb2,
    consents_pb2,
    furnishing_pb2,
    log_pb2,
    reporting_pb2,
    subjects_pb2,
)
from tests.service.postgres import Postgres, postgres_in
from tests.service.raw import Person, Raw, attestation, snapshot

LENDER = ("furnisher", "subscriber", "attester")
FURNISH, INQUIRE = codes_pb2.ACTION_FURNISH, codes_pb2.ACTION_INQUIRE
BACK_WITHIN_S = 10.0
WRITERS = 4

GONE = ("UNAVAILABLE", "DATABASE_UNAVAILABLE")


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with postgres_in(tmp_path_factory.mktemp("postgres") / "data") as postgres:
        yield postgres


@dataclass
class Scene:
    """A bureau on it, with a lender that may furnish and inquire about a person."""

    postgres: Postgres
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


@pytest.fixture
def scene(postgres: Postgres, tmp_path: Path) -> Iterator[Scene]:
    plan = Plan(database_url=postgres.new_database())
    try:
        with running_bureau(tmp_path / "bureau", plan) as bureau:
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
            yield Scene(postgres, acme, agent, person, consents[-1])
    finally:
        postgres.start()  # for the next test, however this one ended


@dataclass(frozen=True)
class Outcome:
    """How a call ended, and when the bureau says to try again."""

    status: tuple[str, str]
    retry_s: float = 0
    reply: bytes = b""


def call(raw: Raw, method: str, request: bytes) -> Outcome:
    """A call by its full name, with bytes for a request."""
    unary: Any = raw.channel.unary_unary(method)
    try:
        return Outcome(("OK", ""), reply=unary(request, timeout=20))
    except grpc.RpcError as error:
        failed: Any = error
    status = rpc_status.from_call(failed)
    found, retry = ErrorInfo(), RetryInfo()
    for packed in status.details if status else ():
        for detail in (found, retry):
            if packed.Is(detail.DESCRIPTOR):
                packed.Unpack(detail)
    seconds = retry.retry_delay.ToMilliseconds() / 1000
    return Outcome((failed.code().name, found.reason), seconds)


def contract(raw: Raw, method: str, request: bytes) -> Outcome:
    return call(raw, f"/creditbureau.v1.{method}", request)


def until_served(raw: Raw, method: str, request: bytes) -> bytes:
    """The reply to the same bytes, sent again and again while the database is away."""
    end = time.monotonic() + BACK_WITHIN_S
    while (outcome := contract(raw, method, request)).status == GONE:
        assert time.monotonic() < end, f"{method} is not served {BACK_WITHIN_S} s after the start"
        time.sleep(0.05)
    assert outcome.status == ("OK", ""), outcome
    return outcome.reply


def submitted(reply: bytes) -> str:
    response = furnishing_pb2.SubmitRecordsResponse.FromString(reply)
    return str(response.submission.submission_id)


def refused_with_delay(outcome: Outcome) -> None:
    assert outcome.status == GONE, outcome
    assert outcome.retry_s > 0


MODES = ["fast", "immediate"]  # an orderly stop, and what a crash leaves


@pytest.mark.parametrize("mode", MODES)
def test_a_stop_is_told_and_a_start_is_enough(scene: Scene, mode: str) -> None:
    before = submitted(until_served(scene.acme, "Furnishing/SubmitRecords", scene.submission()))
    receipt = log_pb2.GetReceiptRequest(request_id=before).SerializeToString()
    proved = until_served(scene.acme, "Log/GetReceipt", receipt)
    retried, inquiry = scene.submission(), scene.inquiry()

    scene.postgres.stop(mode)
    for _ in range(2):  # at first on connections that were open, then on none
        refused_with_delay(contract(scene.acme, "Log/GetCheckpoint", b""))
        refused_with_delay(contract(scene.acme, "Furnishing/SubmitRecords", retried))
        refused_with_delay(contract(scene.acme, "Reporting/QueryReport", inquiry))
        refused_with_delay(contract(scene.acme, "Furnishing/ListSubmissions", b""))

    scene.postgres.start()
    until_served(scene.acme, "Log/GetCheckpoint", b"")
    after = submitted(until_served(scene.acme, "Furnishing/SubmitRecords", retried))
    until_served(scene.acme, "Reporting/QueryReport", inquiry)
    assert scene.stored() == {before, after}
    assert until_served(scene.acme, "Log/GetReceipt", receipt) == proved


@pytest.mark.parametrize("mode", MODES)
def test_what_is_acknowledged_while_it_stops_is_there(scene: Scene, mode: str) -> None:
    """Lenders submit throughout. What an outcome left open, the same bytes settle once."""
    begun, over = threading.Semaphore(0), threading.Event()
    acknowledged: list[str] = []
    strange: list[Outcome] = []
    refused = threading.Semaphore(0)

    def keep_submitting() -> None:
        while not over.is_set():
            request = scene.submission()
            while (
                outcome := contract(scene.acme, "Furnishing/SubmitRecords", request)
            ).status == GONE:
                refused.release()
                time.sleep(0.02)
            if outcome.status != ("OK", ""):
                strange.append(outcome)
                return
            acknowledged.append(submitted(outcome.reply))
            begun.release()

    threads = [threading.Thread(target=keep_submitting) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5 * WRITERS):
            assert begun.acquire(timeout=20)
        scene.postgres.stop(mode)
        for _ in range(2 * WRITERS):
            assert refused.acquire(timeout=20)
        scene.postgres.start()
        until_served(scene.acme, "Log/GetCheckpoint", b"")
        known = len(acknowledged)
        end = time.monotonic() + BACK_WITHIN_S
        while len(acknowledged) < known + 2 * WRITERS and time.monotonic() < end:
            time.sleep(0.05)
        assert len(acknowledged) >= known + 2 * WRITERS, "writes go on"
    finally:
        over.set()
        scene.postgres.start()
        for thread in threads:
            thread.join()
    assert not strange
    assert len(acknowledged) == len(set(acknowledged))
    assert scene.stored() == set(acknowledged)


def test_a_restart_that_nobody_met_is_over_within_seconds(scene: Scene) -> None:
    """The connections that were open are all dead, and the bureau finds out by itself."""
    threads = [
        threading.Thread(
            target=contract, args=(scene.acme, "Reporting/QueryReport", scene.inquiry())
        )
        for _ in range(2 * WRITERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    scene.postgres.stop("fast")
    scene.postgres.start()
    request = scene.submission()
    made = submitted(until_served(scene.acme, "Furnishing/SubmitRecords", request))
    assert made in scene.stored()


@pytest.mark.parametrize(
    "method",
    ["/creditbureau.v1.Reporting/RecordDecision", "/grpc.health.v1.Health/Check"],
    ids=["a method that is not served", "health"],
)
def test_what_stands_beside_the_contracts_methods_tells_it_too(scene: Scene, method: str) -> None:
    request = health_pb2.HealthCheckRequest().SerializeToString()
    with_database = call(scene.acme, method, request).status
    assert with_database in {("OK", ""), ("UNIMPLEMENTED", "NOT_SERVED")}
    scene.postgres.stop("fast")
    refused_with_delay(call(scene.acme, method, request))
    scene.postgres.start()
    until_served(scene.acme, "Log/GetCheckpoint", b"")
    assert call(scene.acme, method, request).status == with_database
