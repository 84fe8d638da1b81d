"""PostgreSQL with a standby: silent, without its standby, started anew, failed over. What
was acknowledged is on both; what is not on both is not acknowledged, by nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bureau.admin.check_results import Health
from bureau.admin.doctor import examine
from bureau.admin.forks import NoForkError, accept_fork
from bureau.config import Settings
from bureau.ledger.node_checks import ForkedLogError
from bureau.main import Server
from creditbureau.v1 import log_pb2
from tests.service.postgres import Postgres, Standby, both, running_postgres, until
from tests.service.postgres_scenario import (
    Scenario,
    contract,
    open_scenario,
    refused_with_delay,
    request_id_of,
    submitted,
    until_served,
)

SUBMIT, RECEIPT, CHECKPOINT = (
    "Furnishing/SubmitRecords",
    "Log/GetReceipt",
    "Log/GetCheckpoint",
)
# Those that wait for a standby.
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
CANCEL = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    with running_postgres() as postgres:
        yield postgres


@pytest.fixture
def standby(postgres: Postgres) -> Standby:
    return postgres.standby(synchronous=True)


@pytest.fixture
def scenario(postgres: Postgres, standby: Standby, tmp_path: Path) -> Iterator[Scenario]:
    url = both(postgres.new_database(), standby)
    with open_scenario(url, tmp_path / "bureau") as scenario:
        yield scenario


def receipt_for(request_id: str) -> bytes:
    return log_pb2.GetReceiptRequest(request_id=request_id).SerializeToString()


def entries(postgres: Postgres, scenario: Scenario) -> int:
    """How many the primary shows."""
    name = scenario.bureau.settings.database.partition("@/")[2].partition("?")[0]
    return int(postgres.psql("SELECT count(*) FROM entry", name))


def test_a_silent_database_is_given_up_and_found_again(
    scenario: Scenario, postgres: Postgres
) -> None:
    """It is there, and its machine confirms every byte, but it does not answer."""
    retried = scenario.submission()
    until_served(scenario.acme, SUBMIT, scenario.submission())
    with postgres.frozen():
        for _ in range(2):  # on connections that were open, then on new ones
            refused_with_delay(contract(scenario.acme, SUBMIT, retried))
            refused_with_delay(contract(scenario.acme, CHECKPOINT, b""))
    submission_id = submitted(until_served(scenario.acme, SUBMIT, retried))
    assert submission_id in scenario.stored()


def test_without_its_standby_nothing_is_acknowledged(scenario: Scenario, standby: Standby) -> None:
    before = submitted(until_served(scenario.acme, SUBMIT, scenario.submission()))
    retried = scenario.submission()
    standby.stop()
    for _ in range(2):
        refused_with_delay(contract(scenario.acme, SUBMIT, retried))
    # What both have is told as before.
    assert contract(scenario.acme, CHECKPOINT, b"").status == ("OK", "")
    assert scenario.stored() == {before}
    standby.start()
    after = submitted(until_served(scenario.acme, SUBMIT, retried))
    assert scenario.stored() == {before, after}


def test_a_cancelled_wait_is_no_success_and_a_retry_none_either(
    scenario: Scenario, postgres: Postgres, standby: Standby
) -> None:
    until_served(scenario.acme, SUBMIT, scenario.submission())
    standby.stop()
    had, retried = entries(postgres, scenario), scenario.submission()

    def cancel() -> None:
        until(lambda: postgres.psql(WAITING) != "0", "a commit waits for the standby")
        postgres.psql(CANCEL)

    administrator = threading.Thread(target=cancel)
    administrator.start()
    refused_with_delay(contract(scenario.acme, SUBMIT, retried))
    administrator.join()
    assert entries(postgres, scenario) == had + 1  # on one machine, for all to see

    # Neither the same bytes nor the question for the receipt make more of it.
    request_id = request_id_of(retried)
    refused_with_delay(contract(scenario.acme, SUBMIT, retried))
    refused_with_delay(contract(scenario.acme, RECEIPT, receipt_for(request_id)))

    standby.start()
    assert submitted(until_served(scenario.acme, SUBMIT, retried)) == request_id
    until_served(scenario.acme, RECEIPT, receipt_for(request_id))
    assert entries(postgres, scenario) == had + 1


def test_what_a_restart_brings_to_light_waits_for_the_standby(
    scenario: Scenario, postgres: Postgres, standby: Standby
) -> None:
    """A commit that was still waiting is there after a restart, on one machine."""
    until_served(scenario.acme, SUBMIT, scenario.submission())
    until_served(scenario.acme, CHECKPOINT, b"")
    standby.stop()
    retried, had = scenario.submission(), entries(postgres, scenario)
    refused_with_delay(contract(scenario.acme, SUBMIT, retried))
    postgres.stop("immediate")
    postgres.start()
    until(lambda: entries(postgres, scenario) == had + 1, "the commit came to light")
    refused_with_delay(contract(scenario.acme, SUBMIT, retried))
    # Not even read: a checkpoint that a promoted standby does not know must not get out.
    refused_with_delay(contract(scenario.acme, CHECKPOINT, b""))
    standby.start()
    submission_id = submitted(until_served(scenario.acme, SUBMIT, retried))
    assert submission_id in scenario.stored()
    assert entries(postgres, scenario) == had + 1


def test_a_promoted_standby_is_found_and_has_everything(
    scenario: Scenario, postgres: Postgres, standby: Standby
) -> None:
    acknowledged = {
        submitted(until_served(scenario.acme, SUBMIT, scenario.submission())) for _ in range(5)
    }
    retried = scenario.submission()
    postgres.stop("immediate")
    refused_with_delay(contract(scenario.acme, SUBMIT, retried))
    standby.promote()
    submission_id = submitted(until_served(scenario.acme, SUBMIT, retried))
    assert scenario.stored() == acknowledged | {submission_id}


def test_a_lagging_standby_is_refused_with_both_checkpoints(
    postgres: Postgres, tmp_path: Path
) -> None:
    lagging = postgres.standby(synchronous=False)
    url = both(postgres.new_database(), lagging)
    with open_scenario(url, tmp_path / "bureau") as scenario:
        until(lambda: _follows(postgres), "the standby follows")
        lagging.stop()
        known = until_served(scenario.acme, CHECKPOINT, b"")
        until_served(scenario.acme, SUBMIT, scenario.submission())
        held = log_pb2.GetCheckpointResponse.FromString(
            until_served(scenario.acme, CHECKPOINT, b"")
        ).checkpoint
        postgres.stop("immediate")
        lagging.start()
        lagging.promote()

        # In service: nothing is signed on it, and the node ends.
        server = scenario.bureau.server
        until(lambda: _refused(scenario), "the node finds out")
        assert server.stopped.wait(120)
        assert isinstance(server.other_log, ForkedLogError)
        evidence = server.settings.fork_evidence
        checkpoint = log_pb2.GetCheckpointResponse.FromString(known).checkpoint
        assert (server.other_log.kept, server.other_log.current) == (held, checkpoint)
        assert held in evidence.read_text()
        assert checkpoint in evidence.read_text()

        # And at its next start.
        settings = Settings.load(scenario.bureau.folder, listen="127.0.0.1:0")
        with pytest.raises(ForkedLogError):
            Server(settings)

        # Until the operator decides, naming what is left.
        left = int(checkpoint.splitlines()[1])
        with pytest.raises(NoForkError, match=f"{left} entries"):
            accept_fork(settings, left + 1)
        given_up = accept_fork(settings, left)
        assert (given_up.size, given_up.kept_size) == (left, int(held.splitlines()[1]))
        assert [held in file.read_text() for file in given_up.evidence] == [True]
        with pytest.raises(NoForkError, match="holds what"):
            accept_fork(settings, left)
        Server(settings).database.dispose()


def _follows(postgres: Postgres) -> bool:
    behind = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()"
    return postgres.psql(behind) == "1"


def _refused(scenario: Scenario) -> bool:
    outcome = contract(scenario.acme, SUBMIT, scenario.submission())
    assert outcome.status != ("OK", ""), "it was signed on the lagging standby"
    time.sleep(0.1)
    return scenario.bureau.server.other_log is not None


def test_the_doctor_looks_at_the_standby(
    scenario: Scenario, postgres: Postgres, standby: Standby
) -> None:
    settings = scenario.bureau.settings

    def standby_check() -> tuple[Health, str]:
        (check,) = [result for result in examine(settings) if result.subject == "standby"]
        return check.health, check.finding

    assert standby_check() == (Health.OK, "1 attached and synchronous")
    standby.stop()
    until(lambda: standby_check()[0] is Health.FAIL, "the standby is missed")
    postgres.wait_for_standbys("")
    until(lambda: standby_check()[0] is Health.WARN, "it is on one machine, knowingly")
    postgres.configure("fsync", "off")
    until(lambda: standby_check() == (Health.FAIL, "fsync is off"), "commits do not reach the disk")
