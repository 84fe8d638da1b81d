"""The schema's newest revision is the one that Alembic finds."""

from alembic.script import ScriptDirectory

from bureau.store import schema


def test_newest_is_the_head_of_the_revisions() -> None:
    script = ScriptDirectory.from_config(schema._config())
    assert script.get_current_head() == schema.newest()
