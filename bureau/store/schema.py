"""The schema's version: looked at, and moved forward, by Alembic."""

from __future__ import annotations

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlmodel import SQLModel

from bureau.store import tables  # noqa: F401  (fills SQLModel.metadata)
from bureau.store.database import Database


def current(database: Database) -> str | None:
    """The revision that a database is at; None if it has no schema yet."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """The revision that this version of the bureau needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None, "there is a first revision"
    return revision


def pending(database: Database) -> list[tuple[str, str]]:
    """Revisions still to come, oldest first, each with its title."""
    at = current(database)
    script = ScriptDirectory.from_config(_config())
    steps = script.iterate_revisions("head", at or "base")
    return [(step.revision, step.doc) for step in steps][::-1]


def upgrade(database: Database) -> None:
    """Moves a database forward to the newest revision."""
    config = _config()
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def differences(database: Database) -> list[str]:
    """Where a database's tables differ from what the code expects."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        return [str(difference) for difference in compare_metadata(context, SQLModel.metadata)]


def is_empty(database: Database) -> bool:
    """Whether a database has no tables at all."""
    return not inspect(database.engine).get_table_names()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "bureau:store/migrations")
    return config
