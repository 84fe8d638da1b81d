"""The choices of subjects what to hear of, and the order in which agents pass notices on.

A node of an earlier version serves no such choice: it needs no floor.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "notice_choice",
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("entry_key", WIDE, nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("muted", WIDE, nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("subject_id"),
    )
    op.create_index("notice_choice_by_agent", "notice_choice", ["agent_id", "subject_id"])
    op.create_index("event_link_by_leaf", "event_link", ["leaf_index"])
    op.create_index("notice_by_entry", "notice", ["entry_key"])
