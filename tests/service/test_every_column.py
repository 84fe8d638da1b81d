"""One value of any column of any table, changed by SQL, is found by the check of the database."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Integer, LargeBinary, Text, UniqueConstraint
from sqlmodel import SQLModel

from bureau.admin.bureau_folder import trust_of
from bureau.admin.comparison import CACHES, NODE_TIMES, UNSIGNED, compared_tables
from bureau.admin.findings import Checked
from bureau.admin.integrity import check_statements
from bureau.admin.log_integrity import LOG_TABLES
from bureau.admin.operator import Operator
from bureau.config import Settings
from bureau.ledger.node_checks import MAX_SKEW_US
from bureau.policy import Ceiling, Policy, load_policy
from bureau.store import queries as q
from bureau.store.database import Database
from bureau.store.rows import ENTRY_COLUMNS
from bureau.store.scratch import scratch_database
from bureau_client import (
    AccountStatus,
    Action,
    ActionReason,
    ComplaintOutcome,
    ConsentMode,
    Deletion,
    DeletionReason,
    DisputeOutcome,
    DisputeReason,
    FacilityAction,
    FacilityActionKind,
    HoldKind,
    Initiator,
    NoticeKind,
    Purpose,
    SigningKey,
    SubmissionKind,
)
from bureau_keys.cosignature import cosignature_line
from bureau_keys.note import COSIGNATURE_V1, note_vkey
from bureau_keys.profile import Trust
from creditbureau.v1.complaint_pb2 import COMPLAINT_OUTCOME_UPHELD
from creditbureau.v1.members_pb2 import MEMBER_STATE_ACTIVE, MEMBER_STATE_SUSPENDED
from creditbureau.v1.standard_pb2 import StandardOfCredit
from tests.service.client_calls import asked_for_consent, complained, decision_on
from tests.service.postgres import Postgres
from tests.service.scenario import DAY, Scenario, account, open_scenario
from tests.service.watching import JUNE, MAY, monitor

WITNESS = "w.example/witness"
COLUMNS = [
    f"{table.name}.{column.name}"
    for table in SQLModel.metadata.sorted_tables
    for column in table.columns
]
EXEMPT = {
    column
    for column in COLUMNS
    if not UNSIGNED.keys().isdisjoint({column, column.partition(".")[0]})
}


@dataclass(frozen=True, slots=True)
class Scene:
    """The database of a bureau that was used, and what its operator knows."""

    file: Path
    trust: Trust
    policy: Policy

    def copy(self, folder: Path) -> Scene:
        return replace(self, file=Path(shutil.copy(self.file, folder / "bureau.db")))

    def check(self) -> Checked:
        checked = Checked()
        database = Database(f"sqlite:///{self.file}")
        try:
            with scratch_database() as scratch, database.snapshot() as db:
                check_statements(db, scratch, self.trust, self.policy, checked)
        finally:
            database.dispose()
        return checked


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A bureau in which every kind of statement was made, and rows of every table are."""
    with open_scenario("acme", "brook", "cedar") as scenario:
        use(scenario)
        return left(scenario, tmp_path_factory.mktemp("used"))


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A bureau whose log fills a tile."""
    with open_scenario("acme") as scenario:
        person = scenario.person()
        for count in range(256):
            person.set_statement(f"statement {count}")
        return left(scenario, tmp_path_factory.mktemp("long"))


def use(scenario: Scenario) -> None:
    acme, brook = scenario.lenders["acme"], scenario.lenders["brook"]
    person, other = scenario.person(), scenario.person("acme")
    # Members, their keys and certificates, the standard.
    standard = StandardOfCredit(
        version=1, jurisdiction="US", currency="USD", max_concurrent_lenders=3
    )
    standard.effective_time.FromDatetime(scenario.now())
    with Operator(scenario.bureau.operator) as operator:
        operator.publish(standard)
        for state in (MEMBER_STATE_SUSPENDED, MEMBER_STATE_ACTIVE):
            operator.set_state("cedar", state)
        cedar = operator.member("cedar")
        operator.withdraw_certificate("cedar", cedar.certificate_fingerprints[0])
        cedar.display_name = "Cedar Savings"
        cedar.quota.statements_per_day = 7
        cedar.carried_quota.bytes_per_minute = 8_000
        operator.change(cedar)
    brook.rotate_key(SigningKey.generate())
    # Consents in each state; monitoring.
    for step in (("pause",), ("pause", "resume"), ("revoke",)):
        consent_id = scenario.inquiring(person, "brook")
        for change in step:
            getattr(person, change)(consent_id, "because")
    # One that replaces another.
    (earlier,) = [
        consent
        for consent in person.consents()
        if consent.grantee == "brook" and Action.FURNISH in consent.actions
    ]
    person.grant("brook", [Action.FURNISH], expire=timedelta(days=9), replaces=earlier)
    # Consent requests: granted, declined, withdrawn, open.
    requests = [asked_for_consent(lender, person) for lender in (acme, brook, acme, brook)]
    person.grant_request(requests[0])
    person.decline_request(requests[1], "not now")
    acme.withdraw_consent_request(requests[2])
    monitor(person, "acme")
    monitor(other, "brook")
    # Accounts: opened, corrected, deleted, returned, renumbered.
    late = {"status": AccountStatus.PAST_DUE_60, "days_past_due": 65}
    scenario.submit("acme", account(person, "card", MAY), account(other, "card", MAY))
    scenario.submit("acme", account(other, "card", JUNE, amount_past_due_minor=5_00, **late))
    fixed = account(person, "card", MAY, balance_minor=1_00)
    scenario.submit("acme", fixed, kind=SubmissionKind.CORRECTION)
    ref = fixed.account_ref
    scenario.submit("acme", Deletion(account_ref=ref, reason=DeletionReason.INACCURATE, month=MAY))
    scenario.submit("acme", account(person, "card", MAY, certified=True))
    scenario.submit(
        "acme",
        FacilityAction(
            account_ref=ref,
            kind=FacilityActionKind.RENUMBER,
            initiator=Initiator.LENDER,
            reasons=(ActionReason.INQUIRIES,),
            effective_time=scenario.now() - timedelta(seconds=1),
            new_account_ref=f"{ref}-new",
        ),
    )
    # Reports, one by one and of a portfolio; alerts.
    for report in (scenario.report(person, "brook"), scenario.report(other, "acme")):
        # Decisions on reports.
        scenario.lenders[report.member_id].record_decision(decision_on(report))
    assert list(acme.portfolio(Purpose.ACCOUNT_REVIEW))
    brook.acknowledge(next(iter(brook.alerts())).cursor)
    # What was received under a consent that ended is deleted.
    kept = scenario.report(other, "acme", mode=ConsentMode.STORE, data_life=DAY)
    other.revoke(kept.consent_id)
    acme.confirm_deletion(kept.consent_id)
    # What people do with their own files.
    other.choose_notices([NoticeKind.INQUIRY], agent_id="agent", language="en")
    hold = person.place_hold(HoldKind.SECURITY_FREEZE)
    person.lift_hold(hold.hold_id, until=scenario.now() + timedelta(days=2), member_id="brook")
    person.set_statement("I was ill.")
    (line,) = other.file().tradelines
    dispute = other.dispute(line.tradeline_id, field="status", reason=DisputeReason.WRONG_STATUS)
    other.add_to_dispute(dispute.dispute_id, "I paid.")
    acme.answer_dispute(dispute.dispute_id, DisputeOutcome.DELETED, narrative="You did.")
    # Complaints about what members did: one decided, one open.
    complaint = complained(scenario, other)
    acme.answer_complaint(complaint, ComplaintOutcome.REJECTED, "We may.")
    other.escalate(complaint.complaint_id, "They may not.")
    with Operator(scenario.bureau.operator, scenario.clock) as operator:
        ((waiting, _),) = operator.complaints()
        operator.decide(waiting, COMPLAINT_OUTCOME_UPHELD, "They may not.")
    complained(scenario, person)
    person.rotate_key(SigningKey.generate())
    # The last one's account and words are erased.
    gone = scenario.person("brook")
    scenario.submit("brook", account(gone, "card", MAY))
    gone.set_statement("Forget me.")
    scenario.erase(gone.subject_id)


def left(scenario: Scenario, folder: Path) -> Scene:
    """Copy the database, with the cosignature of a witness."""
    settings = Settings.load(scenario.bureau.folder)
    file, key = folder / "bureau.db", SigningKey.generate()
    with scenario.database() as database, closing(sqlite3.connect(file)) as target:
        with database.transaction() as db:
            row = db.one(q.newest_checkpoint)
            assert row
            size, line = int(row[0].split("\n")[1]), cosignature_line(row[0], WITNESS, key, 1)
            db.execute(q.put_cosignature, tree_size=size, witness=WITNESS, line=line)
        with closing(sqlite3.connect(database.file)) as source:
            source.backup(target)
    vkey = note_vkey(WITNESS, key.verify_key, COSIGNATURE_V1)
    trust = replace(trust_of(settings), witnesses=(vkey,))
    return Scene(file, trust, load_policy(settings.jurisdiction))


def edited(scene: Scene, column: str, value: Any, expression: str = "?") -> bool:
    """Change the oldest row's value of a column; False if SQLite does not take the value."""
    table, _, name = column.partition(".")
    rowid = "submission_key, record_index" if table == "record" else "rowid"
    with closing(sqlite3.connect(scene.file)) as connection, connection:
        try:
            done = connection.execute(
                f"UPDATE {table} SET {name} = {expression} WHERE ({rowid}) ="
                f" (SELECT {rowid} FROM {table} WHERE {_chosen(table)} LIMIT 1)",
                (value,),
            )
        except sqlite3.IntegrityError:
            return False
        return done.rowcount == 1


