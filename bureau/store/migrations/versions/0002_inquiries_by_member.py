"""The index that a member's own inquiries are listed by."""

from __future__ import annotations

from bureau.store.migrations.index import build_index

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    build_index("inquiry_by_member", "inquiry", ["member_id", "inquiry_key"])
