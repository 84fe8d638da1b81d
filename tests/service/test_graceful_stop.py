"""SIGTERM in the midst of submissions: what was accepted is finished, what was
acknowledged is there afterwards, and the process ends by itself and well."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bureau import main
from bureau.admin.bureau_folder import InitOptions, create
from bureau.config import Settings
from bureau.main import Server
from bureau.testing import free_port, running_bureau
from bureau_keys.profile import Profile
from bureau_keys.signing import SigningKey
from creditbureau.v1 import codes_pb2, consents_pb2, furnishing_pb2, log_pb2, subjects_pb2
from creditbureau.v1.log_pb2 import Receipt
from tests.service.raw import Answer, Person, Raw, attestation, snapshot

LENDER = ("furnisher", "subscriber", "attester")
# Time that a node gives to the calls it has accepted, and that this test gives to the node
# to start and to close: more than the busiest machine needs.
GRACE_S = START_S = CLOSE_S = 120.0
WRITERS = 8
RECORDS = 200

# How a call may end that the node did not carry out: it was refused for the stop, or
# the connection was closed or could not be opened.
TURNED_AWAY = {("UNAVAILABLE", ""), ("UNAVAILABLE", "SHUTTING_DOWN"), ("CANCELLED", "")}


class Process:
    """`bureau serve` in a process of its own, that tells how it ended."""

    def __init__(self, folder: Path, address: str) -> None:
        command = [str(Path(sys.executable).with_name("bureau")), "serve", "--dir", str(folder)]
        command += ["--listen", address, "--grace-seconds", str(GRACE_S), "--log-format", "json"]
        self.log = folder / "serve.log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def exit_code(self) -> int:
        """Return the exit code, after the process has ended by itself."""
        return self._process.wait(GRACE_S + CLOSE_S)

    def end(self) -> None:
        """Whatever the test came to."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@dataclass
class World:
    """A bureau's folder with a lender, and somebody who lets it furnish."""

    folder: Path
    address: str
    profile: Profile
    person: Person
    processes: list[Process] = field(default_factory=list)

    def serve(self) -> Process:
        """A process that answers."""
        process = Process(self.folder, self.address)
        self.processes.append(process)
        end = time.monotonic() + START_S
        while self.lender().send("Log/GetCheckpoint", b"").code != "OK":
            assert time.monotonic() < end, self.folder / "serve.log"
            time.sleep(0.05)
        return process

    def lender(self) -> Raw:
        """On a connection of its own."""
        return Raw(self.profile)

    def submission(self, raw: Raw) -> furnishing_pb2.SubmitRecordsRequest:
        records = [snapshot(self.person.subject_id) for _ in range(RECORDS)]
        return raw.submission([one.SerializeToString(deterministic=True) for one in records])


@pytest.fixture
def world(tmp_path: Path) -> Any:
    folder, address = tmp_path / "bureau", f"127.0.0.1:{free_port()}"
    with running_bureau(folder, InitOptions(listen=address), listen=address) as bureau:
        # All accounts are one person's.
        with (folder / "bureau.toml").open("a", encoding="utf-8") as file:
            file.write(f"\n[limits]\nbytes_on_person = {1 << 30}\n")
        profile = bureau.add_member("acme", LENDER)
        acme, agent = Raw(profile), Raw(bureau.add_member("agent", ["agent"]))
        person = Person(uuid.uuid4().hex, SigningKey.generate(), profile.trust.origin)
        binding = subjects_pb2.AttestKeyRequest(attestation=attestation(acme, person))
        assert acme.send("Subjects/AttestKey", binding).code == "OK"
        consent = person.consent("acme", codes_pb2.ACTION_FURNISH)
        request = consents_pb2.GrantConsentRequest(consent=consent)
        assert agent.send("Consents/GrantConsent", request).code == "OK"
    world = World(folder, address, profile, person)
    try:
        yield world
    finally:
        for process in world.processes:
            process.end()


@dataclass
class Ledger:
    """What the lenders know when all is over."""

    receipts: dict[str, Receipt] = field(default_factory=dict)
    open: list[furnishing_pb2.SubmitRecordsRequest] = field(default_factory=list)
    endings: Counter[tuple[str, str]] = field(default_factory=Counter)


