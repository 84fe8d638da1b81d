"""A later version of the bureau, as far as its migrations go: this version's revisions, and
those in a folder. `python -m tests.cluster.faults.later_version FOLDER DATABASE-URL` does
what that version's `bureau db migrate` would.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bureau.store import migrations, schema
from bureau.store.database import Database

COLUMN = '''"""Adds to {table} what the version before does not mind."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "{revision}", "{before}"


def upgrade() -> None:
    op.add_column("{table}", sa.Column("later_{revision}", sa.BigInteger()))
'''

INDEX = '''"""Makes it faster."""

from bureau.store.migrations.index import build_index

revision, down_revision = "{revision}", "{before}"


def upgrade() -> None:
    build_index("{table}_later_{before}", "{table}", ["later_{before}"])
'''


def add_revisions(folder: Path, table: str) -> None:
    """Two further revisions for the folder, which expand: a column, and an index over it."""
    folder.mkdir(exist_ok=True)
    before = max([migrations.NEWEST, *(path.stem for path in folder.glob("*.py"))])
    for text in (COLUMN, INDEX):
        revision = f"{int(before) + 1:04}"
        source = text.format(table=table, revision=revision, before=before)
        (folder / f"{revision}.py").write_text(source, "utf-8")
        before = revision


def main(folder: str, url: str) -> None:
    """Moves a database forward to the newest of all revisions."""
    migrations.NEWEST = max(path.stem for path in Path(folder).glob("*.py"))
    schema.REVISION_FOLDERS = (*schema.REVISION_FOLDERS, folder)
    schema.upgrade(Database(url))


if __name__ == "__main__":
    main(*sys.argv[1:])
