"""Fail at the first statement of a connection: which connections stay, and what is tried again."""

from __future__ import annotations

import gc
import sqlite3
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bureau.store import queries as q
from bureau.store import schema
from bureau.store.database import Connection, Database
from bureau.store.errors import StorageError, failure_of


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'bureau.db'}")
    schema.upgrade(database)
    yield database
    database.dispose()


@pytest.fixture
def opened(database: Database) -> list[Connection]:
    """Return the connections that are opened; two are open and idle already."""
    opened: list[Connection] = []
    with database.snapshot(), database.snapshot():
        pass
    database.on_connect = lambda connection, _losses: opened.append(connection)
    return opened


def failing(times: int, error: StorageError) -> Callable[..., list[Any]]:
    left, read = [error] * times, Connection.all

    def all_rows(db: Connection, *arguments: Any, **values: Any) -> list[Any]:
        if left:
            raise left.pop()
        return read(db, *arguments, **values)

    return all_rows


@pytest.mark.parametrize("what", ["too_long", "conflict"])
def test_a_statement_that_is_given_up_costs_no_connection(
    database: Database, opened: list[Connection], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(Connection, "all", failing(1, StorageError("late", **{what: True})))
    with pytest.raises(StorageError, match="late"):
        database.read_one(q.log_size)
    with database.snapshot(), database.snapshot():
        pass
    assert opened == []


def test_a_connection_that_was_hung_up_is_replaced(
    database: Database, opened: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection, "all", failing(1, StorageError("gone")))
    assert database.read_one(q.log_size) is None
    assert len(opened) == 1


@pytest.mark.parametrize("what", ["full", "fatal"])
def test_what_the_disk_says_is_not_asked_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    with database.snapshot():
        pass
    monkeypatch.setattr(Connection, "all", failing(1, StorageError("disk", **{what: True})))
    with pytest.raises(StorageError, match="disk"):
        database.read_one(q.log_size)


def test_a_failed_statement_keeps_no_call() -> None:
    """As psycopg does, a frame keeps the error that it raises."""

    class Call:
        pass

    def called() -> weakref.ref[Call]:
        call = Call()

        def connect() -> None:
            kept = sqlite3.OperationalError("no server")
            raise kept

        def ask() -> None:
            assert call
            try:
                connect()
            except sqlite3.Error as error:
                raise failure_of(error) from error

        try:
            ask()
        except StorageError as error:
            error.__traceback__ = None
        return weakref.ref(call)

    gc.disable()
    try:
        assert called()() is None
    finally:
        gc.enable()
