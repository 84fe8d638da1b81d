"""The schema's version: looked at, and moved forward, by Alembic.

Alembic is loaded when there is something to move: a node that starts on a current
database does without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import inspect, text
from sqlmodel import SQLModel

from bureau.store import tables  # noqa: F401  (fills SQLModel.metadata)
from bureau.store.database import Database
from bureau.store.migrations import NEWEST

if TYPE_CHECKING:
    from alembic.config import Config


def current(database: Database) -> str | None:
    """The revision that a database is at; None if it has no schema yet."""
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.execute(
            text("SELECT version_num FROM alembic_version")
        ).scalar()
        return revision


def newest() -> str:
    """The revision that this version of the bureau needs."""
    return NEWEST


def pending(database: Database) -> list[tuple[str, str]]:
    """Revisions still to come, oldest first, each with its title."""
    at = current(database)
    if at == NEWEST:
        return []
    from alembic.script import ScriptDirectory  # noqa: PLC0415  (see above)

    steps = ScriptDirectory.from_config(_config()).iterate_revisions("head", at or "base")
    return [(step.revision, step.doc) for step in steps][::-1]


def upgrade(database: Database) -> None:
    """Moves a database forward to the newest revision."""
    from alembic import command  # noqa: PLC0415  (see above)

    config = _config()
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def differences(database: Database) -> list[str]:
    """Where a database's tables differ from what the code expects."""
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415  (see above)
    from alembic.migration import MigrationContext  # noqa: PLC0415  (see above)

    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        return [str(difference) for difference in compare_metadata(context, SQLModel.metadata)]


def is_empty(database: Database) -> bool:
    """Whether a database has no tables at all."""
    return not inspect(database.engine).get_table_names()


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415  (see above)

    config = Config()
    config.set_main_option("script_location", "bureau:store/migrations")
    return config