def _chosen(table: str) -> str:
    """The condition, and the order, by which a table's row is chosen."""
    columns = {column.name for column in SQLModel.metadata.tables[table].columns}
    order = next((name for name in ENTRY_COLUMNS if name in columns), "rowid")
    # What was furnished by the member whose records were erased is not proved.
    where = {"checkpoint": "tree_size > 0", "contribution": "member_id = 'acme'"}
    return f"{where.get(table, 'true')} ORDER BY {order}"


def values_of(scene: Scene, column: str) -> list[Any]:
    """The values of a column, that of the row to change first."""
    table, _, name = column.partition(".")
    with closing(sqlite3.connect(scene.file)) as connection:
        rows = connection.execute(f"SELECT {name} FROM {table} WHERE {_chosen(table)}").fetchall()
    return [row[0] for row in rows]


def other_values(column: str, values: list[Any]) -> Iterator[Any]:
    """Other values of the same type: another row's first, then one that no row has."""
    was = values[0]
    if column not in NODE_TIMES:
        yield from [value for value in dict.fromkeys(values) if value != was and value is not None]
    if isinstance(was, int) or was is None:
        yield was + 2 * MAX_SKEW_US if was and column in NODE_TIMES else (was or 0) ^ (1 << 61)
    elif isinstance(was, str):
        yield was[:-1] + ("0" if was[-1:] != "0" else "1")
    else:
        yield was[:-1] + bytes([was[-1] ^ 1]) if was else b"\0"


