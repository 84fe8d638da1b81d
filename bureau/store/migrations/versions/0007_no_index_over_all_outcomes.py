"""The index under which a denial hid a later replay goes; `unlogged_once` replaces it."""

from __future__ import annotations

from bureau.store.migrations.index import remove_index

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    remove_index("denied_once", "inquiry")
