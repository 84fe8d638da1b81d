"""Backups of the database, encrypted under a passphrase that is not in it.

SQLite is copied by its online backup, which waits for no writer; PostgreSQL by
`pg_dump`. A restore makes a new database and never writes over one.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import URL

from bureau.ledger import log
from bureau.store import schema
from bureau.store.database import Database
from bureau_keys.errors import MalformedMessage
from bureau_keys.sealing import CHUNK_BYTES, open_stream, read_about, seal_stream


class BackupError(Exception):
    """A backup could not be made or restored.

    Attributes:
        fix: What to do about it.
    """

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix


class DatabaseExistsError(BackupError):
    """A backup is to be restored over a database; that never happens."""


@dataclass(frozen=True, slots=True)
class About:
    """What a backup says of itself in clear: nothing personal.

    Attributes:
        engine: `sqlite` or `postgresql`.
        revision: Of the schema.
        tree_size: Size of the log when it was begun; it holds at least that.
    """

    engine: str
    revision: str
    tree_size: int


def back_up(database: Database, target: Path, passphrase: bytes) -> About:
    """Writes an encrypted backup while the bureau goes on serving.

    Raises:
        FileExistsError: The file exists.
        BackupError: The database has no schema, or `pg_dump` failed.
    """
    if target.exists():
        raise FileExistsError(f"{target} exists: name a new file")
    revision = schema.current(database)
    if revision is None:
        raise BackupError("the database has no schema: there is nothing to back up")
    with database.snapshot() as db:
        size = log.size_of(db)
    about = About("sqlite" if database.is_sqlite else "postgresql", revision, size)
    pieces = _sqlite_pieces(database) if database.is_sqlite else _postgres_pieces(database)
    fresh = target.with_name(target.name + ".new")
    try:
        with _private(fresh) as file:
            seal_stream(
                pieces,
                file,
                passphrase,
                {
                    "engine": about.engine,
                    "revision": about.revision,
                    "tree_size": about.tree_size,
                },
            )
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
    return about


def restore(database: Database, source: Path, passphrase: bytes) -> About:
    """Makes the database of a backup.

    Raises:
        DatabaseExistsError: There is a database already.
        BackupError: The backup is of another engine, or the tool failed.
        LockedKey, MalformedMessage: The file does not open.
    """
    about = about_backup(source)
    if database.is_sqlite != (about.engine == "sqlite"):
        raise BackupError(
            f"the backup is of {about.engine}", "Name a database of the same kind with --db."
        )
    if database.is_sqlite:
        _restore_sqlite(database, source, passphrase)
    else:
        _restore_postgres(database, source, passphrase)
    return about


def about_backup(source: Path) -> About:
    """What a backup says of itself, unverified.

    Raises:
        MalformedMessage: It is no backup.
    """
    with source.open("rb") as file:
        told = read_about(file)
    try:
        return About(str(told["engine"]), str(told["revision"]), int(told["tree_size"]))
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedMessage(f"{source} is no backup of a bureau") from error


def _sqlite_pieces(database: Database) -> Iterator[bytes]:
    """The database's bytes at one moment, by way of a copy beside it."""
    path = _sqlite_path(database)
    copy = path.with_name(path.name + ".backup")
    try:
        _private(copy).close()
        with closing(sqlite3.connect(path)) as live, closing(sqlite3.connect(copy)) as still:
            # In one go: page by page it would start anew at every write of others,
            # who are not in its way and it not in theirs (WAL).
            live.backup(still)
            # One file without a log beside it.
            still.execute("PRAGMA journal_mode=DELETE")
        with copy.open("rb") as file:
            yield from iter(lambda: file.read(CHUNK_BYTES), b"")
    finally:
        copy.unlink(missing_ok=True)


def _restore_sqlite(database: Database, source: Path, passphrase: bytes) -> None:
    path = _sqlite_path(database)
    beside = [path.with_name(path.name + end) for end in ("", "-wal", "-shm")]
    if any(file.exists() for file in beside):
        raise DatabaseExistsError(
            f"{path} exists", "Move the database away first, with its -wal and -shm files."
        )
    fresh = path.with_name(path.name + ".restored")
    try:
        with source.open("rb") as sealed, _private(fresh) as file:
            for piece in open_stream(sealed, passphrase):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        with closing(sqlite3.connect(fresh)) as connection:
            (found,) = connection.execute("PRAGMA integrity_check").fetchone()
        if found != "ok":
            raise BackupError(f"the database in the backup is broken: {found}")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _postgres_pieces(database: Database) -> Iterator[bytes]:
    command = [_tool("pg_dump"), "--format=custom", "--no-owner", "--no-privileges"]
    with subprocess.Popen(  # noqa: S603  (a fixed tool, its arguments from the settings)
        [*command, *_postgres_arguments(database)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_postgres_environment(database),
    ) as dump:
        assert dump.stdout is not None
        assert dump.stderr is not None
        yield from iter(lambda: dump.stdout.read(CHUNK_BYTES), b"")  # type: ignore[union-attr]
        complaint = dump.stderr.read().decode(errors="replace")
    if dump.returncode:
        raise BackupError(f"pg_dump failed: {complaint.strip()}")


def _restore_postgres(database: Database, source: Path, passphrase: bytes) -> None:
    if not schema.is_empty(database):
        raise DatabaseExistsError(
            "the database has tables", "Create a new, empty one and name it with --db."
        )
    command = [_tool("pg_restore"), "--no-owner", "--no-privileges", "--exit-on-error"]
    command += ["--single-transaction", *_postgres_arguments(database)]
    # The whole file first: one that was cut off shows at its end only.
    with source.open("rb") as sealed:
        for _ in open_stream(sealed, passphrase):
            pass
    with subprocess.Popen(  # noqa: S603  (as above)
        command,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_postgres_environment(database),
    ) as tool:
        assert tool.stdin is not None
        assert tool.stderr is not None
        # If the pipe breaks, the tool says why on stderr.
        with source.open("rb") as sealed, suppress(BrokenPipeError), tool.stdin as pipe:
            for piece in open_stream(sealed, passphrase):
                pipe.write(piece)
        complaint = tool.stderr.read().decode(errors="replace")
    if tool.returncode:
        raise BackupError(f"pg_restore failed: {complaint.strip()}")


def _sqlite_path(database: Database) -> Path:
    assert database.url.database, "a bureau's SQLite database is a file"
    return Path(database.url.database)


def _postgres_arguments(database: Database) -> list[str]:
    url = database.url
    bare = URL.create(
        "postgresql",
        username=url.username,
        host=url.host,
        port=url.port,
        database=url.database,
        query=url.query,
    )
    return [f"--dbname={bare.render_as_string()}"]


def _postgres_environment(database: Database) -> dict[str, str]:
    """The password goes by the environment: arguments are for all to read."""
    password = database.url.password
    return {**os.environ, "PGPASSWORD": str(password)} if password else dict(os.environ)


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise BackupError(
            f"{name} is not installed",
            "Install PostgreSQL's client tools, of the server's version.",
        )
    return path


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
