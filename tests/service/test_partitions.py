"""A bureau on PostgreSQL is partitioned while its nodes serve, and stays the same bureau."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest
from psycopg import RawCursor
from sqlalchemy import make_url

from bureau.admin import partitioning
from bureau.admin.backup import back_up, restore
from bureau.admin.check_results import Health
from bureau.admin.erasure import Cause, erase_all
from bureau.admin.integrity import check_database
from bureau.admin.partitioning import examine_partitions, partition_tables
from bureau.calendar import utc
from bureau.clock import Clock
from bureau.config import Settings
from bureau.ledger.entry_keys import first_key_at, moment_of
from bureau.store import queries as q
from bureau.store import schema
from bureau.store.database import Database
from bureau.store.errors import StorageError
from bureau.store.migrations import NEWEST
from bureau.store.partitions import copying, session
from bureau.store.partitions.forms import Form, forms_of
from bureau.store.partitions.layout import BY_HASH, BY_MONTH, HASH_PARTITIONS, Months
from bureau.store.partitions.session import Session
from bureau.store.partitions.state import asking
from bureau.store.postgres import PatientConnection, libpq
from bureau_client import Auditor, Lender, Purpose, Report
from creditbureau.v1 import consents_pb2
from creditbureau.v1.envelope_pb2 import Envelope
from tests.service.nodes import Nodes, at_once, further_nodes
from tests.service.postgres import TOOLS, UP_WITHIN_S, Postgres, running_postgres, until
from tests.service.postgres_scenario import INQUIRE, Scenario, contract, open_scenario, submitted
from tests.service.raw import Answer, Raw, snapshot
from tests.service.test_operator_cli import INVALID, OK, UNAVAILABLE, USAGE, bureau

DAY_S = 86_400
# The revisions that come after this version's newest.
NEXT, AFTER = f"{int(NEWEST) + 1:04}", f"{int(NEWEST) + 2:04}"
COLUMNS = f'''
"""Adds what the version before does not mind."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "{NEXT}", "{NEWEST}"


def upgrade() -> None:
    for table in ("entry", "record", "tradeline"):
        op.add_column(table, sa.Column("weight", sa.BigInteger(), server_default="1"))
'''
INDEX = f'''
"""Makes something faster."""

from bureau.store.migrations.index import build_index

revision, down_revision = "{AFTER}", "{NEXT}"


def upgrade() -> None:
    build_index("by_answer", "entry", ["answer_digest"])
