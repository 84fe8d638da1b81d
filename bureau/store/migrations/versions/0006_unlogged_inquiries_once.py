"""The index that stores an unlogged inquiry once for each outcome."""

from __future__ import annotations

from bureau.store.migrations.index import build_index

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    build_index(
        "unlogged_once",
        "inquiry",
        ["member_id", "inquiry_id", "subject_id", "outcome"],
        unique=True,
        where="entry_key IS NULL",
    )
