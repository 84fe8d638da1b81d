"""The harness' topology: it comes up, is broken and mended, and leaves nothing behind."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest

from bureau_client import (
    AccountStatus,
    Action,
    Auditor,
    BureauError,
    IdentificationMethod,
    Lender,
    Month,
    Party,
    PortfolioType,
    Profile,
    RetryPolicy,
    SigningKey,
    Snapshot,
    Submission,
    Wallet,
)
from tests.cluster.faults.database import (
    CrashDatabase,
    CutStandby,
    FullDisk,
    IsolatePrimary,
    KillPrimary,
    KillStandby,
    SlowDisk,
)
from tests.cluster.faults.fault import Fault
from tests.cluster.faults.links import (
    DatabaseLinkFault,
    MembersLinkFault,
    PullCable,
    WitnessLinkFault,
)
from tests.cluster.faults.members import ExpireCertificate, SuspendMember
from tests.cluster.faults.migration import Migrate
from tests.cluster.faults.nodes import KillNode, KillWorker, PauseNode, RollingRestart, SkewClock
from tests.cluster.topology.postgres import DATABASE, Postgres
from tests.cluster.topology.startup import running_topology
from tests.cluster.topology.topology import Size, Topology
from tests.service.node import PATIENT

# A machine with much else to do takes its time.
PATIENCE_S = 180.0
LENDER, OTHER = "lender-1", "lender-2"
NODES = ("node-1", "node-2")
BRIEF = RetryPolicy(read_seconds=2, write_seconds=2, bulk_seconds=2, attempts=1)
# For a node that does not answer: the call goes to the next node after this attempt.
STUBBORN = RetryPolicy(
    write_seconds=10,
    bulk_seconds=10,
    attempts=40,
    first_pause_seconds=0.2,
    longest_pause_seconds=0.5,
)
WRITERS = 3
STANDBY_NAMES = "SHOW synchronous_standby_names"
# Sessions whose commit waits for a standby.
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
STORED = "SELECT count(*) FROM submission WHERE submission_id = ANY(%s)"


@dataclass
class Scenario:
    """A topology, and somebody whom lenders may furnish.

    Attributes:
        acknowledged: Ids of the submissions that `write` got a receipt for.
    """

    topology: Topology
    subject_id: str
    acknowledged: list[str] = field(default_factory=list)

    def profile(self, member: str, *nodes: str) -> Profile:
        """A member's profile as it lies there now, with the links to some nodes."""
        profile = Profile.load(self.topology.member(member).profile)
        return replace(
            profile, addresses=tuple(self.topology.node(node).link.address for node in nodes)
        )

    def record(self, ref: str) -> Snapshot:
        return Snapshot(
            account_ref=ref,
            month=Month(2024, 1),
            parties=(Party(self.subject_id),),
            portfolio_type=PortfolioType.REVOLVING,
            account_type="18",
            currency="USD",
            open_date=date(2020, 1, 1),
            status=AccountStatus.CURRENT,
            balance_minor=1,
        )

    def write(self, node: str, member: str = LENDER, policy: RetryPolicy = BRIEF) -> str:
        """A submission through one node: `OK`, or the refusal's reason."""
        with Lender(self.profile(member, node), policy=policy) as lender:
            try:
                done = lender.submit([self.record(f"a-{time.monotonic_ns()}")])
            except BureauError as error:
                return error.reason or type(error).__name__
        self.acknowledged.extend(one.submission_id for one in done.submissions)
        return "OK"

    def await_service(self, node: str, member: str = LENDER) -> None:
        """Wait until a member's write through a node is acknowledged."""
        until(lambda: self.write(node, member) == "OK", f"{node} serves {member}")

    @contextmanager
    def broken(self, fault: Fault) -> Iterator[None]:
        """The fault inside the block; afterwards it is healed, everybody is served, and what
        was ever acknowledged is on both servers.
        """
        fault.inject(self.topology)
        try:
            yield
        finally:
            fault.heal(self.topology)
        for node, member in itertools.product(NODES, (LENDER, OTHER)):
            self.await_service(node, member)
        until(self._is_on_both, "what was acknowledged is on both servers")

    def _is_on_both(self) -> bool:
        wanted = set(self.acknowledged)
        for server in self.topology.postgres.servers:
            with server.session(DATABASE) as session:
                row = session.execute(STORED, [list(wanted)]).fetchone()
            if row != (len(wanted),):
                return False  # the standby has it on disk, and does not show it yet
        return True


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    folder = tmp_path_factory.mktemp("cluster")
    with running_topology(folder, Size(nodes=2, lenders=2, wallets=1), 7) as topology:
        attester = topology.member("attester")
        with Lender(Profile.load(attester.directory)) as directory:
            subject_id = directory.subject_id("US", "SSN", "000-12-3456")
        agent = Profile.load(topology.member("agent-1").profile)
        with (
            Lender(Profile.load(attester.profile)) as attesting,
            Wallet(agent, subject_id, SigningKey.generate()) as wallet,
        ):
            attesting.attest(
                wallet.binding(),
                method=IdentificationMethod.IN_PERSON,
                identify_time=datetime.now(UTC),
            )
            for lender in (LENDER, OTHER):
                wallet.grant(lender, [Action.FURNISH], expire=timedelta(days=9))
        yield Scenario(topology, subject_id)


