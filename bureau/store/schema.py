"""The schema's version: looked at, and moved forward, by Alembic, while nodes serve.

Nodes of two versions run side by side during an upgrade. A revision therefore expands:
it adds what old code does not mind. What old code cannot live with, a contracting
revision, comes a version later, and raises the floor: the oldest revision whose code may
still serve. A node accepts a database from its own revision on, as long as the floor is
not above it.

Alembic is loaded when there is something to move: a node that starts on a current
database does without.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from bureau.store import migrations, tables  # noqa: F401  (fills SQLModel.metadata)
from bureau.store import queries as q
from bureau.store.database import Database
from bureau.store.errors import StorageError, translate
from bureau.store.partitions.forms import forms_of, own_tables
from bureau.store.partitions.layout import UNIQUE_KEYS
from bureau.store.partitions.unfinished import drop_copy, unfinished_copies

if TYPE_CHECKING:
    from alembic.config import Config

# Folders of the revisions.
REVISION_FOLDERS: tuple[str, ...] = (str(migrations.FOLDER),)

# The limit of a table's change that waits for those that use it, while they wait for it; then
# it steps back, and tries again after PAUSE_S seconds, TRIES times in all.
LOCK_TIMEOUT = "2s"
TRIES = 30
PAUSE_S = 0.5
# One migration or partitioning at a time. The number is the database's alone: any that no other
# program uses there.
TRY_LOCK = "SELECT pg_try_advisory_lock(6420771)"
# Seconds that a migration waits for another one, or for a partitioning, to end.
TURN_S = 60.0


def current(database: Database) -> str | None:
    """Return the revision that a database is at; None if it has no schema yet.

    Raises:
        StorageError: It cannot be opened.
    """
    with _connected(database) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.execute(
            text("SELECT version_num FROM alembic_version")
        ).scalar()
        return revision


def newest() -> str:
    """Return the revision that this version of the bureau needs."""
    return migrations.NEWEST


def floor(database: Database) -> str:
    """Return the oldest revision whose code may serve a database."""
    with database.snapshot() as db:
        row = db.one(q.schema_floor)
    assert row is not None, "the first revision writes the floor"
    return str(row[0])


def pending(database: Database) -> list[tuple[str, str]]:
    """List the revisions still to come, oldest first, each with its title."""
    revision = current(database)
    if revision is not None and revision >= newest():
        return []
    from alembic.script import ScriptDirectory  # noqa: PLC0415  (see above)

    steps = ScriptDirectory.from_config(_config()).iterate_revisions("head", revision or "base")
    return [(step.revision, step.doc) for step in steps][::-1]


def upgrade(database: Database) -> None:
    """Move a database forward to the newest revision, one revision after another.

    Raises:
        StorageError: It failed, others did not release a table in time, or another migration or
            a partitioning is at work.
    """
    for tried in range(1, TRIES + 1):
        try:
            with _connected(database, to="migrated") as connection:
                _step_forward(connection, database)
        except StorageError as error:
            if not error.conflict or tried == TRIES:
                raise
            time.sleep(PAUSE_S)
        else:
            return


@contextmanager
def _connected(database: Database, *, to: str = "opened") -> Iterator[Connection]:
    try:
        with database.engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        in_the_way = translate(error.orig or error).conflict
        why = str(error.orig).splitlines()[0]
        message = f"the database {database.shown} cannot be {to}: {why}"
        raise StorageError(message, conflict=in_the_way) from error


def _step_forward(connection: Connection, database: Database) -> None:
    from alembic import command  # noqa: PLC0415  (see above)

    if not database.is_sqlite:
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        _wait_for_turn(connection, database)
        _drop_unfinished_copies(connection)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()


def _wait_for_turn(connection: Connection, database: Database) -> None:
    """Wait in no transaction, whose end the other one might wait for.

    Raises:
        StorageError: The other one has not ended in time.
    """
    deadline = time.monotonic() + TURN_S
    while not connection.execute(text(TRY_LOCK)).scalar_one():
        connection.commit()
        if time.monotonic() > deadline:
            raise StorageError(
                f"the database {database.shown} cannot be migrated: another migration or"
                " `bureau db partition` is at work; try again when it has ended"
            )
        time.sleep(PAUSE_S)
    connection.commit()


def _drop_unfinished_copies(connection: Connection) -> None:
    """Drop copies of tables that revisions may change; the next partitioning begins again.

    Nothing is dropped from a database that is at the newest revision.
    """
    is_migrated = inspect(connection).has_table("alembic_version")
    current = text("SELECT version_num FROM alembic_version")
    if is_migrated and connection.execute(current).scalar_one() < newest():
        for table in unfinished_copies(lambda sql: connection.exec_driver_sql(sql).fetchall()):
            drop_copy(connection.exec_driver_sql, table)
    connection.commit()


def differences(database: Database) -> list[str]:
    """List the differences of a database's tables from what the code expects."""
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415  (see above)
    from alembic.migration import MigrationContext  # noqa: PLC0415  (see above)

    with _connected(database) as connection:
        options = {} if database.is_sqlite else _options_of_partitions(connection)
        context = MigrationContext.configure(connection, opts=options)
        return [str(difference) for difference in compare_metadata(context, SQLModel.metadata)]


def _options_of_partitions(connection: Connection) -> dict[str, Any]:
    """Return the options of a comparison that takes a partitioned table for a whole one."""
    forms = forms_of(lambda sql: connection.exec_driver_sql(sql).fetchall())
    own, lookups = own_tables(forms), {key.lookup for key in UNIQUE_KEYS}
    partitioned = {table for table, form in forms.items() if form.is_partitioned}
    unindexed = {(key.table, key.columns) for key in UNIQUE_KEYS if key.table in partitioned}

    def is_compared(compared: Any, name: str | None, kind: str, *_: object) -> bool:
        if kind == "unique_constraint":
            columns = tuple(column.name for column in compared.columns)
            return (compared.table.name, columns) not in unindexed
        return not (kind == "index" and name in lookups)

    return {
        "include_name": lambda name, kind, _parents: kind != "table" or name not in own,
        "include_object": is_compared,
    }


def is_empty(database: Database) -> bool:
    """Return True if a database has no tables at all."""
    return not inspect(database.engine).get_table_names()


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415  (see above)

    config = Config()
    config.set_main_option("script_location", "bureau:store/migrations")
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(REVISION_FOLDERS))
    return config