'''


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as postgres:
        yield postgres


@pytest.fixture
def scenario(postgres: Postgres, tmp_path: Path) -> Iterator[Scenario]:
    with open_scenario(postgres.migrated_database(), tmp_path / "bureau") as scenario:
        for number in range(8):
            assert furnish(scenario, scenario.acme, "before", number).code == "OK"
        yield scenario


@pytest.fixture
def database(scenario: Scenario) -> Iterator[Database]:
    database = Database(scenario.bureau.settings.database)
    try:
        yield database
    finally:
        database.dispose()


@dataclass
class PlainRoles:
    """A bureau whose owner is a role without further rights, and another role that may use it.

    Both see of each other's sessions what PostgreSQL shows to everyone.
    """

    scenario: Scenario
    postgres: Postgres
    owner: Database
    node: Database

    def grant(self, privileges: str) -> None:
        """Grant the node's role privileges on every table."""
        node, name = (getattr(make_url(self.node.url), part) for part in ("username", "database"))
        self.postgres.psql(f"GRANT {privileges} ON ALL TABLES IN SCHEMA public TO {node}", name)


@pytest.fixture
def roles(postgres: Postgres, tmp_path: Path) -> Iterator[PlainRoles]:
    url = make_url(postgres.new_database())
    owner, node = (url.set(username=f"{kind}_{url.database}") for kind in ("owner", "node"))
    for role in (owner, node):
        postgres.psql(f"CREATE ROLE {role.username} LOGIN")
    postgres.psql(f"ALTER DATABASE {url.database} OWNER TO {owner.username}")
    databases = [Database(role.render_as_string(hide_password=False)) for role in (owner, node)]
    try:
        with open_scenario(databases[0].url, tmp_path / "bureau") as scenario:
            for number in range(4):
                assert furnish(scenario, scenario.acme, "before", number).code == "OK"
            yield PlainRoles(scenario, postgres, *databases)
    finally:
        for database in databases:
            database.dispose()


def now_us() -> int:
    return time.time_ns() // 1000


def partition(database: Database) -> list[str]:
    """Partition as the command does; return what it says."""
    lines: list[str] = []
    partition_tables(database, now_us, lines.append)
    return lines


def form_of(database: Database, table: str) -> Form:
    with database.snapshot() as db:
        return forms_of(asking(db))[table]


def value(database: Database, sql: str) -> Any:
    with database.snapshot() as db:
        return db.fetch_one_raw(sql)[0]


def findings(scenario: Scenario, database: Database) -> list[str]:
    """Run the check of the whole database."""
    checked = check_database(database, Settings.load(scenario.bureau.folder))
    return [finding.what for finding in checked.findings]


def furnish(scenario: Scenario, node: Raw, name: str, number: int) -> Answer:
    """Submit a month of one of a few accounts."""
    record = snapshot(
        scenario.person.subject_id,
        account_ref=f"{name}-{number % 12}",
        month=202401 + number // 12 % 12,
    )
    return node.submit([record])


@dataclass
class Load:
    """Members and a person who use a bureau without pause."""

    scenario: Scenario
    nodes: Nodes
    done: int = 0
    refused: list[Answer] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def run(self, name: str, node: Raw, agent: Raw) -> None:
        number, consent_id = 0, ""
        while not (self.over.wait(0.005) or self.refused):
            furnished = furnish(self.scenario, node, name, number)
            granted = None
            if number % 10 == 0:  # a pair has a bounded number of consents in force
                soon = datetime.now(UTC) + timedelta(seconds=10)
                consent = self.scenario.person.consent("acme", INQUIRE, expire=soon)
                request = consents_pb2.GrantConsentRequest(consent=consent)
                granted = agent.send("Consents/GrantConsent", request)
                consent_id = granted.reply.consent.consent_id if granted.reply else ""
            queried = node.query(self.scenario.person.subject_id, consent_id)
            for answer in filter(None, (furnished, granted, queried)):
                if answer.code == "OK":
                    self.done += 1
                else:
                    self.refused.append(answer)
            number += 1

    def goes_on(self) -> None:
        """Wait until more calls were served."""
        known = self.done
        until(lambda: self.refused or self.done > known + 12, "the load goes on")
        assert not self.refused

    def __enter__(self) -> Self:
        nodes = self.nodes.each(self.scenario.acme.profile)
        agents = self.nodes.each(self.scenario.agent.profile)
        self.threads = [
            threading.Thread(target=self.run, args=(f"load-{index}", node, agent))
            for index, (node, agent) in enumerate(zip(nodes, agents, strict=True))
        ]
        for thread in self.threads:
            thread.start()
        self.goes_on()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()
        assert not self.refused


@dataclass
class ShortMonths:
    """Months of seconds, by name: no node's clock may differ from the database's by more."""

    patch: pytest.MonkeyPatch
    names: dict[int, str] = field(default_factory=dict)

    def begin(self, *seconds: float) -> list[int]:
        """Have months begin so many seconds from now; return their first keys."""
        begin = now_us()
        cuts = [first_key_at(begin + int(after * 1e6)) for after in seconds]
        self.names |= {cut: f"month_{len(self.names) + n}" for n, cut in enumerate(cuts)}
        self.use(*cuts)
        return cuts

    def use(self, *cuts: int) -> None:
        """Have the next run add the months that begin by these keys."""
        months = Months(cuts, self.names.__getitem__)
        self.patch.setattr(partitioning, "months_after", lambda _now_us: months)


def test_a_served_bureau_is_partitioned(
    scenario: Scenario, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two nodes serve without a failed call, and new rows go to the month of their key."""
    auditor_profile = scenario.bureau.add_member("auditor", ["auditor"])
    with (
        Lender(scenario.acme.profile) as lender,
        Auditor(auditor_profile) as auditor,
        further_nodes(scenario.bureau, None) as nodes,
    ):
        report = lender.query(
            scenario.person.subject_id,
            purpose=Purpose.CREDIT_APPLICATION,
            consent_id=scenario.consent_id,
        )
        before = auditor.checkpoint()
        # Many batches, so that they are copied beside the calls.
        monkeypatch.setattr(copying, "BATCH", 2)
        months = ShortMonths(monkeypatch)
        first, second, end = months.begin(20, 24, 28)
        with Load(scenario, nodes) as load:
            months.use(first)
            partition(database)
            months.use(first, second, end)
            partition(database)
            assert first_key_at(now_us()) < first, "the machine is too slow for these months"
            load.goes_on()
            until(lambda: first_key_at(now_us()) > end, "all months have passed")
            load.goes_on()
            # Later rows have no month: a default partition has taken them, and the doctor says so.
            (warning,) = examine_partitions(database, now_us())
            assert (warning.health, warning.subject) == (Health.WARN, "partitions")
            assert "rows came after the last month of statement" in warning.finding
            months.begin(40 * DAY_S, 80 * DAY_S)
            partition(database)
            load.goes_on()
            assert partition(database) == []

        (result,) = examine_partitions(database, now_us())
        assert result.health is Health.OK
        tables = "SELECT string_agg(partrelid::regclass::text, ' ' ORDER BY 1)"
        partitioned = value(database, f"{tables} FROM pg_partitioned_table")
        assert set(partitioned.split()) == {*BY_MONTH, *BY_HASH}
        for table, key in BY_MONTH.items():
            for name, least, bound in (
                (f"{table}_before_month_0", 0, first),
                (f"{table}_month_0", first, second),
                (f"{table}_month_1", second, end),
                (f"{table}_month_2", end, None),
            ):
                with database.snapshot() as db:
                    keys = db.fetch_one_raw(f"SELECT min({key}), max({key}) FROM {name}")
                assert keys != (None, None), f"{name} has rows"
                assert keys[0] >= least
                assert bound is None or keys[1] < bound
            assert value(database, f"SELECT count(*) FROM {table}_default") == 0
        spread = f"SELECT count(DISTINCT tableoid) FROM {next(iter(BY_HASH))}"
        assert 1 < value(database, spread) <= HASH_PARTITIONS

        assert findings(scenario, database) == []
        assert auditor.audit(before.note).fault is None
        again = lender.replay(report.request_id, report.subject_id)
        assert payload(again) == payload(report)


def payload(report: Report) -> bytes:
    """The bytes of a report that the bureau signed."""
    return Envelope.FromString(report.envelope).payload


def test_no_table_is_read_while_it_is_locked(
    scenario: Scenario, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL takes the proof of a constraint for the scan that an attached table needs."""
    monkeypatch.setattr(copying, "PROGRESS_S", 0.0)
    notices: list[str] = []
    begin = Session.__init__

    def begin_watched(watched: Session, raw: PatientConnection, error: type[Exception]) -> None:
        begin(watched, raw, error)
        raw.add_notice_handler(lambda notice: notices.append(str(notice.message_primary)))
        watched.run("SET client_min_messages = debug1")

    monkeypatch.setattr(Session, "__init__", begin_watched)
    lines, months = partition(database), partitioning.months_after(now_us())
    for table in BY_MONTH:
        whole = f"{table}_before_{months.name_of(months.cuts[-1])}"
        implied = f'partition constraint for table "{whole}" is implied by existing constraints'
        earlier, later = notices[: notices.index(implied)], notices[notices.index(implied) :]
        # Once, by the validation, which locks no one out; what is read later is empty.
        assert earlier.count(f'verifying table "{table}_default"') == 1
        assert f'verifying table "{whole}"' not in later
    assert not [notice for notice in notices if notice.startswith("rewriting table")]
    assert "tradeline: 1000 rows so far" in lines


def test_a_change_steps_back_where_others_hold_the_table(
    scenario: Scenario, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "LOCK_TIMEOUT", "100ms")
    partitioning_thread = threading.Thread(target=partition, args=(database,))
    with database.snapshot() as db:
        db.fetch_one_raw("SELECT count(*) FROM statement")
        partitioning_thread.start()
        for number in range(20):
            assert furnish(scenario, scenario.acme, "meanwhile", number).code == "OK"
        assert partitioning_thread.is_alive()
        assert not form_of(database, "statement").is_partitioned
    partitioning_thread.join()
    assert form_of(database, "tradeline").is_partitioned
    assert findings(scenario, database) == []


def test_a_table_that_is_never_released_ends_the_command(
    scenario: Scenario, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for setting, short in {"LOCK_TIMEOUT": "10ms", "TRIES": 2, "PAUSE_S": 0}.items():
        monkeypatch.setattr(session, setting, short)
    with database.snapshot() as db:
        db.fetch_one_raw("SELECT count(*) FROM statement")
        ended = bureau("db", "partition", "--dir", scenario.bureau.folder)
        assert ended.code == UNAVAILABLE
        assert "cannot be partitioned: canceling statement due to lock timeout" in ended.err
    assert not form_of(database, "statement").is_partitioned


def test_two_runs_and_a_migration_take_turns(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one waits for the end of earlier transactions; the others are none."""
    lines: list[list[str]] = [[], []]
    clock_reads = [0, 0]
    ended: list[str] = []

    def run(number: int) -> None:
        def read_clock() -> int:
            clock_reads[number] += 1
            return now_us()

        partition_tables(database, read_clock, lines[number].append)
        ended.append(f"run {number}")

    def migrate() -> None:
        schema.upgrade(database)
        ended.append("migration")

    def has_waited(number: int, message: str) -> bool:
        return any(message in line for line in lines[number])

    works: list[Callable[[], None]] = [partial(run, 0), partial(run, 1), migrate]
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    with database.snapshot() as earlier:
        earlier.fetch_one_raw("SELECT count(*) FROM member")
        threads[0].start()
        until(lambda: has_waited(0, "building indexes"), "the first run waits for the reader")
        threads[1].start()
        until(lambda: has_waited(1, "another run or a migration"), "the second run waits", 10)
        with monkeypatch.context() as patch:
            patch.setattr(schema, "TURN_S", 0.0)
            with pytest.raises(StorageError, match="`bureau db partition` is at work"):
                schema.upgrade(database)
        threads[2].start()
        # Longer than the server takes to find two sessions that wait for each other.
        time.sleep(3)
        assert clock_reads[1] == 0, "the months are those of the time after the wait"
    for thread in threads:
        thread.join(UP_WITHIN_S)
    assert sorted(ended) == ["migration", "run 0", "run 1"]
    assert lines[1] == ["another run or a migration is at work: waiting for its end"]
    assert form_of(database, "tradeline").is_partitioned


@pytest.mark.parametrize("refused", ["VALIDATE CONSTRAINT", "ATTACH PARTITION record_before"])
def test_a_run_that_fails_leaves_no_table_that_refuses_later_rows(
    scenario: Scenario, database: Database, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    run = Session.run

    def run_or_fail(failing: Session, sql: str) -> None:
        if refused in sql and "record_" in sql:
            raise StorageError("the disk is full")
        run(failing, sql)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "run", run_or_fail)
        with pytest.raises(StorageError, match="the disk is full"):
            partition(database)
    assert form_of(database, "record").is_partitioned
    checks = r"SELECT count(*) FROM pg_constraint WHERE conname LIKE '%\_default\_before\_%'"
    assert value(database, checks) == 0
    (result,) = examine_partitions(database, now_us())
    assert result.finding == "not finished: record_tile, entry, tradeline, record"
    partition(database)
    assert findings(scenario, database) == []


def test_the_doctor_names_the_day_from_which_on_rows_are_refused(
    scenario: Scenario, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Session.run
    is_killed = False

    def run_or_die(dying: Session, sql: str) -> None:
        nonlocal is_killed
        is_killed = is_killed or "VALIDATE CONSTRAINT record_default" in sql
        if is_killed:
            raise Killed
        run(dying, sql)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "run", run_or_die)
        with pytest.raises(Killed):
            partition(database)
    end_us = moment_of(partitioning.months_after(now_us()).cuts[-1])
    assert end_us > now_us() + 110 * DAY_S * 1_000_000
    assert furnish(scenario, scenario.acme, "meanwhile", 1).code == "OK"
    finding = (
        "not finished: record_tile, entry, tradeline, record;"
        f" from {utc(end_us).date().isoformat()} on no statement would be accepted"
    )
    for days_before, health in ((8, Health.WARN), (6, Health.FAIL), (-1, Health.FAIL)):
        (result,) = examine_partitions(database, end_us - days_before * DAY_S * 1_000_000)
        assert (result.health, result.finding) == (health, finding)
    partition(database)
    (result,) = examine_partitions(database, now_us())
    assert result.health is Health.OK


def test_months_begin_after_the_newest_row_whatever_the_clock_of_the_machine(
    scenario: Scenario, database: Database
) -> None:
    """A machine whose clock is behind would have the tables refuse the rows of the day."""

    def run() -> int:
        lines: list[str] = []
        partition_tables(database, lambda: now_us() - 300 * DAY_S * 1_000_000, lines.append)
        end = form_of(database, "record").end
        assert end is not None
        return moment_of(end) - now_us()

    month_us = 31 * DAY_S * 1_000_000
    assert run() > 3 * month_us
    # The clock of a node was ahead of all others.
    year_us = 365 * DAY_S * 1_000_000
    newest = "(SELECT max(submission_key) FROM record_tile)"
    later = first_key_at(now_us() + year_us)
    with database.transaction() as db:
        db.execute_raw(
            f"UPDATE record_tile SET submission_key = {later} WHERE submission_key = {newest}"
        )
    assert run() > year_us + 3 * month_us
    assert furnish(scenario, scenario.acme, "after", 1).code == "OK"


class Killed(BaseException):
    """The process of a run has ended."""


def test_a_run_that_is_killed_at_any_statement_is_continued(
    scenario: Scenario, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Session.run
    statements = 0

    def run_or_die(dying: Session, sql: str) -> None:
        nonlocal statements
        statements -= 1
        if statements < 0:
            raise Killed
        run(dying, sql)

    monkeypatch.setattr(Session, "run", run_or_die)
    for runs in itertools.count(1):
        statements = runs
        try:
            partition(database)
        except Killed:
            assert furnish(scenario, scenario.acme, "between", runs).code == "OK"
            results = list(examine_partitions(database, now_us()))
            assert {result.health for result in results} <= {Health.WARN}
        else:
            break
    assert runs > 30
    (result,) = examine_partitions(database, now_us())
    assert result.health is Health.OK
    assert findings(scenario, database) == []
    assert schema.differences(database) == []


def test_the_command_waits_for_earlier_readers_and_may_be_killed(
    scenario: Scenario, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader of an earlier moment would miss accounts that were copied after it."""
    folder = scenario.bureau.folder
    planned = bureau("db", "partition", "--dry-run", "--dir", folder)
    assert planned.code == OK
    assert "entry: would be partitioned by month" in planned.err
    assert not form_of(database, "entry").is_partitioned

    with monkeypatch.context() as patch:
        patch.setattr(partitioning, "BY_HASH", {})
        partition(database)
    accounts = value(database, "SELECT count(*) FROM tradeline")
    command = [sys.executable, "-m", "bureau", "db", "partition", "--dir", str(folder)]
    with database.snapshot() as earlier:
        earlier.fetch_one_raw("SELECT count(*) FROM member")
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert process.stderr
        assert any(line.startswith("tradeline: copied; ") for line in process.stderr)
        assert furnish(scenario, scenario.acme, "meanwhile", 1).code == "OK"
        assert earlier.fetch_one_raw("SELECT count(*) FROM tradeline")[0] == accounts
        process.send_signal(signal.SIGKILL)
        process.communicate()
        (result,) = examine_partitions(database, now_us())
        assert result.finding == "not finished: tradeline"
        assert findings(scenario, database) == []
        assert earlier.fetch_one_raw("SELECT count(*) FROM tradeline")[0] == accounts

    again = bureau("db", "partition", "--dir", folder)
    assert again.code == OK, again.err
    assert form_of(database, "tradeline").is_partitioned
    assert value(database, "SELECT count(*) FROM tradeline") == accounts + 1
    twice = bureau("db", "partition", "--dir", folder)
    assert (twice.code, twice.err) == (OK, "nothing to do: the tables are partitioned\n")
    assert findings(scenario, database) == []


def test_readers_by_another_role_are_waited_for(
    roles: PlainRoles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner is shown neither the kind nor the state of their sessions."""
    with monkeypatch.context() as patch:
        patch.setattr(partitioning, "BY_HASH", {})
        partition(roles.owner)
    roles.grant("SELECT")
    accounts = "SELECT count(*) FROM tradeline"
    lines: list[str] = []
    run = threading.Thread(target=partition_tables, args=(roles.owner, now_us, lines.append))
    with roles.node.snapshot() as earlier:
        earlier.fetch_one_raw("SELECT count(*) FROM member")
        run.start()
        until(lambda: any("; transactions that" in line for line in lines), "the copy is whole")
        run.join(1)
        assert earlier.fetch_one_raw(accounts)[0] == 4
        assert not form_of(roles.owner, "tradeline").is_partitioned
    run.join()
    assert form_of(roles.owner, "tradeline").is_partitioned
    assert value(roles.node, accounts) == 4


def test_what_was_unique_stays_unique_across_partitions(
    scenario: Scenario, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    months = ShortMonths(monkeypatch)
    cut, end = months.begin(10, 3000)
    for cuts in ((cut,), (cut, end)):
        months.use(*cuts)
        partition(database)
    until(lambda: first_key_at(now_us()) > cut, "a month has begun")

    # The same bytes at two nodes at the same moment have one effect. They are about an account
    # that is there: the second one waits for its row, and then only its request id stops it.
    with further_nodes(scenario.bureau, None) as nodes:
        ways = nodes.each(scenario.acme.profile)
        for _ in range(10):
            record = snapshot(scenario.person.subject_id, account_ref="before-0")
            raw = record.SerializeToString(deterministic=True)
            submission = scenario.acme.submission([raw]).SerializeToString()
            ids = at_once([partial(submit_once, way, submission) for way in ways])
            assert len(set(ids)) == 1
        # Two nodes that open an account under one reference at the same moment open one account.
        for number in range(10):
            answers = at_once(
                [partial(furnish, scenario, way, f"same-{number}", 0) for way in ways]
            )
            assert [answer.code for answer in answers] == ["OK", "OK"]
            accounts = f"SELECT count(*) FROM tradeline WHERE account_ref = 'same-{number}-0'"
            assert value(database, accounts) == 1
    requests = "SELECT count(*) - count(DISTINCT (request_id, signer)) FROM entry"
    assert value(database, requests) == 0

    # A row of another partition with the same values is refused, as by the index before.
    later = "(SELECT max({0}) + 1000 FROM {1})"
    for table, columns, change in (
        ("entry", "leaf_index", "request_id = request_id || 'x'"),
        ("entry", "request_id", "leaf_index = leaf_index + 1000"),
        ("tradeline", "member_id", "tradeline_id = tradeline_id || 'x'"),
        ("tradeline", "tradeline_id", "account_ref = account_ref || 'x'"),
    ):
        key = {**BY_MONTH, **BY_HASH}[table]
        copy = (
            f"CREATE TEMPORARY TABLE twin AS SELECT * FROM {table} ORDER BY {key} LIMIT 1;"
            f"UPDATE twin SET {key} = {later.format(key, table)}, {change};"
            f"INSERT INTO {table} SELECT * FROM twin"
        )
        with psycopg.connect(libpq(database.url)) as connection:
            with pytest.raises(psycopg.errors.UniqueViolation, match=f"{table}_by_{columns}"):
                connection.execute(copy)
            connection.rollback()

    # Erased accounts give their references back, and their keys go with them.
    settings = Settings.load(scenario.bureau.folder)
    erased = erase_all(settings, Cause(scenario.person.subject_id, 0), Clock())
    assert erased.account_count
    assert value(database, "SELECT count(*) FROM tradeline_by_member_id_account_ref") == 0
    assert furnish(scenario, scenario.acme, "before", 0).code == "OK"
    assert findings(scenario, database) == []

    # The check finds a key that is not kept.
    with database.transaction() as db:
        db.execute_raw("DELETE FROM entry_by_leaf_index WHERE leaf_index = 1")
        db.execute_raw("DROP TRIGGER tradeline_by_tradeline_id ON tradeline")
    assert findings(scenario, database) == [
        "table entry: 1 values of leaf_index are not kept unique",
        "table tradeline: no trigger keeps tradeline_id unique",
    ]


def submit_once(node: Raw, submission: bytes) -> str:
    outcome = contract(node, "Furnishing/SubmitRecords", submission)
    while outcome.status[1] == "CONFLICT":
        outcome = contract(node, "Furnishing/SubmitRecords", submission)
    return submitted(outcome.reply)


def test_records_are_looked_up_in_their_own_months(scenario: Scenario, database: Database) -> None:
    """Whatever the list is: a join would read every month for a long one."""
    partition(database)
    dialect = database.engine.dialect
    with psycopg.connect(libpq(database.url), cursor_factory=RawCursor) as connection:
        keys = connection.execute("SELECT submission_key, record_index FROM record").fetchall()
        assert len(keys) == 8
        for count in (1, 4, 8):
            query, parameters = q.records_at.for_values(keys[:count])
            text, _, bind = query.sql(dialect)
            values = bind(parameters)
            assert len(connection.execute(text, values).fetchall()) == count
            plan = connection.execute(f"EXPLAIN (ANALYZE, COSTS OFF) {text}", values).fetchall()
            months = [line for (line,) in plan if " on record_" in line]
            read = [line for line in months if "never executed" not in line]
            # Each month's table is in the plan twice: for the place of the row, and for the row.
            tables = {line.partition(" on ")[2].split()[0] for line in read}
            assert (len(months) > 2, len(read), len(tables)) == (True, 2, 1), plan


def test_roles_keep_their_privileges(
    postgres: Postgres, scenario: Scenario, database: Database
) -> None:
    """A node that connects by a role of its own is one that may do what it could before."""
    name = str(make_url(database.url).database)
    postgres.psql("CREATE ROLE node", name)
    postgres.psql(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO node", name
    )
    partition(database)
    with psycopg.connect(libpq(database.url)) as connection:
        connection.execute("SET ROLE node")
        for table, key in {**BY_MONTH, **BY_HASH}.items():
            connection.execute(f"UPDATE {table} SET {key} = {key}")
            connection.execute(f"CREATE TEMPORARY TABLE kept_{table} AS SELECT * FROM {table}")
            connection.execute(f"DELETE FROM {table}")
            connection.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}")
    assert findings(scenario, database) == []


@pytest.mark.parametrize("privileges", ["", "SELECT, INSERT, UPDATE, DELETE"])
def test_new_tables_are_those_of_the_owner_and_of_the_roles_of_the_table(
    roles: PlainRoles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, privileges: str
) -> None:
    """The command is a superuser's; the owner runs nodes, and another role takes backups."""
    monkeypatch.setenv("PATH", f"{TOOLS}{os.pathsep}{os.environ['PATH']}")
    owner, name = (getattr(make_url(roles.owner.url), part) for part in ("username", "database"))
    node = make_url(roles.node.url).username
    # More than on the tables that are there.
    roles.postgres.psql(f"ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {node}", name)
    if privileges:
        roles.grant(privileges)
        roles.postgres.psql(
            f"GRANT SELECT ON entry, record, tradeline TO {node} WITH GRANT OPTION", name
        )
        roles.postgres.psql(f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {node}", name)
    superuser = Database(roles.postgres.url(str(name)))
    try:
        partition(superuser)
    finally:
        superuser.dispose()
    others = (
        "SELECT count(*) FROM {0} WHERE {0}namespace = CAST('public' AS regnamespace)"
        f" AND pg_get_userbyid({{0}}owner) <> '{owner}'"
    )
    assert value(roles.owner, others.format("rel").replace("FROM rel", "FROM pg_class")) == 0
    assert value(roles.owner, others.format("pro").replace("FROM pro", "FROM pg_proc")) == 0
    assert furnish(roles.scenario, roles.scenario.acme, "after", 1).code == "OK"
    assert partition(roles.owner) == []
    assert findings(roles.scenario, roles.owner) == []
    granted = (
        "SELECT string_agg(DISTINCT coalesce(CAST(relacl AS text), ''), ' ') FROM pg_class"
        " WHERE oid IN (SELECT relid FROM pg_partition_tree('{0}'))"
    )
    for table in ("entry", "record", "tradeline"):
        lists = value(roles.owner, granted.format(table))
        assert f"{node}=ar*wd/{owner}" in lists if privileges else node not in lists
        assert lists.count("{") <= 1, f"the privileges on the parts of {table} are the same"
    if privileges:
        back_up(roles.node, tmp_path / "backup", b"kept elsewhere")
        (result,) = examine_partitions(roles.node, now_us())
        assert result.health is Health.OK


def test_a_backup_has_the_partitions(
    postgres: Postgres,
    scenario: Scenario,
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", f"{TOOLS}{os.pathsep}{os.environ['PATH']}")
    partition(database)
    back_up(database, tmp_path / "backup", b"kept elsewhere")
    restored = Database(postgres.new_database())
    try:
        restore(restored, tmp_path / "backup", b"kept elsewhere")
        assert findings(scenario, restored) == []
        assert partition(restored) == []
    finally:
        restored.dispose()


def test_later_revisions_change_every_partition(
    scenario: Scenario, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    partition(database)
    (tmp_path / f"{NEXT}_columns.py").write_text(COLUMNS)
    (tmp_path / f"{AFTER}_index.py").write_text(INDEX)
    monkeypatch.setattr("bureau.store.migrations.NEWEST", AFTER)
    monkeypatch.setattr(schema, "REVISION_FOLDERS", (*schema.REVISION_FOLDERS, str(tmp_path)))
    schema.upgrade(database)
    parts = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'by_answer'::regclass"
    assert value(database, parts) == len(form_of(database, "entry").partitions)
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_answer'::regclass"
    assert value(database, valid)
    assert furnish(scenario, scenario.acme, "after", 1).code == "OK"
    for table in ("entry", "record", "tradeline"):
        assert value(database, f"SELECT count(*) FROM {table} WHERE weight IS DISTINCT FROM 1") == 0
    # Months that are added later have the columns and the index, too.
    monkeypatch.setattr(partitioning, "MONTHS_AHEAD", partitioning.MONTHS_AHEAD + 1)
    assert len(partition(database)) == len(BY_MONTH)
    assert value(database, parts) == len(form_of(database, "entry").partitions)


def leave_copy(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run until the accounts are copied, and end as if killed."""

    def die(_session: Session) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("bureau.store.partitions.by_hash.wait_for_earlier_readers", die)
        with pytest.raises(Killed):
            partition(database)


def test_a_migration_drops_the_copy_that_a_killed_run_has_left(
    scenario: Scenario, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its trigger would fail on every account once the table has one more column."""
    leave_copy(database, monkeypatch)
    schema.upgrade(database)
    copies = "SELECT count(*) FROM pg_class WHERE relname = 'tradeline_hashed'"
    assert value(database, copies) == 1, "there was nothing to migrate"
    (tmp_path / f"{NEXT}_columns.py").write_text(COLUMNS)
    monkeypatch.setattr("bureau.store.migrations.NEWEST", NEXT)
    monkeypatch.setattr(schema, "REVISION_FOLDERS", (*schema.REVISION_FOLDERS, str(tmp_path)))
    schema.upgrade(database)
    assert value(database, copies) == 0
    assert furnish(scenario, scenario.acme, "after", 1).code == "OK"
    partition(database)
    assert form_of(database, "tradeline").is_partitioned
    assert value(database, "SELECT count(*) FROM tradeline WHERE weight = 1") == 9
    assert furnish(scenario, scenario.acme, "after", 2).code == "OK"


def test_a_copy_with_other_columns_is_begun_again(
    scenario: Scenario, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another release has migrated the database, and has left the copy as it was."""
    leave_copy(database, monkeypatch)
    with database.transaction() as db:
        db.execute_raw("ALTER TABLE tradeline ADD COLUMN weight bigint DEFAULT 1")
    assert "tradeline: its columns have changed since an earlier run, whose copy is dropped" in (
        partition(database)
    )
    assert form_of(database, "tradeline").is_partitioned
    assert value(database, "SELECT count(*) FROM tradeline WHERE weight = 1") == 8
    assert furnish(scenario, scenario.acme, "after", 1).code == "OK"


def test_only_a_schema_of_this_version_is_partitioned(
    scenario: Scenario, database: Database
) -> None:
    """A later version's columns and indexes are not known here."""
    with database.transaction() as db:
        db.execute_raw(f"UPDATE alembic_version SET version_num = '{NEXT}'")
    refused = bureau("db", "partition", "--dir", scenario.bureau.folder)
    assert refused.code == INVALID
    assert f"the database is at {NEXT}, the command needs {NEWEST}" in refused.err
    with pytest.raises(StorageError, match=f"it is at {NEXT}, the command needs {NEWEST}"):
        partition(database)
    assert not form_of(database, "statement").is_partitioned


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("statement", "ALTER TABLE statement ADD CONSTRAINT foreign_key UNIQUE (entry_key)"),
        ("entry", "CREATE UNIQUE INDEX foreign_key ON entry (entry_key, leaf_index)"),
        ("tradeline", "CREATE INDEX foreign_key ON tradeline (member_id)"),
    ],
)
def test_an_index_that_would_be_lost_ends_the_command(
    scenario: Scenario, database: Database, table: str, change: str
) -> None:
    with database.transaction() as db:
        db.execute_raw(change)
    with pytest.raises(StorageError, match=f"table {table} would lose the index foreign_key"):
        partition(database)
    assert not form_of(database, table).is_partitioned
    kept = "SELECT count(*) FROM pg_class WHERE relname = 'foreign_key'"
    assert value(database, kept) == 1


def test_a_synchronous_standby_has_the_partitions(
    postgres: Postgres, scenario: Scenario, database: Database
) -> None:
    standby = postgres.standby(synchronous=True)
    partition(database)
    assert furnish(scenario, scenario.acme, "after", 1).code == "OK"
    postgres.wait_for_standbys("")
    standby.promote()
    name = make_url(database.url).database
    promoted = Database(standby.url(str(name)))
    try:
        assert form_of(promoted, "tradeline").is_partitioned
        assert findings(scenario, promoted) == []
    finally:
        promoted.dispose()
        standby.stop()


def test_sqlite_has_no_partitions(tmp_path: Path) -> None:
    folder = tmp_path / "bureau"
    assert bureau("init", folder).code == OK
    refused = bureau("db", "partition", "--dir", folder)
    assert refused.code == USAGE
    assert "is SQLite, which has no partitions" in refused.err
