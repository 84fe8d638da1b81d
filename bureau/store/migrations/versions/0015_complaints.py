"""Complaints about deeds of members, and their register."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "complaint",
        sa.Column("complaint_id", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("deed_type", WIDE, autoincrement=False, nullable=False),
        sa.Column("deed_id", sa.Text(), nullable=False),
        sa.Column("record_index", WIDE, autoincrement=False, nullable=False),
        sa.Column("entry_key", WIDE, autoincrement=False, nullable=False),
        sa.Column("open_us", WIDE, autoincrement=False, nullable=False),
        sa.Column("answer_key", WIDE, autoincrement=False, nullable=True),
        sa.Column("escalation_key", WIDE, autoincrement=False, nullable=True),
        sa.Column("decision_key", WIDE, autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("complaint_id"),
    )
    op.create_index("complaint_by_subject", "complaint", ["subject_id", "entry_key"])
    op.create_index("complaint_by_member", "complaint", ["member_id", "entry_key"])
    op.create_index(
        "complaint_by_deed",
        "complaint",
        ["subject_id", "deed_type", "deed_id", "record_index", "member_id"],
        unique=True,
    )
    op.create_index(
        "complaint_escalated",
        "complaint",
        ["entry_key"],
        sqlite_where=sa.text("escalation_key IS NOT NULL"),
        postgresql_where=sa.text("escalation_key IS NOT NULL"),
    )
    op.create_table(
        "complaint_line",
        sa.Column("number", WIDE, autoincrement=False, nullable=False),
        sa.Column("complaint_number", WIDE, autoincrement=False, nullable=False),
        sa.Column("entry_key", WIDE, autoincrement=False, nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("kind", WIDE, autoincrement=False, nullable=False),
        sa.Column("outcome", WIDE, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("complaint_line_by_entry", "complaint_line", ["entry_key"])
