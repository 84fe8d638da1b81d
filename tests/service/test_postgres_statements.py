"""Statements on PostgreSQL: prepared once, whatever the values, changes sent ahead of their
answers, and many rows by one insert.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, Table, insert, text

from bureau.errors import Refusal
from bureau.store import queries as q
from bureau.store import schema, statement_cursor
from bureau.store.compiled import Change, Insert, Query
from bureau.store.database import Connection, Database
from bureau.store.errors import StorageError
from bureau.store.postgres import PatientConnection
from bureau.store.rows import rows_of
from tests.service.postgres import until

OFTEN = 8
STATEMENTS = rows_of("statement")
# SQLite's driver keeps statements by their text.
ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture(scope="module")
def database(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("database")
    database = Database(database_url or f"sqlite:///{folder}/bureau.db", "n1")
    schema.upgrade(database)
    yield database
    database.dispose()


def prepared(database: Database, table: str) -> int:
    """Count the prepared statements about a table of the connection that the next caller gets."""
    with database.snapshot() as db:
        (count,) = db.fetch_one_raw(
            f"SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%FROM {table}%'"
        )
    return int(count)


@ON_POSTGRESQL
def test_reads_are_prepared(database: Database) -> None:
    for _ in range(OFTEN):
        with database.snapshot() as db:
            db.one(q.log_size)
    assert prepared(database, "log_head") == 1


@ON_POSTGRESQL
def test_a_read_that_is_refused_leaves_statements_prepared(database: Database) -> None:
    for _ in range(OFTEN):
        with suppress(Refusal), database.snapshot() as db:
            db.one(q.log_size)
            raise Refusal("NOT_FOUND", "there is none")
    assert prepared(database, "log_head") == 1


@ON_POSTGRESQL
def test_a_statement_is_prepared_once_for_small_and_large_numbers(database: Database) -> None:
    for number in (1, 1 << 20, 1 << 40, -1):
        for _ in range(OFTEN):
            with database.snapshot() as db:
                assert db.one(q.checkpoint_at, tree_size=number) is None
    assert prepared(database, "checkpoint") == 1


@ON_POSTGRESQL
def test_a_connection_prepares_a_limited_number_of_statements(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statement_cursor, "MAX_PREPARED", 3)
    many: tuple[Query[Any], ...] = (q.log_size, q.times, q.lock_head, q.newest_checkpoint)
    for _ in range(OFTEN):
        with database.transaction() as db:
            for query in many:
                db.one(query)
            (count,) = db.fetch_one_raw("SELECT count(*) FROM pg_prepared_statements")
            assert 0 < count <= 3


@ON_POSTGRESQL
def test_a_statement_is_not_prepared_for_each_way_to_lack_values(database: Database) -> None:
    values = Table("given", MetaData(), Column("name", BigInteger), Column("said", LargeBinary))
    add = Insert(insert(values), list(values.columns))
    with database.transaction() as db:
        db.execute_raw("CREATE TEMPORARY TABLE given (name bigint, said bytea)")
        for lacking in range(1 << 5):
            rows = [(row, None if lacking >> row & 1 else b"said") for row in range(5)]
            db.execute_many_tuples(add, ("name", "said"), rows)
        stored = db.fetch_one_raw("SELECT count(*), count(said) FROM given")
        assert stored == (5 << 5, 5 << 4)
        (count,) = db.fetch_one_raw(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'INSERT INTO given%'"
        )
    # Four rows and one; each once more where a type was not known at first.
    assert count <= 4


@ON_POSTGRESQL
@pytest.mark.parametrize("how", ["locks", "changes"])
def test_what_takes_long_together_is_no_silence(database: Database, how: str) -> None:
    silence_s = 2.0
    with database.transaction() as db:
        raw: PatientConnection = db._raw
        kept_s, raw.silence_s = raw.silence_s, silence_s
        if how == "locks":
            for _ in range(3):
                db.lock(Query(text("SELECT pg_sleep(0.9)")))
        else:
            for _ in range(30):
                db.execute(Change(text("SELECT pg_sleep(0.1)")))
        db.settle()
        raw.silence_s = kept_s


@ON_POSTGRESQL
def test_a_connection_that_was_idle_waits_for_its_first_answer(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its other end may be gone without a word: nothing else was asked of it yet."""
    for recent_s, waits in ((math.inf, 1), (0.0, 2)):
        monkeypatch.setattr("bureau.store.database.RECENT_S", recent_s)
        with counted_exchanges() as exchanges, database.snapshot() as db:
            db.one(q.log_size)
        assert len(exchanges) == waits


@ON_POSTGRESQL
def test_a_conflict_at_the_commit_costs_no_connection(database: Database) -> None:
    with database.snapshot() as db, database.snapshot() as other:
        kept = {db, other}
    with suppress(StorageError), database.transaction() as db:
        add_twice(db)
    with database.snapshot() as db, database.snapshot() as other:
        assert {db, other} == kept


@ON_POSTGRESQL
def test_a_failed_transaction_is_not_committed(database: Database) -> None:
    def ignore_a_failure() -> None:
        with database.transaction() as db, suppress(StorageError):
            add_twice(db)
            db.settle()

    with pytest.raises(StorageError, match="rolled the transaction back"):
        ignore_a_failure()
    with database.snapshot() as db:
        assert stored(db) == []