def wrong_values(column: str) -> list[Any]:
    """Values of types that the column does not have."""
    table, _, name = column.partition(".")
    type_ = SQLModel.metadata.tables[table].c[name].type
    if isinstance(type_, Integer):
        return ["a word", b"\xff"]
    return ["a word", 7] if isinstance(type_, LargeBinary) else [b"\xff"]


def test_what_was_not_edited_holds_and_fills_every_table(used: Scene, long: Scene) -> None:
    for scene in (used, long):
        assert scene.check().findings == []
    tables = set(SQLModel.metadata.tables) - {"log_tile"}
    assert {
        table
        for table in tables
        if values_of(used, f"{table}.rowid" if table != "record" else "record.record_index")
    } == tables


def test_every_table_is_compared_or_is_the_logs_own_or_is_named_with_its_reason() -> None:
    named = {name for name in UNSIGNED if "." not in name}
    assert {*compared_tables(), *LOG_TABLES, *named} == set(SQLModel.metadata.tables)
    assert {name for name in (*UNSIGNED, *CACHES, *NODE_TIMES) if "." in name} <= set(COLUMNS)


def test_what_an_earlier_policy_allowed_holds_while_it_is_kept(used: Scene) -> None:
    stricter = replace(
        used.policy,
        version="stricter",
        adverse_notice=not used.policy.adverse_notice,
        ceilings=dict.fromkeys(used.policy.ceilings, Ceiling(max_days=1, max_uses=1)),
    )
    kept = replace(stricter, retired={used.policy.version: used.policy})
    assert replace(used, policy=kept).check().findings == []
    assert replace(used, policy=stricter).check().findings


