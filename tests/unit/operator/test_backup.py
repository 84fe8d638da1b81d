"""Backups: complete, closed to thieves, never written over anything."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from bureau.admin.backup import about_backup, back_up, restore
from bureau.config import Settings
from bureau.store.database import Database
from bureau.store.dump import DatabaseExistsError
from bureau_keys.errors import LockedKey, MalformedMessage
from tests.unit.operator.lived_in import CANARY, LivedIn

PASSPHRASE = b"kept elsewhere"


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def database_of(lived_in: LivedIn) -> Database:
    return Database(Settings.load(lived_in.folder).database)


def test_a_backup_restores_every_row(lived_in: LivedIn, tmp_path: Path) -> None:
    database = database_of(lived_in)
    about = back_up(database, tmp_path / "b", PASSPHRASE)
    assert about.engine == "sqlite"
    assert about.tree_size == lived_in.entries
    assert about_backup(tmp_path / "b") == about
    restored = Database(f"sqlite:///{tmp_path / 'restored.db'}")
    assert restore(restored, tmp_path / "b", PASSPHRASE) == about
    assert dump(tmp_path / "restored.db") == dump(lived_in.folder / "bureau.db")
    assert (tmp_path / "restored.db").stat().st_mode & 0o077 == 0
    database.dispose()


def test_a_stolen_backup_tells_nothing(lived_in: LivedIn, tmp_path: Path) -> None:
    database = database_of(lived_in)
    plain = b"".join(file.read_bytes() for file in lived_in.folder.glob("bureau.db*"))
    secrets = [CANARY.encode(), lived_in.subject_id.encode(), b"riverbank"]
    assert all(secret in plain for secret in secrets), "the canaries are in the database"
    back_up(database, tmp_path / "b", PASSPHRASE)
    stolen = (tmp_path / "b").read_bytes()
    assert [stolen.count(secret) for secret in secrets] == [0, 0, 0]
    assert stolen.count(PASSPHRASE) == 0
    assert [path.name for path in tmp_path.iterdir() if "backup" in path.name] == []
    database.dispose()


KILLED_AT_THE_FIRST_PIECE = """
import os, signal, sys
from bureau.store.dump import dump
from bureau.store.database import Database

for piece in dump(Database(sys.argv[1])):
    assert b"{canary}" in piece
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_backup_that_is_killed_leaves_no_copy(lived_in: LivedIn) -> None:
    """In clear it would lie there for anybody to find."""
    before = {path.name for path in lived_in.folder.iterdir()}
    script = KILLED_AT_THE_FIRST_PIECE.format(canary=CANARY)
    url = Settings.load(lived_in.folder).database
    done = subprocess.run([sys.executable, "-c", script, url], check=False)
    assert done.returncode == -signal.SIGKILL
    wal = {"bureau.db-wal", "bureau.db-shm"}
    assert {path.name for path in lived_in.folder.iterdir()} - wal == before - wal


def test_a_backup_opens_with_its_passphrase_alone(lived_in: LivedIn, tmp_path: Path) -> None:
    database = database_of(lived_in)
    back_up(database, tmp_path / "b", PASSPHRASE)
    target = tmp_path / "restored.db"
    with pytest.raises(LockedKey):
        restore(Database(f"sqlite:///{target}"), tmp_path / "b", b"guessed")
    assert not target.exists()
    database.dispose()


@pytest.mark.parametrize("damage", ["cut", "flip", "header"])
def test_a_damaged_backup_restores_nothing(lived_in: LivedIn, tmp_path: Path, damage: str) -> None:
    database = database_of(lived_in)
    file = tmp_path / "b"
    back_up(database, file, PASSPHRASE)
    data = bytearray(file.read_bytes())
    if damage == "cut":
        del data[-1000:]
    elif damage == "flip":
        data[len(data) // 2] ^= 1
    else:
        data = bytearray(bytes(data).replace(b'"tree_size": 9', b'"tree_size": 8'))
    file.write_bytes(data)
    with pytest.raises(MalformedMessage):
        restore(Database(f"sqlite:///{tmp_path / 'restored.db'}"), file, PASSPHRASE)
    assert list(tmp_path.glob("restored*")) == []
    database.dispose()


def test_nothing_is_written_over(lived_in: LivedIn, tmp_path: Path) -> None:
    database = database_of(lived_in)
    back_up(database, tmp_path / "b", PASSPHRASE)
    with pytest.raises(FileExistsError):
        back_up(database, tmp_path / "b", PASSPHRASE)
    before = dump(lived_in.folder / "bureau.db")
    with pytest.raises(DatabaseExistsError):
        restore(database, tmp_path / "b", PASSPHRASE)
    assert dump(lived_in.folder / "bureau.db") == before
    database.dispose()


def test_a_backup_beside_a_writer_is_one_moment(lived_in: LivedIn, tmp_path: Path) -> None:
    database = database_of(lived_in)
    stop = threading.Event()

    def write() -> None:
        number = 0
        with closing(sqlite3.connect(lived_in.folder / "bureau.db", timeout=10)) as connection:
            while not stop.is_set():
                number += 1
                with connection:  # two rows in one transaction: both or none in a backup
                    for table in ("left_side", "right_side"):
                        connection.execute(f"INSERT INTO {table} VALUES (?)", (number,))

    with closing(sqlite3.connect(lived_in.folder / "bureau.db")) as connection, connection:
        for table in ("left_side", "right_side"):
            connection.execute(f"CREATE TABLE {table} (n INTEGER)")
    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            back_up(database, tmp_path / f"b{number}", PASSPHRASE)
    finally:
        stop.set()
        writer.join()
    for number in range(5):
        path = tmp_path / f"r{number}.db"
        restore(Database(f"sqlite:///{path}"), tmp_path / f"b{number}", PASSPHRASE)
        with closing(sqlite3.connect(path)) as connection:
            counts = [
                connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("left_side", "right_side")
            ]
        assert counts[0] == counts[1]
    database.dispose()