def together(work: Callable[[], None]) -> list[threading.Thread]:
    threads = [threading.Thread(target=work) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    return threads


def submit(raw: Raw, request: furnishing_pb2.SubmitRecordsRequest, ledger: Ledger) -> Answer:
    answer = raw.send("Furnishing/SubmitRecords", request)
    if answer.code == "OK":
        submission = answer.reply.submission
        ledger.receipts[submission.submission_id] = answer.reply.receipt
    else:
        ledger.endings[answer.code, answer.reason] += 1
        ledger.open.append(request)
    return answer


def stored(raw: Raw) -> dict[str, int]:
    """Every submission that is there, with how many records."""
    request = furnishing_pb2.ListSubmissionsRequest(page_size=1000)
    answer = raw.send("Furnishing/ListSubmissions", request)
    assert answer.code == "OK", answer
    assert not answer.reply.next_page_token
    return {one.submission_id: one.record_count for one in answer.reply.submissions}


def receipt_of(raw: Raw, submission_id: str) -> Receipt:
    answer = raw.send("Log/GetReceipt", log_pb2.GetReceiptRequest(request_id=submission_id))
    assert answer.code == "OK", answer
    receipt: Receipt = answer.reply.receipt
    return receipt


@pytest.mark.parametrize("after", [1, 20], ids=["at the first", "in full swing"])
def test_a_stop_loses_nothing_that_was_acknowledged(world: World, after: int) -> None:
    process = world.serve()
    ledger, acknowledged = Ledger(), threading.Semaphore(0)

    def keep_submitting() -> None:
        raw = world.lender()
        while submit(raw, world.submission(raw), ledger).code == "OK":
            acknowledged.release()

    # 1. Lenders submit until they are turned away; amid that, the signal.
    threads = together(keep_submitting)
    for _ in range(after):
        assert acknowledged.acquire(timeout=START_S)
    process.terminate()
    for thread in threads:
        thread.join()
    assert process.exit_code() == 0
    assert set(ledger.endings) <= TURNED_AWAY, ledger.endings
    assert sum(ledger.endings.values()) == WRITERS

    # 2. What was acknowledged is there, as it was acknowledged.
    process = world.serve()
    raw = world.lender()
    there = stored(raw)
    assert set(there) == set(ledger.receipts), "and nothing that nobody was told of"
    assert set(there.values()) == {RECORDS}
    for submission_id, receipt in ledger.receipts.items():
        assert receipt_of(raw, submission_id) == receipt

    # 3. What was turned away is taken now, in the same bytes.
    for request in ledger.open:
        assert submit(raw, request, ledger).code == "OK"
    assert len(stored(raw)) == len(there) + WRITERS
    process.terminate()
    assert process.exit_code() == 0


def test_a_call_that_was_accepted_is_finished(world: World) -> None:
    """Calls that are in the node when the signal comes are carried out and answered."""
    process = world.serve()
    lenders = [world.lender() for _ in range(WRITERS)]
    with closing(sqlite3.connect(world.folder / "bureau.db", isolation_level=None)) as other:
        # 1. Nobody can write; each connection has a submission in the node. A call that
        #    was sent behind it on the connection is answered: so it has arrived.
        other.execute("BEGIN IMMEDIATE")
        calls = [begin(raw, world.submission(raw)) for raw in lenders]
        for raw in lenders:
            assert raw.send("Log/GetCheckpoint", b"").code == "OK"
        assert not any(call.done() for call in calls)

        # 2. The node is stopping: it takes no more, and waits for those.
        process.terminate()
        end = time.monotonic() + GRACE_S / 2
        while world.lender().send("Log/GetCheckpoint", b"").code != "UNAVAILABLE":
            assert time.monotonic() < end
            time.sleep(0.05)
        assert not any(call.done() for call in calls)
        other.execute("ROLLBACK")

    # 3. All of them are carried out, and their callers know.
    replies = [furnishing_pb2.SubmitRecordsResponse.FromString(call.result()) for call in calls]
    assert process.exit_code() == 0
    world.serve()
    raw = world.lender()
    assert set(stored(raw)) == {reply.submission.submission_id for reply in replies}
    for reply in replies:
        assert receipt_of(raw, reply.submission.submission_id) == reply.receipt


def begin(raw: Raw, request: furnishing_pb2.SubmitRecordsRequest) -> Any:
    """A submission that is sent and not waited for."""
    call: Any = raw.channel.unary_unary("/creditbureau.v1.Furnishing/SubmitRecords")
    return call.future(request.SerializeToString(), timeout=START_S)


def test_an_idle_node_stops_too(world: World) -> None:
    """Also one with connections that nobody uses."""
    process = world.serve()
    idle = [world.lender() for _ in range(WRITERS)]
    for raw in idle:
        assert raw.send("Log/GetCheckpoint", b"").code == "OK"
    process.terminate()
    assert process.exit_code() == 0
    for raw in idle:
        assert raw.send("Log/GetCheckpoint", b"").code == "UNAVAILABLE"


def test_a_stop_amid_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create(tmp_path / "bureau", InitOptions())
    settings = Settings.load(tmp_path / "bureau", listen="127.0.0.1:0")
    server = Server(settings)
    stopping = threading.Thread(target=server.stop)
    monkeypatch.setattr(main, "spare_collector", stopping.start)
    server.start()
    stopping.join()
    assert server.stopped.is_set()

    # Before the start: it does not begin.
    server = Server(settings)
    server.stop()
    server.start()
    assert server.stopped.is_set()
    assert server.rpc.port == 0