def until(ready: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not ready():
        assert time.monotonic() < end, what
        time.sleep(0.05)


@pytest.mark.parametrize(
    "fault", [KillPrimary(), CrashDatabase(), KillNode("node-1"), KillWorker("node-1", 0)], ids=repr
)
def test_what_is_acknowledged_survives(scenario: Scenario, fault: Fault) -> None:
    """Lenders submit throughout; each submission is acknowledged once, and is there."""
    over = threading.Event()
    acknowledged: list[Submission] = []
    failures: list[BureauError] = []

    def keep_submitting(writer: int) -> None:
        with Lender(scenario.profile(LENDER, *NODES), policy=PATIENT) as lender:
            for number in itertools.count():
                if over.is_set():
                    return
                try:
                    done = lender.submit([scenario.record(f"w-{writer}-{number}-{id(fault)}")])
                except BureauError as error:
                    failures.append(error)
                    return
                acknowledged.extend(done.submissions)

    writers = [threading.Thread(target=keep_submitting, args=(n,)) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        until(lambda: len(acknowledged) > 10 or bool(failures), "writes begin")
        with scenario.broken(fault):
            time.sleep(0.5)
        known = len(acknowledged)
        until(lambda: len(acknowledged) > known + 10 or bool(failures), "writes go on")
    finally:
        over.set()
        for writer in writers:
            writer.join()
    assert not failures
    with Lender(scenario.profile(LENDER, *NODES)) as lender:
        listed = [one.submission_id for one in lender.submissions()]
    assert len(listed) == len(set(listed))
    assert {one.submission_id for one in acknowledged} <= set(listed)
    with Auditor(scenario.profile("auditor", *NODES)) as auditor:
        assert auditor.audit().fault is None
        for submission in acknowledged:
            assert submission.receipt is not None
            auditor.verify_receipt(submission.receipt, submission.manifest)


@pytest.mark.parametrize("fault", [KillStandby(), CutStandby()], ids=repr)
def test_nothing_is_acknowledged_without_the_standby(scenario: Scenario, fault: Fault) -> None:
    with scenario.broken(fault):
        assert "OK" not in [scenario.write(node) for node in NODES * 2]


def test_a_primary_that_is_cut_off_acknowledges_nothing(scenario: Scenario) -> None:
    """Nor does the promoted server, once the nodes have found it: it has no standby yet."""
    isolated, promoted = scenario.topology.postgres.primary, scenario.topology.postgres.standby
    with scenario.broken(IsolatePrimary()):
        assert isolated.is_primary()
        assert promoted.is_primary()
        until(
            partial(_waits_unacknowledged, scenario, promoted), "a node waits at the promoted one"
        )
    assert not isolated.is_primary()
    assert scenario.topology.postgres.primary is promoted


def test_every_promoted_server_waits_for_a_standby_of_its_own(scenario: Scenario) -> None:
    postgres = scenario.topology.postgres
    for _ in range(2):  # the second is a copy of the first
        promoted = postgres.standby
        with scenario.broken(KillPrimary()):
            promoted.promote()
            assert promoted.ask(STANDBY_NAMES) == "*"
            until(partial(_waits_unacknowledged, scenario, promoted), "a node waits there")
        assert postgres.primary is promoted
        assert promoted.ask(STANDBY_NAMES) == "*"


def _waits_unacknowledged(scenario: Scenario, server: Postgres) -> bool:
    """Whether a commit waits on a server for a standby; nothing is acknowledged meanwhile."""
    assert "OK" not in [scenario.write(node) for node in NODES]
    return bool(server.ask(WAITING))


def test_a_paused_node_answers_nobody_until_it_goes_on(scenario: Scenario) -> None:
    with scenario.broken(PauseNode("node-1")):
        assert scenario.write("node-1") != "OK"
        scenario.await_service("node-2")


def test_nodes_restart_in_turn(scenario: Scenario) -> None:
    with scenario.broken(RollingRestart(NODES)):
        pass  # it is over when it has begun


@pytest.mark.parametrize("by_s", [-600.0, 600.0])
def test_a_node_whose_clock_is_wrong_writes_nothing(scenario: Scenario, by_s: float) -> None:
    _is_possible(scenario, SkewClock("node-1", by_s))
    with scenario.broken(SkewClock("node-1", by_s)):
        until(lambda: scenario.write("node-1") == "NODE_UNFIT", "the node notices its clock")
        assert scenario.write("node-1") != "OK"
        scenario.await_service("node-2")


def test_a_full_disk_is_told(scenario: Scenario) -> None:
    _is_possible(scenario, FullDisk())
    with scenario.broken(FullDisk()):
        reasons: set[str] = set()

        def written() -> bool:
            reasons.update(scenario.write(node) for node in NODES)
            return "STORAGE_FULL" in reasons

        until(written, "a table has to grow")


def test_a_slow_disk_only_takes_time(scenario: Scenario) -> None:
    _is_possible(scenario, SlowDisk(0.3))
    with scenario.broken(SlowDisk(0.3)):
        begun = time.monotonic()
        assert scenario.write("node-1", policy=PATIENT) == "OK"
        assert time.monotonic() - begun >= 0.3  # a floor, not a measure


@pytest.mark.parametrize("how", ["drop", "half-open", "refuse"])
def test_a_node_without_its_database_says_so(scenario: Scenario, how: str) -> None:
    with scenario.broken(DatabaseLinkFault("node-1", how)):
        said: list[str] = []

        def is_said() -> bool:
            said.append(scenario.write("node-1"))
            return said[-1] in {"DATABASE_UNAVAILABLE", "DEADLINE"}

        until(is_said, "the node says so")
        assert "OK" not in said
        scenario.await_service("node-2")


def test_a_node_that_is_far_from_its_database_holds_nobody_up(scenario: Scenario) -> None:
    """What it has begun it still ends, with everything locked; then it takes no more."""
    with scenario.broken(DatabaseLinkFault("node-1", "delay")):
        until(lambda: scenario.write("node-1") == "NODE_UNFIT", "it finds out")
        for _ in range(3):
            scenario.await_service("node-2")
    until(lambda: scenario.write("node-1") == "OK", "it is near again")


@pytest.mark.parametrize("how", ["drop", "lose-answers"])
def test_members_get_through_to_another_node(scenario: Scenario, how: str) -> None:
    with (
        Lender(scenario.profile(LENDER, *NODES), policy=STUBBORN) as lender,
        scenario.broken(MembersLinkFault("node-1", how)),
    ):
        for number in range(4):
            lender.submit([scenario.record(f"through-{how}-{number}")])


def test_witnesses_out_of_reach_stop_nobody(scenario: Scenario) -> None:
    with scenario.broken(WitnessLinkFault("node-1", "drop")):
        scenario.await_service("node-1")


def test_a_suspended_member_is_refused_until_it_is_let_in(scenario: Scenario) -> None:
    with scenario.broken(SuspendMember(OTHER)):
        until(lambda: scenario.write("node-1", OTHER) == "MEMBER_SUSPENDED", "it is refused")
        scenario.await_service("node-1", LENDER)


def test_an_expired_certificate_is_refused_and_renewed(scenario: Scenario) -> None:
    with scenario.broken(ExpireCertificate(OTHER, 2.0)):
        until(lambda: scenario.write("node-2", OTHER) == "UNKNOWN_CERTIFICATE", "it expires")


def test_a_later_version_migrates_and_this_one_serves_and_starts(scenario: Scenario) -> None:
    with scenario.broken(Migrate("record")):
        assert scenario.write("node-1", policy=PATIENT) == "OK"
    with scenario.broken(KillNode("node-1")):
        scenario.await_service("node-2")


def test_a_pulled_cable_costs_one_node(scenario: Scenario) -> None:
    _is_possible(scenario, PullCable("node-2"))
    with scenario.broken(PullCable("node-2")):
        assert scenario.write("node-2") != "OK"
        host, port = scenario.topology.nodes[1].address.rsplit(":", 1)
        with pytest.raises(TimeoutError):  # no gateway of this machine's answers in its place
            socket.create_connection((host, int(port)), timeout=1)
        scenario.await_service("node-1")


def _is_possible(scenario: Scenario, fault: Fault) -> None:
    if missing := fault.missing(scenario.topology):
        pytest.skip(missing)
