"""`bureau serve --workers 2` on SQLite: one node in two processes, through the real command."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bureau.admin.bureau_folder import InitOptions, create
from bureau.enumeration_limiter import EnumerationLimiter
from bureau.main import STREAMS_OF_MEMBER
from bureau.rpc.http.connection import MAX_OF_CERTIFICATE
from bureau.testing import free_port, running_bureau
from bureau_client import Auditor, Observer
from bureau_keys.checkpoint import read_checkpoint
from bureau_keys.profile import Profile
from bureau_keys.signing import SigningKey
from creditbureau.v1 import codes_pb2, consents_pb2, furnishing_pb2, reporting_pb2, subjects_pb2
from tests.processes import is_running
from tests.service.http_client import HttpRaw, tls_of
from tests.service.node import PATIENT
from tests.service.postgres import until
from tests.service.raw import Answer, Person, Raw, answer_of, attestation, snapshot

OBSERVERS = ("acme", "operator")
LENDER = ("furnisher", "subscriber", "attester")
COMMAND = Path(sys.executable).with_name("bureau")
# Connections of one member: both workers get some, but in one of a million runs.
CONNECTIONS = 20
# Seconds for a busy machine to start a node or to end it.
PATIENCE_S = 120.0


@dataclass
class Workers:
    """A node with two workers, and the members who call it."""

    folder: Path
    address: str
    metrics: str
    http: str
    profiles: dict[str, Profile]
    person: Person
    process: subprocess.Popen[bytes] | None = None
    raws: list[Raw] = field(default_factory=list)

    @property
    def log(self) -> Path:
        return self.folder / "serve.log"

    def start(self) -> None:
        """Serve, and wait until every worker is ready."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [COMMAND, "serve", "--dir", self.folder, "--workers", "2", "--log-format", "json"],
                stdout=log,
                stderr=log,
                env={
                    **os.environ,
                    "BUREAU_LISTEN": self.address,
                    "BUREAU_METRICS_LISTEN": self.metrics,
                    "BUREAU_HTTP_LISTEN": self.http,
                },
            )
        until(self.is_ready, "both workers are ready")

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def is_ready(self) -> bool:
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://{self.metrics}{path}", timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""

    def pids(self) -> list[int]:
        """Process ids of the workers."""
        assert self.process is not None
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
        return [int(child) for child in children]

    def events(self, name: str) -> list[dict[str, Any]]:
        # The last line may be one that is being written.
        *lines, _ = self.log.read_text("utf-8").split("\n")
        events = [json.loads(line) for line in lines if line.startswith("{")]
        return [event for event in events if event["event"] == name]

    def raw(self, member: str) -> Raw:
        """A connection of its own: gRPC would otherwise use one for all channels of a process."""
        raw = Raw(self.profiles[member])
        raw.channel = own_channel(self.profiles[member])
        self.raws.append(raw)
        return raw

    def many(self, member: str) -> list[Raw]:
        raws = [self.raw(member) for _ in range(CONNECTIONS)]
        for raw in raws:
            until(lambda raw=raw: raw.send("Log/GetCheckpoint", b"").code == "OK", "it answers")
        return raws


def own_channel(profile: Profile) -> grpc.Channel:
    credentials = grpc.ssl_channel_credentials(
        profile.ca_pem, profile.tls_key_pem, profile.tls_certificate_pem
    )
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
    return grpc.secure_channel(profile.addresses[0], credentials, options)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    folder = tmp_path_factory.mktemp("workers") / "bureau"
    address, metrics, http = (f"127.0.0.1:{free_port()}" for _ in range(3))
    with running_bureau(folder, InitOptions(listen=address), listen=address) as bureau:
        purposes = ["credit-application"]
        profiles = {
            name: bureau.add_member(name, LENDER, purposes) for name in ("acme", "brook", "cedar")
        }
        profiles["agent"] = bureau.add_member("agent", ["agent"])
        profiles["operator"] = bureau.operator
        acme, agent = Raw(profiles["acme"]), Raw(profiles["agent"])
        person = Person(uuid.uuid4().hex, SigningKey.generate(), acme.profile.trust.origin)
        binding = subjects_pb2.AttestKeyRequest(attestation=attestation(acme, person))
        assert acme.send("Subjects/AttestKey", binding).code == "OK"
        consent = person.consent("acme", codes_pb2.ACTION_FURNISH)
        request = consents_pb2.GrantConsentRequest(consent=consent)
        assert agent.send("Consents/GrantConsent", request).code == "OK"
    with (folder / "bureau.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n[limits]\nbytes_on_person = {1 << 30}\n")  # all accounts are one person's
    node = Workers(folder, address, metrics, http, profiles, person)
    try:
        node.start()
        yield node
    finally:
        for raw in node.raws:
            raw.channel.close()
        if node.process is not None and node.process.poll() is None:
            node.stop()


