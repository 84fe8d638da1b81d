"""Statements on PostgreSQL: prepared once, whatever the values, and many rows by one insert."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bureau.errors import Refusal
from bureau.store import queries as q
from bureau.store import schema
from bureau.store.database import Connection, Database
from bureau.store.errors import StorageError
from bureau.store.rows import rows_of

# psycopg prepares what a connection runs the sixth time.
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
