"""Decisions that members record on reports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "decision",
        sa.Column("entry_key", WIDE, autoincrement=False, nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("inquiry_entry", WIDE, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("entry_key"),
    )
    op.create_index("decision_by_member", "decision", ["member_id", "entry_key"])
    op.create_index("decision_by_pair", "decision", ["member_id", "subject_id", "entry_key"])
    op.create_index("decision_by_report", "decision", ["inquiry_entry", "subject_id"])
    op.create_index("decision_by_subject", "decision", ["subject_id", "entry_key"])
