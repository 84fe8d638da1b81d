"""What is erased from a SQLite file is gone from it, or the operator is told."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from bureau.store import schema, sqlite
from bureau.store.database import Database
from bureau.store.errors import StorageError


def erase(database: Database, word: str) -> None:
    with database.transaction() as db:
        db.overwrite_deleted()
        db.execute_raw("CREATE TABLE IF NOT EXISTS told (words TEXT)")
        db.execute_raw(f"INSERT INTO told VALUES ('{word}')")
    with database.transaction() as db:
        db.overwrite_deleted()
        db.execute_raw("DELETE FROM told")


def test_the_write_ahead_log_shrinks_after_a_long_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "JOURNAL_BYTES", 100_000)
    path = tmp_path / "bureau.db"
    database = Database(f"sqlite:///{path}")
    schema.upgrade(database)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM entry").fetchall()
    with database.transaction() as db:
        db.execute_raw("CREATE TABLE filled (bytes BLOB)")
        db.execute_raw("INSERT INTO filled VALUES (zeroblob(30000000))")
    log = Path(f"{path}-wal")
    assert log.stat().st_size > 30_000_000
    reader.close()
    for _ in range(3):
        with database.transaction() as db:
            db.execute_raw("INSERT INTO filled VALUES (x'00')")
    assert log.stat().st_size <= 100_000
    database.dispose()


def test_a_reader_that_holds_on_to_what_was_erased_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bureau.db"
    database = Database(f"sqlite:///{path}")
    schema.upgrade(database)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM entry").fetchall()
    erase(database, "canary")
    with pytest.raises(StorageError, match="erase again when no backup runs"):
        database.drop_write_ahead_log()
    reader.close()
    database.drop_write_ahead_log()
    assert Path(f"{path}-wal").stat().st_size == 0
    assert b"canary" not in path.read_bytes()
    database.dispose()
