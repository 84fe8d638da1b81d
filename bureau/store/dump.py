"""A whole database as bytes, and a new database from them.

SQLite is copied by its online backup, which waits for no writer; PostgreSQL by
`pg_dump`. Nothing is ever written over a database that exists.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

from bureau.store import schema
from bureau.store.database import Database
from bureau_keys.whole_files import whole_file

PIECE_BYTES = 1 << 20

# Starts from the beginning at each call; fails at its end if what it reads was cut off.
Pieces = Callable[[], Iterator[bytes]]


class CopyError(Exception):
    """A database could not be copied or made from a copy.

    Attributes:
        fix: The operator's next step.
    """

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix


class DatabaseExistsError(CopyError):
    """A copy is to be written over a database; that never happens."""


def dump(database: Database) -> Iterator[bytes]:
    """Iterate over the bytes of the database as it is at one moment.

    Raises:
        CopyError: `pg_dump` is missing or failed.
    """
    return _sqlite_out(database) if database.is_sqlite else _postgres_out(database)


def load(database: Database, pieces: Pieces) -> None:
    """Make the database that `dump` gave the bytes of, whole or not at all.

    Raises:
        DatabaseExistsError: There is a database already.
        CopyError: The copy is broken; `pg_restore` is missing or failed.
    """
    if database.is_sqlite:
        _sqlite_in(database, pieces)
    else:
        _postgres_in(database, pieces)


def _sqlite_out(database: Database) -> Iterator[bytes]:
    """Read the database's bytes at one moment, by way of a copy beside it that has no name:
    whatever ends this process, the copy ends with it.
    """
    path = database.file
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    with os.fdopen(descriptor, "rb") as file:
        try:
            still = sqlite3.connect(name)
        finally:
            Path(name).unlink()
        with closing(still), closing(sqlite3.connect(path)) as live:
            # Nothing to roll back to, and no journal with a name.
            still.execute("PRAGMA journal_mode=OFF")
            # In one go: page by page it would start again at every write of others,
            # who are not in its way and it not in theirs (WAL).
            live.backup(still)
        yield from iter(lambda: file.read(PIECE_BYTES), b"")


def _sqlite_in(database: Database, pieces: Pieces) -> None:
    path = database.file
    beside = [path.with_name(path.name + end) for end in ("", "-wal", "-shm")]
    if any(file.exists() for file in beside):
        raise DatabaseExistsError(
            f"{path} exists", "Move the database away first, with its -wal and -shm files."
        )
    with whole_file(path, private=True, exclusive=True) as file:
        for piece in pieces():
            file.write(piece)
        file.flush()
        with closing(sqlite3.connect(file.name)) as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        if verdict != "ok":
            raise CopyError(f"the database in the copy is broken: {verdict}")


def _postgres_out(database: Database) -> Iterator[bytes]:
    command = [_tool("pg_dump"), "--format=custom", "--no-owner", "--no-privileges"]
    with subprocess.Popen(  # noqa: S603  (a fixed tool, its arguments from the settings)
        [*command, *_postgres_arguments(database)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_postgres_environment(database),
    ) as dump:
        assert dump.stdout is not None
        assert dump.stderr is not None
        yield from iter(lambda: dump.stdout.read(PIECE_BYTES), b"")  # type: ignore[union-attr]
        complaint = dump.stderr.read().decode(errors="replace")
    if dump.returncode:
        raise CopyError(f"pg_dump failed: {complaint.strip()}")


def _postgres_in(database: Database, pieces: Pieces) -> None:
    if not schema.is_empty(database):
        raise DatabaseExistsError(
            "the database has tables", "Create a new, empty one and name it with --db."
        )
    command = [_tool("pg_restore"), "--no-owner", "--no-privileges", "--exit-on-error"]
    command += ["--single-transaction", *_postgres_arguments(database)]
    # The whole file first: one that was cut off shows at its end only.
    for _ in pieces():
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
        with suppress(BrokenPipeError), tool.stdin as pipe:
            for piece in pieces():
                pipe.write(piece)
        complaint = tool.stderr.read().decode(errors="replace")
    if tool.returncode:
        raise CopyError(f"pg_restore failed: {complaint.strip()}")


def _postgres_arguments(database: Database) -> list[str]:
    settings, _ = _postgres_settings(database)
    return [f"--dbname={settings}"]


def _postgres_environment(database: Database) -> dict[str, str]:
    """Return the environment with the password in it: arguments are for all to read."""
    _, password = _postgres_settings(database)
    return {**os.environ, "PGPASSWORD": password} if password else dict(os.environ)


def _postgres_settings(database: Database) -> tuple[str, str]:
    # Commands on SQLite do without the driver.
    from bureau.store import postgres  # noqa: PLC0415  (see above)

    return postgres.without_password(database.url)


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise CopyError(
            f"{name} is not installed",
            "Install PostgreSQL's client tools, of the server's version.",
        )
    return path