def test_both_workers_serve_one_port(node: Workers) -> None:
    before = Counter(event["worker"] for event in node.events("call"))
    raws = node.many("acme")
    until(
        lambda: (Counter(e["worker"] for e in node.events("call")) - before).keys() == {1, 2},
        "both workers have logged calls",
    )
    assert "serving at " + node.address in node.log.read_text("utf-8")
    # What one worker commits, every worker shows at once.
    answer = raws[0].submit([snapshot(node.person.subject_id)])
    assert answer.code == "OK", answer
    for raw in raws:
        assert answer.reply.submission.submission_id in stored(raw)


def test_each_worker_has_a_core_of_its_own(node: Workers) -> None:
    """A node that has as many workers as cores; elsewhere the system chooses."""
    cores = os.sched_getaffinity(0)
    threads = [thread for pid in node.pids() for thread in Path(f"/proc/{pid}/task").iterdir()]
    used = {tuple(sorted(os.sched_getaffinity(int(thread.name)))) for thread in threads}
    assert used == ({(core,) for core in cores} if len(cores) == 2 else {tuple(sorted(cores))})


def test_metrics_are_the_sums_of_the_workers(node: Workers) -> None:
    def calls() -> float:
        families = text_string_to_metric_families(node.get("/metrics")[1])
        return sum(
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == "bureau_calls_total"
            and sample.labels == {"method": "Log/GetCheckpoint", "reason": "OK"}
        )

    raws = node.many("brook")
    before = calls()
    for raw in raws:
        assert raw.send("Log/GetCheckpoint", b"").code == "OK"
    assert calls() == before + len(raws)


def test_the_metrics_of_the_processes_are_sums(node: Workers) -> None:
    samples = {
        sample.name: sample.value
        for family in text_string_to_metric_families(node.get("/metrics")[1])
        for sample in family.samples
        if sample.name.startswith("process_")
    }
    assert node.process is not None
    pids = [node.process.pid, *node.pids()]
    files = [len([*Path(f"/proc/{pid}/fd").iterdir()]) for pid in pids]
    assert max(files) < samples["process_open_fds"] < sum(files) + 50
    assert samples["process_resident_memory_bytes"] > 3 * 20_000_000
    assert samples["process_cpu_seconds_total"] > 0
    assert samples["process_start_time_seconds"] < time.time()


def test_the_calls_of_all_workers_are_in_one_list(node: Workers) -> None:
    logged = len(node.events("call"))
    raws = node.many("acme")
    until(
        lambda: {event["worker"] for event in node.events("call")[logged:]} == {1, 2},
        "both workers have served calls",
    )
    with observers(node) as (lender, operator):
        # Every call that a worker logged is there, whichever worker is asked, in one order.
        own = [event for event in node.events("call")[logged:] if event["member"] == "acme"]
        call_ids = {event["request_id"] for event in own}
        assert {event["worker"] for event in own} == {1, 2}
        for observer in (lender, operator):
            calls = observer.calls(limit=1000)
            assert call_ids <= {call.call_id for call in calls}
            assert [call.cursor for call in calls] == sorted({call.cursor for call in calls})
        # A cursor leads on, over the calls of both.
        (newest,) = lender.calls(limit=1)
        for raw in raws:
            assert raw.send("Log/GetCheckpoint", b"").code == "OK"
        later = [call.method for call in lender.calls(after=newest.cursor, limit=1000)]
        assert later.count("Log/GetCheckpoint") == len(raws)
        # The story of a request has its call, whichever worker served it.
        answer = raws[0].submit([snapshot(node.person.subject_id)])
        (call,) = lender.calls(limit=1)
        assert call.method == "Furnishing/SubmitRecords", answer
        assert call in lender.story(call.statement_id).calls


@contextmanager
def observers(node: Workers) -> Iterator[list[Observer]]:
    """Observers of a lender and of the operator."""
    with ExitStack() as closing:
        profiles = [replace(node.profiles[name], memory_folder=None) for name in OBSERVERS]
        yield [closing.enter_context(Observer(profile)) for profile in profiles]


def test_both_workers_serve_one_http_port(node: Workers) -> None:
    logged = len(node.events("call"))
    members = [HttpRaw(node.profiles["brook"], address=node.http) for _ in range(CONNECTIONS)]
    for member in members:
        assert member.send("Log/GetCheckpoint", b"{}").code == "OK"
    until(
        lambda: {event["worker"] for event in node.events("call")[logged:]} == {1, 2},
        "both workers have logged calls over HTTP",
    )
    assert f"and over HTTP at {node.http}" in node.log.read_text("utf-8")
    # What one worker commits over HTTP, every worker shows over both entrances.
    request = members[0].submission([snapshot(node.person.subject_id).SerializeToString()])
    assert members[0].send("Furnishing/SubmitRecords", request).reason == "CONSENT_REQUIRED"
    for member in members:
        member.client.close()