@pytest.mark.parametrize("column", sorted(set(COLUMNS) - EXEMPT))
def test_an_edit_of_one_value_is_found(
    request: pytest.FixtureRequest, tmp_path: Path, column: str
) -> None:
    scene: Scene = request.getfixturevalue("long" if column.startswith("log_tile.") else "used")
    copy = scene.copy(tmp_path)
    values = values_of(copy, column)
    value = next(
        candidate for candidate in other_values(column, values) if edited(copy, column, candidate)
    )
    assert copy.check().findings, f"{column} = {value!r} instead of {values[0]!r}"


@pytest.mark.parametrize("column", sorted(set(COLUMNS) - EXEMPT))
def test_a_value_of_a_wrong_type_is_found(
    request: pytest.FixtureRequest, tmp_path: Path, column: str
) -> None:
    scene: Scene = request.getfixturevalue("long" if column.startswith("log_tile.") else "used")
    for value in wrong_values(column):
        copy = scene.copy(tmp_path)
        if not edited(copy, column, value):
            continue
        stored = values_of(copy, column)  # none, if the row was chosen by this column
        if not stored or type(stored[0]) is type(value):
            assert copy.check().findings, f"{column} = {value!r}"


TEXTS = sorted(
    f"{table.name}.{column.name}"
    for table in SQLModel.metadata.sorted_tables
    for column in table.columns
    if isinstance(column.type, Text)
)


@pytest.mark.parametrize("column", [name for name in TEXTS if name not in EXEMPT])
def test_a_text_that_is_not_utf8_is_found(used: Scene, tmp_path: Path, column: str) -> None:
    copy = used.copy(tmp_path)
    assert edited(copy, column, b"\xff", "CAST(? AS TEXT)")
    assert copy.check().findings


TABLES = sorted(set(SQLModel.metadata.tables) - {name for name in UNSIGNED if "." not in name})


def scene_of(request: pytest.FixtureRequest, table: str) -> Scene:
    """Return the scene in which a table has rows."""
    scene: Scene = request.getfixturevalue("long" if table == "log_tile" else "used")
    return scene


# Deleted rows of these leave no trace: the log is proved without an older checkpoint of it,
# and no statement says that a witness has cosigned one.
UNSEEN_DELETIONS = {("checkpoint", "ASC"), ("cosignature", "ASC"), ("cosignature", "DESC")}


@pytest.mark.parametrize(
    ("table", "order"), sorted(set(product(TABLES, ("ASC", "DESC"))) - UNSEEN_DELETIONS)
)
def test_a_row_that_is_deleted_is_found(
    request: pytest.FixtureRequest, tmp_path: Path, table: str, order: str
) -> None:
    copy = scene_of(request, table).copy(tmp_path)
    primary = ", ".join(column.name for column in SQLModel.metadata.tables[table].primary_key)
    with closing(sqlite3.connect(copy.file)) as connection, connection:
        row = f"SELECT {primary} FROM {table} WHERE {_chosen(table)} {order} LIMIT 1"
        assert connection.execute(f"DELETE FROM {table} WHERE ({primary}) = ({row})").rowcount == 1
    assert copy.check().findings


