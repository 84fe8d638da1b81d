"""Backups of the database, encrypted under a passphrase that is not in it.

A restore makes a new database and never writes over one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from bureau.ledger import log
from bureau.store import schema
from bureau.store.database import Database
from bureau.store.dump import CopyError, dump, load
from bureau_keys.encrypted_stream import open_stream, read_about, seal_stream
from bureau_keys.errors import MalformedMessage
from bureau_keys.whole_files import whole_file


@dataclass(frozen=True, slots=True)
class About:
    """The description of a backup in clear: nothing personal.

    Attributes:
        engine: `sqlite` or `postgresql`.
        revision: Revision of the schema.
        tree_size: Size of the log when the backup was begun; it holds at least that.
    """

    engine: str
    revision: str
    tree_size: int


def back_up(database: Database, target: Path, passphrase: bytes) -> About:
    """Write an encrypted backup while the bureau goes on serving.

    Raises:
        FileExistsError: The file exists.
        CopyError: The database has no schema, or `pg_dump` failed.
    """
    if target.exists():
        raise FileExistsError(f"{target} exists: name a new file")
    revision = schema.current(database)
    if revision is None:
        raise CopyError("the database has no schema: there is nothing to back up")
    with database.snapshot() as db:
        size = log.size_of(db)
    about = About("sqlite" if database.is_sqlite else "postgresql", revision, size)
    with whole_file(target, private=True, exclusive=True) as file:
        seal_stream(dump(database), file, passphrase, asdict(about))
    return about


def restore(database: Database, source: Path, passphrase: bytes) -> About:
    """Make a new database from a backup.

    Raises:
        DatabaseExistsError: There is a database already.
        CopyError: The backup is of another engine, or the tool failed.
        LockedKey, MalformedMessage: The file does not open.
    """
    about = about_backup(source)
    if database.is_sqlite != (about.engine == "sqlite"):
        raise CopyError(
            f"the backup is of {about.engine}", "Name a database of the same kind with --db."
        )

    def pieces() -> Iterator[bytes]:
        with source.open("rb") as file:
            yield from open_stream(file, passphrase)

    load(database, pieces)
    return about


def about_backup(source: Path) -> About:
    """Return the description of a backup, unverified.

    Raises:
        MalformedMessage: It is no backup.
    """
    with source.open("rb") as file:
        description = read_about(file)
    try:
        return About(
            str(description["engine"]), str(description["revision"]), int(description["tree_size"])
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedMessage(f"{source} is no backup of a bureau") from error
