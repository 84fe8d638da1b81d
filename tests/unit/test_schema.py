"""The schema's newest revision is the one that Alembic finds, and makes the tables."""

from __future__ import annotations

from pathlib import Path

from alembic.script import ScriptDirectory

from bureau.store import schema
from bureau.store.database import Database


def test_newest_is_the_head_of_the_revisions() -> None:
    script = ScriptDirectory.from_config(schema._config())
    assert script.get_current_head() == schema.newest()


def test_the_revisions_make_the_tables_of_the_code(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'bureau.db'}")
    try:
        schema.upgrade(database)
        assert schema.differences(database) == []
    finally:
        database.dispose()
