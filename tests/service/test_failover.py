"""Members and several nodes: the SDK finds who answers, and streams go on elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from queue import Queue
from types import SimpleNamespace

import pytest

from bureau.admin.operator import Operator
from bureau.testing import free_port
from bureau_client import Alert, Lender, Month, NotFound, Unavailable, Wallet
from tests.service.node import Node
from tests.service.nodes import Nodes, further_nodes
from tests.service.postgres import Postgres, frozen, until
from tests.service.postgres_scenario import contract, health
from tests.service.raw import Raw
from tests.service.scenario import PATIENCE, Scenario, account, open_scenario
from tests.service.watching import monitored

ALL_BUT_DIRECTORY = ("Subjects", "Consents", "Furnishing", "Reporting", "Log", "Members")
MAY = Month(2024, 5)


@pytest.fixture(scope="module")
def scenario(postgres: Postgres) -> Iterator[Scenario]:
    url = postgres.migrated_database()
    with open_scenario("acme", "brook", database_url=url) as scenario:
        yield scenario


def lender_at(scenario: Scenario, nodes: Nodes, name: str, *places: int) -> Lender:
    """A lender that knows some of the nodes, in this order."""
    addresses = tuple(nodes.addresses[index] for index in places)
    profile = replace(scenario.profiles[name], addresses=addresses)
    return scenario.closing.enter_context(Lender(profile, clock=scenario.now, policy=PATIENCE))


def following(lender: Lender, *people: Wallet) -> Queue[Alert]:
    """The alerts of a lender on some people, as they come."""
    wanted = {person.subject_id for person in people}
    alerts: Queue[Alert] = Queue()

    def follow() -> None:
        with suppress(Unavailable):  # in the end the nodes are gone
            for alert in lender.alerts():
                if alert.subject_id in wanted:
                    alerts.put(alert)

    threading.Thread(target=follow, daemon=True).start()
    return alerts


@pytest.mark.parametrize("way", ["told by the database", "by looking again"])
def test_alerts_come_whichever_node_took_the_write(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way == "by looking again":
        monkeypatch.setattr("bureau.main.Listener.start", lambda _self: None)
    else:
        monkeypatch.setattr("bureau.rpc.servicer.POLL_S", 3600.0)
    with further_nodes(scenario.bureau, scenario.clock, scenario.clock) as nodes:
        watched = [monitored(scenario, "acme") for _ in nodes.addresses]
        waiting = [
            following(lender_at(scenario, nodes, "acme", index), *watched) for index in (0, 1, 2)
        ]
        for index, person in enumerate(watched):
            submission = lender_at(scenario, nodes, "brook", index).submit(
                [account(person, "new", MAY)]
            )
            receipt = submission.submissions[0].receipt
            assert receipt is not None
            for alerts in waiting:
                alert = alerts.get(timeout=120)
                assert (alert.subject_id, alert.cause_leaf_index) == (
                    person.subject_id,
                    receipt.leaf_index,
                )


def test_a_stream_goes_on_at_another_node_where_it_was(scenario: Scenario) -> None:
    """The node that it was on stops; nothing is lost, and nothing comes twice."""
    person = monitored(scenario, "acme")
    with further_nodes(scenario.bureau, scenario.clock) as nodes:
        alerts = following(lender_at(scenario, nodes, "acme", 1, 0), person)
        scenario.submit("brook", account(person, "first", MAY))
        assert alerts.get(timeout=120).subject_id == person.subject_id
    scenario.submit("brook", account(person, "second", MAY))
    assert alerts.get(timeout=120).subject_id == person.subject_id
    assert alerts.empty()


def test_a_node_that_drains_says_so_and_still_answers(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    drained = threading.Event()
    asked: list[float] = []

    def drain(seconds: float) -> None:
        asked.append(seconds)
        drained.wait()

    # The node drains until the test has looked, however long that takes.
    monkeypatch.setattr("bureau.main.time", SimpleNamespace(sleep=drain))
    with further_nodes(scenario.bureau, scenario.clock) as nodes:
        raw = nodes.each(scenario.profiles["acme"])[1]
        assert health(raw, "readiness") == "SERVING"
        stopping = threading.Thread(target=nodes.servers[1].stop, kwargs={"drain_s": 5.0})
        stopping.start()
        until(lambda: health(raw, "readiness") == "NOT_SERVING", "it says so")
        assert health(raw, "liveness") == "SERVING"
        assert contract(raw, "Log/GetCheckpoint", b"").status == ("OK", "")
        # A stream has nothing more to wait for there.
        assert raw.send("Furnishing/WatchDisputes", b"").reason == "SHUTTING_DOWN"
        drained.set()
        stopping.join()
        assert asked == [5.0]


def test_the_directory_may_be_a_process_of_its_own(scenario: Scenario) -> None:
    with (
        further_nodes(scenario.bureau, scenario.clock, services=ALL_BUT_DIRECTORY) as others,
        further_nodes(
            scenario.bureau, scenario.clock, services=("Directory",), node="directory-1"
        ) as directory,
    ):
        profile = replace(scenario.profiles["acme"], addresses=others.addresses[1:])
        with (
            Lender(profile, clock=scenario.now) as lender,
            pytest.raises(NotFound, match="does not serve"),
        ):
            lender.subject_id("US", "ssn", "000-12-3456")
        split = replace(profile, directory_addresses=directory.addresses[1:])
        with Lender(split, clock=scenario.now) as lender:
            subject_id = lender.subject_id("US", "ssn", "000-12-3456")
            assert subject_id == scenario.lenders["acme"].subject_id("US", "ssn", "000-12-3456")
            assert lender.members()
        # It serves nothing else.
        alone = Raw(replace(profile, addresses=directory.addresses[1:]))
        assert contract(alone, "Log/GetCheckpoint", b"").status[0] == "UNIMPLEMENTED"


def test_a_frozen_node_costs_one_call_and_no_write(scenario: Scenario, tmp_path: Path) -> None:
    """It takes connections and requests, and is silent."""
    person = scenario.person()
    address = f"127.0.0.1:{free_port()}"
    with Node(scenario.bureau.folder, address, "--node", "frozen-1") as node:
        profile = replace(scenario.profiles["brook"], addresses=(address, scenario.bureau.address))
        with Lender(profile, clock=scenario.now) as lender:
            until(lambda: _answers(lender), "both answer")
            with frozen(node.pid):
                refs = [f"frozen-{number}" for number in range(4)]
                for ref in refs:
                    assert lender.submit([account(person, ref, MAY)]).accepted_count == 1
            submission_ids = {one.submission_id for one in lender.submissions()}
            assert len(submission_ids) >= len(refs)
    assert scenario.findings() == []


def test_the_operator_finds_a_node_that_answers(scenario: Scenario) -> None:
    addresses = ("127.0.0.1:1", scenario.bureau.address)
    with Operator(replace(scenario.bureau.operator, addresses=addresses)) as operator:
        assert operator.member("acme").member_id == "acme"


def _answers(lender: Lender) -> bool:
    time.sleep(0.2)
    return bool(lender.members()) and bool(lender.members())