def test_http_connections_under_a_certificate_are_limited_over_all_workers(node: Workers) -> None:
    host, _, port = node.http.rpartition(":")
    tls = tls_of(node.profiles["cedar"])
    refused = 'bureau_http_connections_refused_total{limit="certificate"}'

    def count() -> float:
        lines = node.get("/metrics")[1].splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(refused))

    before = count()
    with ExitStack() as closing:
        for _ in range(MAX_OF_CERTIFICATE + 6):
            with suppress(OSError):  # closed at the limit, as it may be while it is opened
                connection = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
                closing.callback(connection.close)
                closing.enter_context(tls.wrap_socket(connection, server_hostname=host))
        until(lambda: count() >= before + 6, "those beyond the limit are closed")
        assert count() <= before + 6 + 1  # two that come at the same moment may both be refused


def test_streams_of_a_member_are_limited_over_all_workers(node: Workers) -> None:
    with ExitStack() as closing:
        opened = open_streams(node, "cedar", closing)
        assert opened == Counter(open=STREAMS_OF_MEMBER, OVERLOADED=CONNECTIONS - STREAMS_OF_MEMBER)


def open_streams(node: Workers, member: str, closing: ExitStack) -> Counter[str]:
    """Open a stream on each of many connections; count those that stay open."""
    outcomes: Counter[str] = Counter()
    request = reporting_pb2.WatchAlertsRequest().SerializeToString()
    for raw in node.many(member):
        watch: Any = raw.channel.unary_stream("/creditbureau.v1.Reporting/WatchAlerts")
        call = watch(request, timeout=PATIENCE_S)
        closing.callback(call.cancel)
        outcomes[stream_outcome(node, member, call)] += 1
    return outcomes


def stream_outcome(node: Workers, member: str, call: Any) -> str:
    """Return the reason of a stream that was refused, or `open` once it surely was not."""
    ended: list[str] = []

    def read() -> None:
        try:
            next(call, None)
        except grpc.RpcError as error:
            ended.append(answer_of(error).reason)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(1.0)
    return ended[0] if ended else "open"


def test_misses_are_counted_over_all_workers(node: Workers) -> None:
    raws = node.many("brook")
    size = EnumerationLimiter().size
    answers = [
        raws[number % CONNECTIONS].query(uuid.uuid4().hex, str(uuid.uuid4()))
        for number in range(size + 2 * CONNECTIONS)
    ]
    reasons = Counter(answer.reason for answer in answers)
    # Time gives a token back in ten seconds.
    assert size <= reasons["CONSENT_REQUIRED"] <= size + CONNECTIONS
    assert reasons.keys() == {"CONSENT_REQUIRED", "QUOTA_EXCEEDED"}


def test_a_killed_worker_loses_nothing_and_is_started_again(node: Workers) -> None:
    # 1. The passphrase is not on a command line nor in the environment; it is read once, and its
    #    file may be away since.
    secret = (node.folder / "server/passphrase").read_bytes().strip()
    for pid in node.pids():
        for name in ("cmdline", "environ"):
            assert secret not in Path(f"/proc/{pid}/{name}").read_bytes()

    # 2. Members submit, and follow streams, while each worker is killed in turn.
    acknowledged: list[str] = []
    ending = threading.Event()

    def keep_submitting(raw: Raw) -> None:
        while not ending.is_set():
            request = raw.submission([snapshot(node.person.subject_id).SerializeToString()])
            answer = raw.send("Furnishing/SubmitRecords", request)
            while answer.code != "OK" and not ending.is_set():
                assert answer.code in {"UNAVAILABLE", "CANCELLED"}, answer
                time.sleep(0.05)
                answer = raw.send("Furnishing/SubmitRecords", request)
            if answer.code == "OK":
                acknowledged.append(answer.reply.submission.submission_id)

    threads = [
        threading.Thread(target=keep_submitting, args=(raw,)) for raw in node.many("acme")[:8]
    ]
    with ExitStack() as closing, away(node.folder / "server/passphrase"):
        assert open_streams(node, "cedar", closing)["open"] == STREAMS_OF_MEMBER
        for thread in threads:
            thread.start()
        for victim in node.pids():
            count = len(acknowledged)
            until(lambda count=count: len(acknowledged) > count + 20, "submissions go on")
            os.kill(victim, signal.SIGKILL)
            until(lambda victim=victim: victim not in node.pids(), "the worker is gone")
            until(lambda: len(node.pids()) == 2 and node.is_ready(), "another one serves")
        ending.set()
        for thread in threads:
            thread.join()
        # 3. The streams of the dead count no more.
        until(lambda: opens_again(node), "all streams may be opened again")
    ended = node.events("worker_ended")
    assert {event["worker"] for event in ended} == {1, 2}
    assert {event["by"] for event in ended} == {"signal SIGKILL"}

    # 4. Everything that was acknowledged is there, and the log holds.
    with Auditor(node.profiles["acme"], policy=PATIENT) as auditor:
        assert auditor.audit().fault is None
    assert set(acknowledged) <= stored(node.raw("acme"))


