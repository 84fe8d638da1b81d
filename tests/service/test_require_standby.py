"""A node that requires a standby acknowledges nothing on a PostgreSQL server whose commits do
not wait for one: after a promotion, after a change of its settings, and in the midst of a
commit."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest

from bureau.admin.check_results import CheckResult, Health
from bureau.admin.doctor import examine
from bureau.cli.exit_codes import Exit, exit_of
from bureau.config import Settings
from bureau.main import Server
from bureau.testing import running_bureau
from creditbureau.v1 import log_pb2
from tests.service.postgres import Postgres, Standby, both, running_postgres, until
from tests.service.postgres_scenario import (
    Outcome,
    Scenario,
    contract,
    health,
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
UNFIT = ("UNAVAILABLE", "NODE_UNFIT")
UNANSWERED = ("UNAVAILABLE", "DATABASE_UNAVAILABLE")
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as postgres:
        yield postgres


@pytest.fixture(scope="module")
def standby(postgres: Postgres) -> Standby:
    return postgres.standby(synchronous=True)


@pytest.fixture
def scenario(postgres: Postgres, standby: Standby, tmp_path: Path) -> Iterator[Scenario]:
    url = both(postgres.new_database(), standby)
    with open_scenario(url, tmp_path / "bureau", require_standby=True) as scenario:
        yield scenario


def refused_as_unfit(scenario: Scenario, path: str, request: bytes, setting: str) -> None:
    """The node refuses a call and names the setting; a server that is slow to answer is told as
    one that does not answer, until it does. Nothing is acknowledged in the meantime.
    """

    def unfit() -> bool:
        outcome = contract(scenario.acme, path, request)
        assert outcome.retry_s > 0, outcome
        if outcome.status == UNANSWERED:
            return False
        assert outcome.status == UNFIT, outcome
        assert setting in outcome.message
        return True

    until(unfit, "the call is refused as unfit")


def until_unfit(scenario: Scenario) -> None:
    """Waits until reads are refused too; no write is acknowledged in the meantime."""

    def unfit() -> bool:
        assert contract(scenario.acme, SUBMIT, scenario.submission()).status != ("OK", "")
        return contract(scenario.acme, CHECKPOINT, b"").status == UNFIT

    until(unfit, "the node is unfit")


def until_fit(scenario: Scenario) -> None:
    until(lambda: contract(scenario.acme, CHECKPOINT, b"").status == ("OK", ""), "the node is fit")
    until(lambda: health(scenario.acme, "readiness") == "SERVING", "the node is ready")


def test_a_server_that_ceases_to_wait_is_noticed_before_the_next_acknowledgement(
    scenario: Scenario, postgres: Postgres
) -> None:
    """On connections that are open, without a restart, and as soon as it is mended."""
    setting = "synchronous_standby_names"
    before = submitted(until_served(scenario.acme, SUBMIT, scenario.submission()))
    assert health(scenario.acme, "readiness") == "SERVING"
    retried = scenario.submission()
    postgres.configure(setting, "")
    try:
        refused_as_unfit(scenario, SUBMIT, retried, setting)
        until_unfit(scenario)
        until(lambda: health(scenario.acme, "readiness") == "NOT_SERVING", "it is not ready")
        receipt = log_pb2.GetReceiptRequest(request_id=before).SerializeToString()
        refused_as_unfit(scenario, RECEIPT, receipt, setting)
    finally:
        postgres.configure(setting, "*")
    until_fit(scenario)
    after = submitted(until_served(scenario.acme, SUBMIT, retried))
    assert scenario.stored() == {before, after}


@pytest.mark.parametrize(
    ("level", "weak"), [("SYSTEM", "off"), ("DATABASE {}", "local"), ("ROLE postgres", "off")]
)
def test_a_setting_of_the_server_does_not_weaken_a_commit(
    scenario: Scenario, postgres: Postgres, standby: Standby, level: str, weak: str
) -> None:
    """Each session sets synchronous_commit itself."""
    name = scenario.bureau.settings.database.partition("@/")[2].partition("?")[0]
    where = level.format(name)
    postgres.psql(f"ALTER {where} SET synchronous_commit = '{weak}'")
    postgres.psql("SELECT pg_reload_conf()")
    try:
        scenario.bureau.server.database.dispose()  # the next connections are new
        assert session_setting(scenario) == "on"
        retried = scenario.submission()
        with standby.away():
            refused_with_delay(contract(scenario.acme, SUBMIT, retried))
        submission_id = submitted(until_served(scenario.acme, SUBMIT, retried))
        assert scenario.stored() == {submission_id}
    finally:
        postgres.psql(f"ALTER {where} RESET synchronous_commit")
        postgres.psql("SELECT pg_reload_conf()")
        until_fit(scenario)


def test_a_stronger_setting_of_the_server_is_kept(scenario: Scenario, postgres: Postgres) -> None:
    postgres.configure("synchronous_commit", "remote_apply")
    try:
        scenario.bureau.server.database.dispose()
        assert session_setting(scenario) == "remote_apply"
        submitted(until_served(scenario.acme, SUBMIT, scenario.submission()))
    finally:
        postgres.configure("synchronous_commit", "on")


def session_setting(scenario: Scenario) -> str:
    with scenario.bureau.server.database.snapshot() as db:
        return str(db.fetch_one_raw("SHOW synchronous_commit")[0])


@pytest.mark.parametrize("then", ["", "*"], ids=["emptied", "emptied and set again"])
def test_a_wait_that_the_settings_cut_short_is_no_success(
    scenario: Scenario, postgres: Postgres, standby: Standby, then: str
) -> None:
    """PostgreSQL ends the wait without a warning, and only the primary has the commit."""
    until_served(scenario.acme, SUBMIT, scenario.submission())
    retried, outcomes = scenario.submission(), Queue[Outcome]()
    standby.stop()
    try:
        lender = threading.Thread(
            target=lambda: outcomes.put(contract(scenario.acme, SUBMIT, retried))
        )
        lender.start()
        until(lambda: postgres.psql(WAITING) != "0", "the commit waits for the standby")
        postgres.configure("synchronous_standby_names", "")
        until(lambda: postgres.psql(WAITING) == "0", "the wait is cut short")
        postgres.configure("synchronous_standby_names", then)
        lender.join()
        refused_with_delay(outcomes.get())
        # The same bytes, and the question for the receipt, get no more.
        receipt = log_pb2.GetReceiptRequest(request_id=request_id_of(retried))
        for method, request in ((SUBMIT, retried), (RECEIPT, receipt.SerializeToString())):
            assert contract(scenario.acme, method, request).status != ("OK", "")
    finally:
        standby.start()
        postgres.wait_for_standbys("*")
    until_fit(scenario)
    submission_id = submitted(until_served(scenario.acme, SUBMIT, retried))
    assert submission_id in scenario.stored()


def test_a_node_starts_unfit_and_is_served_once_the_server_waits(
    scenario: Scenario, postgres: Postgres
) -> None:
    submitted(until_served(scenario.acme, SUBMIT, scenario.submission()))
    postgres.configure("synchronous_standby_names", "")
    try:
        scenario.bureau.restart()
        until_unfit(scenario)
    finally:
        postgres.wait_for_standbys("*")
    until_fit(scenario)
    until_served(scenario.acme, SUBMIT, scenario.submission())


def test_the_doctor_fails_a_server_that_does_not_wait(
    scenario: Scenario, postgres: Postgres
) -> None:
    assert standby_check(scenario.bureau.settings).health is Health.OK
    postgres.configure("synchronous_standby_names", "")
    try:
        check = standby_check(scenario.bureau.settings)
    finally:
        postgres.wait_for_standbys("*")
    assert check.health is Health.FAIL
    assert "synchronous_standby_names" in check.finding
    assert check.fix


def test_it_is_refused_on_sqlite(tmp_path: Path) -> None:
    with running_bureau(tmp_path / "bureau") as bureau:
        settings = Settings.load(bureau.folder, require_standby=True, listen="127.0.0.1:0")
    with pytest.raises(ValueError, match="SQLite has no standby") as refused:
        Server(settings)
    assert exit_of(refused.value) is Exit.INVALID
    assert standby_check(settings).health is Health.FAIL


def standby_check(settings: Settings) -> CheckResult:
    (check,) = [check for check in examine(settings) if check.subject == "standby"]
    return check


# Last: the primary does not come back.
def test_a_promoted_server_acknowledges_once_it_has_a_standby_of_its_own(
    scenario: Scenario, postgres: Postgres, standby: Standby
) -> None:
    acknowledged = {
        submitted(until_served(scenario.acme, SUBMIT, scenario.submission())) for _ in range(3)
    }
    retried = scenario.submission()
    postgres.stop("immediate")
    refused_with_delay(contract(scenario.acme, SUBMIT, retried))
    standby.promote()
    until_unfit(scenario)
    refused_as_unfit(scenario, SUBMIT, retried, "synchronous_standby_names")
    second = standby.standby("second", synchronous=True)
    until_fit(scenario)
    submission_id = submitted(until_served(scenario.acme, SUBMIT, retried))
    assert scenario.stored() == acknowledged | {submission_id}
    name = scenario.bureau.settings.database.partition("@/")[2].partition("?")[0]
    count = "SELECT count(*) FROM submission"
    assert second.psql(count, name) == standby.psql(count, name) == str(len(acknowledged) + 1)
