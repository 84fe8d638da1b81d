"""A full disk: writes are refused and retried, reads go on, and the evidence that is kept
apart from the database catches up."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from bureau.ledger import checkpoint_file
from bureau.store.database import Connection
from bureau.testing import RunningBureau, running_bureau
from bureau_keys.signing import SigningKey
from creditbureau.v1 import codes_pb2, consents_pb2, furnishing_pb2, log_pb2, subjects_pb2
from tests.service.raw import Person, Raw, attestation, snapshot

PATIENCE_S = 120.0


@dataclass
class Scenario:
    """A bureau, a lender, and somebody who lets it furnish."""

    bureau: RunningBureau
    acme: Raw
    person: Person

    def submission(self) -> furnishing_pb2.SubmitRecordsRequest:
        records = [snapshot(self.person.subject_id) for _ in range(20)]
        return self.acme.submission([one.SerializeToString(deterministic=True) for one in records])

    def limit(self, pages: int) -> None:
        """The file may not grow beyond so many pages, or beyond what it has."""
        database = self.bureau.server.database

        def limited(connection: Connection, _losses: int) -> None:
            connection.execute_raw(f"PRAGMA max_page_count={pages}")

        database.on_connect = limited
        database.dispose()  # those that are open have the limit of before

    def checkpoint(self) -> str:
        answer = self.acme.send("Log/GetCheckpoint", log_pb2.GetCheckpointRequest())
        return str(answer.reply.checkpoint)


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    with running_bureau() as bureau:
        acme = Raw(bureau.add_member("acme", ("furnisher", "attester")))
        agent = Raw(bureau.add_member("agent", ["agent"]))
        person = Person(uuid.uuid4().hex, SigningKey.generate(), acme.profile.trust.origin)
        binding = subjects_pb2.AttestKeyRequest(attestation=attestation(acme, person))
        assert acme.send("Subjects/AttestKey", binding).code == "OK"
        consent = person.consent("acme", codes_pb2.ACTION_FURNISH)
        request = consents_pb2.GrantConsentRequest(consent=consent)
        assert agent.send("Consents/GrantConsent", request).code == "OK"
        yield Scenario(bureau, acme, person)


def test_writes_are_refused_reads_go_on_and_a_retry_succeeds(scenario: Scenario) -> None:
    scenario.limit(1)
    request = scenario.submission()
    for _ in range(1000):
        answer = scenario.acme.send("Furnishing/SubmitRecords", request)
        if answer.code != "OK":
            break
        request = scenario.submission()
    assert (answer.code, answer.reason) == ("RESOURCE_EXHAUSTED", "STORAGE_FULL"), answer
    assert answer.fix
    listed = scenario.acme.send("Furnishing/ListSubmissions", b"")
    known = {one.submission_id for one in listed.reply.submissions}
    before = scenario.checkpoint()

    scenario.limit(1_000_000)
    assert scenario.checkpoint() == before
    accepted = scenario.acme.send("Furnishing/SubmitRecords", request)
    assert accepted.code == "OK", accepted
    assert accepted.reply.submission.submission_id not in known
    assert scenario.acme.send("Furnishing/SubmitRecords", request).reply == accepted.reply


def test_the_checkpoint_that_is_kept_catches_up(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    logger = SimpleNamespace(error=lambda event, **_details: events.append(event))
    monkeypatch.setattr(checkpoint_file, "logger", logger)
    kept = scenario.bureau.settings.kept_checkpoint
    # Nothing can be written there, as on a full disk.
    while True:
        kept.unlink(missing_ok=True)
        try:
            kept.mkdir()
            break
        except FileExistsError:  # just written
            time.sleep(0.01)
    for _ in range(3):
        assert scenario.acme.send("Furnishing/SubmitRecords", scenario.submission()).code == "OK"
    eventually(lambda: events == ["checkpoint_not_kept"])
    assert kept.is_dir()

    kept.rmdir()
    eventually(lambda: kept.is_file() and kept.read_text() == scenario.checkpoint())


def eventually(holds: Callable[[], bool]) -> None:
    """Waits until something holds."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