@pytest.mark.parametrize("table", TABLES)
def test_a_row_that_is_made_up_is_found(
    request: pytest.FixtureRequest, tmp_path: Path, table: str
) -> None:
    """Insert a copy of a row under another key, then one that lacks what it may lack too."""
    columns = list(SQLModel.metadata.tables[table].columns)
    keys = unique_columns(table)
    lacks: list[str] = [column.name for column in columns if column.nullable]
    for lacking in (None, *lacks):
        copy = scene_of(request, table).copy(tmp_path)
        assert inserted(copy, table, keys, lacking)
        assert copy.check().findings, f"{table} without {lacking}"


@pytest.mark.parametrize("table", TABLES)
def test_a_row_that_is_doubled_is_found(
    request: pytest.FixtureRequest, tmp_path: Path, table: str
) -> None:
    """Insert a copy of a row, where the database counts the key itself; no other table takes
    one. Then delete another row, so that the number of rows is right.
    """
    copy = scene_of(request, table).copy(tmp_path)
    counted = {
        column.name
        for column in SQLModel.metadata.tables[table].columns
        if column.autoincrement is True
    }
    assert inserted(copy, table, counted, None) == bool(counted)
    if counted:
        assert copy.check().findings
        with closing(sqlite3.connect(copy.file)) as connection, connection:
            connection.execute(
                f"DELETE FROM {table} WHERE rowid = (SELECT max(rowid) - 1 FROM {table})"
            )
        assert copy.check().findings


def unique_columns(table: str) -> set[str]:
    """Return the columns of every key by which the database tells rows apart."""
    whole = SQLModel.metadata.tables[table]
    groups = [list(whole.primary_key), *(list(i.columns) for i in whole.indexes if i.unique)]
    groups += [list(c.columns) for c in whole.constraints if isinstance(c, UniqueConstraint)]
    return {column.name for group in groups for column in group}


def inserted(scene: Scene, table: str, changed: set[str], lacking: str | None) -> bool:
    """Copy a table's first row with other values of some columns; False if it is refused."""
    columns = [column.name for column in SQLModel.metadata.tables[table].columns]
    with closing(sqlite3.connect(scene.file)) as connection, connection:
        chosen = f"SELECT {', '.join(columns)} FROM {table} WHERE {_chosen(table)} LIMIT 1"
        row = dict(zip(columns, connection.execute(chosen).fetchone(), strict=True))
        for name in changed:
            row[name] = another(row[name])
        if lacking:
            row[lacking] = None
        marks = ", ".join("?" * len(columns))
        try:
            connection.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})",
                tuple(row.values()),
            )
        except sqlite3.IntegrityError:
            return False
    return True


def another(value: Any) -> Any:
    """Return another value of the same type."""
    return list(other_values("", [value]))[-1]


class Undo(Exception):
    """Ends a transaction without a commit."""


def test_an_edit_on_postgresql_is_found(postgres: Postgres) -> None:
    url = postgres.migrated_database()
    with open_scenario("acme", "brook", "cedar", database_url=url) as scenario:
        use(scenario)
        assert scenario.findings() == []
        settings = Settings.load(scenario.bureau.folder)
        trust, policy = trust_of(settings), load_policy(settings.jurisdiction)
        missed = []
        with scenario.database() as database:
            for name in compared_tables():
                checked = Checked()
                with suppress(Undo), scratch_database() as scratch, database.transaction() as db:
                    db.execute_raw(last_column_edited(name))
                    check_statements(db, scratch, trust, policy, checked)
                    raise Undo
                if not any(name in finding.what for finding in checked.findings):
                    missed.append(name)
        assert missed == []
        assert scenario.findings() == []


def last_column_edited(name: str) -> str:
    """An edit of the last column of a table that is compared, in one row."""
    column = [
        candidate
        for candidate in SQLModel.metadata.tables[name].c
        if f"{name}.{candidate.name}" not in EXEMPT
    ][-1]
    if isinstance(column.type, Integer):
        other = f"coalesce({column.name}, 0) + {2 * MAX_SKEW_US}"
    else:
        missing = "'' :: bytea" if isinstance(column.type, LargeBinary) else "''"
        other = f"coalesce({column.name}, {missing}) || '0'"
    row = f"SELECT ctid FROM {name} LIMIT 1"
    return f"UPDATE {name} SET {column.name} = {other} WHERE ctid = ({row})"
