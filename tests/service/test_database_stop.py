"""The database stops under a bureau in service, and comes back: refused as long as it is
gone, in service again without a restart, and nothing acknowledged is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from grpc_health.v1 import health_pb2

from bureau.cli.exit_codes import Exit, exit_of
from bureau.config import Settings
from bureau.main import Server
from bureau.store.errors import StorageError
from bureau_keys.envelope import seal
from bureau_keys.signing import SigningKey
from creditbureau.v1 import consent_pb2, consents_pb2, log_pb2, reporting_pb2
from tests.service.postgres import Postgres, running_postgres, until
from tests.service.postgres_scenario import (
    BACK_WITHIN_S,
    GONE,
    Outcome,
    Scenario,
    call,
    contract,
    health,
    open_scenario,
    refused_with_delay,
    submitted,
    until_served,
)

WRITERS = 4


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as postgres:
        yield postgres


@pytest.fixture
def scenario(postgres: Postgres, tmp_path: Path) -> Iterator[Scenario]:
    try:
        with open_scenario(postgres.migrated_database(), tmp_path / "bureau") as scenario:
            yield scenario
    finally:
        postgres.start()  # for the next test, however this one ended


MODES = ["fast", "immediate"]  # an orderly stop, and what a crash leaves


@pytest.mark.parametrize("mode", MODES)
def test_a_stop_is_told_and_a_start_is_enough(
    scenario: Scenario, postgres: Postgres, mode: str
) -> None:
    before = submitted(
        until_served(scenario.acme, "Furnishing/SubmitRecords", scenario.submission())
    )
    receipt = log_pb2.GetReceiptRequest(request_id=before).SerializeToString()
    proved = until_served(scenario.acme, "Log/GetReceipt", receipt)
    retried, inquiry = scenario.submission(), scenario.inquiry()

    postgres.stop(mode)
    for _ in range(2):  # at first on connections that were open, then on none
        refused_with_delay(contract(scenario.acme, "Log/GetCheckpoint", b""))
        refused_with_delay(contract(scenario.acme, "Furnishing/SubmitRecords", retried))
        refused_with_delay(contract(scenario.acme, "Reporting/QueryReport", inquiry))
        refused_with_delay(contract(scenario.acme, "Furnishing/ListSubmissions", b""))

    postgres.start()
    until_served(scenario.acme, "Log/GetCheckpoint", b"")
    after = submitted(until_served(scenario.acme, "Furnishing/SubmitRecords", retried))
    until_served(scenario.acme, "Reporting/QueryReport", inquiry)
    assert scenario.stored() == {before, after}
    assert until_served(scenario.acme, "Log/GetReceipt", receipt) == proved


@pytest.mark.parametrize("mode", MODES)
def test_what_is_acknowledged_while_it_stops_is_there(
    scenario: Scenario, postgres: Postgres, mode: str
) -> None:
    """Lenders submit throughout. What an outcome left open, the same bytes settle once."""
    begun, over = threading.Semaphore(0), threading.Event()
    acknowledged: list[str] = []
    strange: list[Outcome] = []
    refused = threading.Semaphore(0)

    def keep_submitting() -> None:
        while not over.is_set():
            request = scenario.submission()
            while (
                outcome := contract(scenario.acme, "Furnishing/SubmitRecords", request)
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
            assert begun.acquire(timeout=120)
        postgres.stop(mode)
        for _ in range(2 * WRITERS):
            assert refused.acquire(timeout=120)
        postgres.start()
        until_served(scenario.acme, "Log/GetCheckpoint", b"")
        known = len(acknowledged)
        end = time.monotonic() + BACK_WITHIN_S
        while len(acknowledged) < known + 2 * WRITERS and time.monotonic() < end:
            time.sleep(0.05)
        assert len(acknowledged) >= known + 2 * WRITERS, "writes go on"
    finally:
        over.set()
        postgres.start()
        for thread in threads:
            thread.join()
    assert not strange
    assert len(acknowledged) == len(set(acknowledged))
    assert scenario.stored() == set(acknowledged)


def test_a_restart_that_nobody_met_is_found_out(scenario: Scenario, postgres: Postgres) -> None:
    """The connections that were open are all dead, and the bureau finds out by itself."""
    threads = [
        threading.Thread(
            target=contract, args=(scenario.acme, "Reporting/QueryReport", scenario.inquiry())
        )
        for _ in range(2 * WRITERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    postgres.stop("fast")
    postgres.start()
    request = scenario.submission()
    submission_id = submitted(until_served(scenario.acme, "Furnishing/SubmitRecords", request))
    assert submission_id in scenario.stored()


READINESS = ["", "readiness", "creditbureau.v1.Reporting"]


def test_a_node_without_its_database_lives_and_is_not_ready(
    scenario: Scenario, postgres: Postgres
) -> None:
    """Who has asked before is told, also while nobody's certificate can be looked up."""
    assert {health(scenario.acme, name) for name in [*READINESS, "liveness"]} == {"SERVING"}
    postgres.stop("fast")
    for name in READINESS:
        until(
            lambda name=name: health(scenario.acme, name) == "NOT_SERVING", f"{name} is not ready"
        )
    assert health(scenario.acme, "liveness") == "SERVING"
    request = health_pb2.HealthCheckRequest().SerializeToString()
    refused_with_delay(call(scenario.agent, "/grpc.health.v1.Health/Check", request))
    postgres.start()
    for name in READINESS:
        until(lambda name=name: health(scenario.acme, name) == "SERVING", f"{name} is ready")


def test_a_node_does_not_start_without_it(scenario: Scenario, postgres: Postgres) -> None:
    settings = Settings.load(scenario.bureau.folder, node="late-1", listen="127.0.0.1:0")
    postgres.stop("fast")
    with pytest.raises(StorageError) as refused:
        Server(settings)
    assert exit_of(refused.value) is Exit.UNAVAILABLE
    postgres.start()
    late = Server(settings)
    late.start()
    late.stop()


def test_names_that_are_none_are_refused_and_ask_no_database(scenario: Scenario) -> None:
    """PostgreSQL takes no NUL in a text: to ask it would look like a failure of the database."""
    acme, stranger = scenario.acme, SigningKey.generate()
    inquiry = reporting_pb2.Inquiry(
        header=acme.header(request_id="a\0b"), subject_id=scenario.person.subject_id
    )
    asked = reporting_pb2.QueryReportRequest(inquiry=seal(inquiry, stranger))
    assert acme.send("Reporting/QueryReport", asked).reason == "BAD_SIGNATURE"
    consent = consent_pb2.Consent(header=acme.header(signer="subjects/a\0b"))
    granted = consents_pb2.GrantConsentRequest(consent=seal(consent, stranger))
    assert scenario.agent.send("Consents/GrantConsent", granted).reason == "BAD_SIGNATURE"
