"""The index that allows one key without an end for each subject."""

from __future__ import annotations

from bureau.store.migrations.index import build_index

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    build_index(
        "one_key_without_an_end",
        "subject_key",
        ["subject_id"],
        unique=True,
        where="to_entry IS NULL",
    )