@ON_POSTGRESQL
def test_changes_wait_for_no_answer(database: Database) -> None:
    with database.transaction() as db, counted_exchanges() as exchanges:
        for key in (1, 2, 3):
            db.execute(q.add_statement, entry_key=key, envelope=b"envelope")
        db.lock(q.lock_head)
        assert exchanges == []
        assert db.one(q.envelope_of, entry_key=3) == (b"envelope",)
        assert len(exchanges) == 1
        assert db.count(q.blank_statement, which=3, nothing=b"") == 1
        assert db.count(q.blank_statement, which=4, nothing=b"") == 0
        forget(db, [(1, b""), (2, b""), (3, b"")])


@ON_POSTGRESQL
def test_the_end_of_a_read_is_not_waited_for(database: Database) -> None:
    with database.snapshot() as db:
        (server,) = db.fetch_one_raw("SELECT pg_backend_pid()")
        state = f"SELECT state FROM pg_stat_activity WHERE pid = {server}"
        with counted_exchanges() as exchanges:
            db.end_read()
        assert exchanges == []
        with database.snapshot() as other:
            # Nothing more is sent to the first connection.
            until(lambda: other.fetch_one_raw(state) == ("idle",), "the read is at its end")
        db.execute_raw("BEGIN")
        assert db.one(q.envelope_of, entry_key=1) is None


@ON_POSTGRESQL
def test_a_change_that_fails_fails_the_read_after_it(database: Database) -> None:
    with database.transaction() as db:
        add_twice(db)
        with pytest.raises(StorageError) as failure:
            db.one(q.log_size)
        db.roll_back()
        assert stored(db) == []
        db.execute_raw("BEGIN")
    assert failure.value.conflict


def test_a_change_that_fails_fails_the_commit_after_it(database: Database) -> None:
    with pytest.raises(StorageError) as failure, database.transaction() as db:
        add_twice(db)
    assert failure.value.conflict
    assert failure.value.outcome_known
    with database.snapshot() as db:
        assert stored(db) == []


def test_what_fails_is_rolled_back_to_the_savepoint(database: Database) -> None:
    with database.transaction() as db:
        db.execute(q.add_statement, entry_key=7, envelope=b"kept")
        db.begin_savepoint("part")
        with suppress(StorageError):
            add_twice(db)
        db.roll_back("part")
        db.release_savepoint("part")
        db.execute(q.add_statement, entry_key=8, envelope=b"kept")
        assert stored(db) == [(7, b"kept"), (8, b"kept")]
        forget(db, stored(db))


@ON_POSTGRESQL
def test_a_connection_that_was_given_up_answers_no_other_statement(database: Database) -> None:
    with suppress(StorageError), database.transaction() as db:
        raw: PatientConnection = db._raw
        raw.silence_s = 0.3
        with pytest.raises(StorageError, match="OperationalError"):
            db.fetch_one_raw("SELECT 7 FROM pg_sleep(1)")
        time.sleep(1)
        with pytest.raises(StorageError):
            db.fetch_one_raw("SELECT 8")
    with database.transaction() as db:
        assert db.fetch_one_raw("SELECT 9") == (9,)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=150))
def test_rows_are_stored_in_any_number(database: Database, envelopes: list[bytes]) -> None:
    rows = list(enumerate(envelopes, 1))
    with database.transaction() as db:
        db.execute_many_tuples(q.add_statement, ("entry_key", "envelope"), rows)
        assert stored(db) == rows
        forget(db, rows)
        # By name, in another order than the table's.
        named = [{"envelope": envelope, "entry_key": key} for key, envelope in reversed(rows)]
        db.execute_many(q.add_statement, named)
        assert stored(db) == rows
        forget(db, rows)


@pytest.mark.parametrize("count", [1, 2, 31, 40])
def test_a_row_that_exists_fails_all_rows_with_it(database: Database, count: int) -> None:
    rows = [(key, b"envelope") for key in range(1, count + 1)]
    with pytest.raises(StorageError), database.transaction() as db:
        db.execute_many_tuples(q.add_statement, ("entry_key", "envelope"), [*rows, rows[0]])
    with database.snapshot() as db:
        assert stored(db) == []


@pytest.mark.parametrize("count", [1, 4, 5, 40])
def test_every_row_is_changed(database: Database, count: int) -> None:
    rows = [(key, b"envelope") for key in range(1, count + 1)]
    with database.transaction() as db:
        db.execute_many_tuples(q.add_statement, ("entry_key", "envelope"), rows)
        db.execute_many(q.blank_statement, [{"which": key, "nothing": b""} for key, _ in rows[1:]])
        assert stored(db) == [rows[0], *((key, b"") for key, _ in rows[1:])]
        forget(db, rows)


def stored(db: Connection) -> list[tuple[int, bytes]]:
    """Return the rows, in the order of their keys."""
    return list(STATEMENTS.all(db))


def forget(db: Connection, rows: list[tuple[int, bytes]]) -> None:
    """Delete rows."""
    for key, _ in rows:
        STATEMENTS.remove(db, (key,))


def add_twice(db: Connection) -> None:
    """Add a row that exists."""
    for _ in range(2):
        db.execute(q.add_statement, entry_key=1, envelope=b"envelope")


@contextmanager
def counted_exchanges() -> Iterator[list[int]]:
    """Collect a number for each time that a connection waits for the server."""
    exchanges: list[int] = []
    wait = PatientConnection.wait

    def counting(connection: PatientConnection, *arguments: Any, **named: Any) -> Any:
        exchanges.append(len(exchanges))
        return wait(connection, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PatientConnection, "wait", counting)
        yield exchanges