def stored(raw: Raw) -> set[str]:
    """List the ids of a member's submissions."""
    ids, listed = set(), furnishing_pb2.ListSubmissionsRequest(page_size=1000)
    while True:
        reply = raw.send("Furnishing/ListSubmissions", listed).reply
        ids |= {one.submission_id for one in reply.submissions}
        listed.page_token = reply.next_page_token
        if not listed.page_token:
            return ids


@contextmanager
def away(path: Path) -> Iterator[None]:
    """Move a file away inside the block."""
    other = path.with_suffix(".away")
    path.rename(other)
    try:
        yield
    finally:
        other.rename(path)


def opens_again(node: Workers) -> bool:
    with ExitStack() as closing:
        return open_streams(node, "cedar", closing)["open"] == STREAMS_OF_MEMBER


def test_a_second_supervisor_is_refused(node: Workers) -> None:
    ended = subprocess.run(
        [COMMAND, "serve", "--dir", node.folder, "--workers", "2", "--listen", "127.0.0.1:0"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 6
    assert "another process serves" in ended.stderr


def test_workers_end_with_a_killed_supervisor(node: Workers) -> None:
    assert node.process is not None
    pids = node.pids()
    node.process.kill()
    node.process.wait()
    node.start()  # as a service manager would, at once
    assert not any(map(is_running, pids))
    assert node.raw("acme").send("Log/GetCheckpoint", b"").code == "OK"


def test_a_signal_to_all_processes_is_a_stop_and_no_failure(node: Workers) -> None:
    """As service managers send it that know of no supervisor; the workers end before it looks."""
    assert node.process is not None
    before, workers = node.events("worker_ended"), node.pids()
    node.process.send_signal(signal.SIGSTOP)
    for pid in (node.process.pid, *workers):
        os.kill(pid, signal.SIGTERM)
    until(lambda: not any(map(is_running, workers)), "the workers have ended")
    node.process.send_signal(signal.SIGCONT)
    assert node.process.wait(PATIENCE_S) == 0
    assert node.events("worker_ended") == before
    node.start()


def test_a_stop_drains_every_worker(node: Workers) -> None:
    raws = node.many("acme")
    outcomes: list[Answer] = []

    def submit(raw: Raw) -> None:
        outcomes.append(raw.submit([snapshot(node.person.subject_id) for _ in range(200)]))

    threads = [threading.Thread(target=submit, args=(raw,)) for raw in raws]
    for thread in threads:
        thread.start()
    until(lambda: bool(outcomes), "one is acknowledged")
    pids = node.pids()
    assert node.stop() == 0
    for thread in threads:
        thread.join()
    assert not any(map(is_running, pids))
    # The one kept checkpoint covers the whole log.
    node.start()
    checkpoint = node.raw("acme").send("Log/GetCheckpoint", b"").reply.checkpoint
    kept = (node.folder / "checkpoint-node-1").read_text("utf-8")
    assert read_checkpoint(kept).size == read_checkpoint(checkpoint).size
    good = {"OK", "UNAVAILABLE", "CANCELLED"}
    assert {outcome.code for outcome in outcomes} <= good


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("failing") / "bureau"
    create(folder, InitOptions())
    return folder


def failed_start(folder: Path, *more: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "serve", "--dir", folder, "--workers", "2", *more],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


@pytest.mark.parametrize("setting", ["listen", "metrics_listen", "http_listen"])
def test_a_taken_address_is_named_with_its_setting(other: Path, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        variables = {"BUREAU_LISTEN": "127.0.0.1:0", f"BUREAU_{setting.upper()}": address}
        ended = failed_start(other, **variables)
    assert ended.returncode == 7
    assert f"error: cannot listen on {address} ({setting}): Address already in use" in ended.stderr
    assert f"BUREAU_{setting.upper()}" in ended.stderr
    assert "serving" not in ended.stderr


def test_a_worker_that_cannot_start_ends_the_node_with_its_error(
    other: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "passphrase"
    wrong.write_text("wrong")
    ended = failed_start(other, "--listen", "127.0.0.1:0", BUREAU_PASSPHRASE_FILE=str(wrong))
    assert ended.returncode == 3
    assert ended.stderr.count("error: ") == 1
    assert "worker_ended" not in ended.stderr
