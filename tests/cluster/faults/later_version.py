"""A later version of the bureau, as far as its migrations go: this version's revisions, and
those in a folder. `python -m tests.cluster.faults.later_version FOLDER DATABASE-URL` does
what that version's `bureau db migrate` would.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bureau.store import migrations, schema
from bureau.store.database import Database

EXPAND = '''"""Adds to {table} what the version before does not mind."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "{revision}", "{before}"


def upgrade() -> None:
    column, index = "later_{revision}", "{table}_later_{revision}"
    op.add_column("{table}", sa.Column(column, sa.BigInteger()))
    with op.get_context().autocommit_block():
        op.create_index(index, "{table}", [column], postgresql_concurrently=True)
'''


def add_revision(folder: Path, table: str) -> None:
    """A further revision for the folder, which only expands."""
    folder.mkdir(exist_ok=True)
    before = max([migrations.NEWEST, *(path.stem for path in folder.glob("*.py"))])
    revision = f"{int(before) + 1:04}"
    text = EXPAND.format(table=table, revision=revision, before=before)
    (folder / f"{revision}.py").write_text(text, "utf-8")


def main(folder: str, url: str) -> None:
    """Moves a database forward to the newest of all revisions."""
    migrations.NEWEST = max(path.stem for path in Path(folder).glob("*.py"))
    schema.REVISION_FOLDERS = (*schema.REVISION_FOLDERS, folder)
    schema.upgrade(Database(url))


if __name__ == "__main__":
    main(*sys.argv[1:])
