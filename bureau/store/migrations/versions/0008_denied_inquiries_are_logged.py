"""The index that stored an unlogged inquiry once goes: every inquiry is logged."""

from __future__ import annotations

from bureau.store.migrations.index import remove_index

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    remove_index("unlogged_once", "inquiry")
