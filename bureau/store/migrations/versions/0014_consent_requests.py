"""Requests of members for a consent, and their answers; arrangements of consents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "consent_request",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("terms", sa.LargeBinary(), nullable=False),
        sa.Column("expire_us", WIDE, nullable=False),
        sa.Column("state", WIDE, nullable=False),
        sa.Column("create_us", WIDE, nullable=False),
        sa.Column("update_us", WIDE, nullable=False),
        sa.Column("entry_key", WIDE, nullable=False),
        sa.Column("answer_entry", WIDE, nullable=True),
        sa.PrimaryKeyConstraint("request_id"),
    )
    op.create_index(
        "consent_request_by_member", "consent_request", ["member_id", "create_us", "request_id"]
    )
    op.create_index(
        "consent_request_by_pair",
        "consent_request",
        ["member_id", "subject_id", "create_us", "request_id"],
    )
    op.create_index(
        "consent_request_by_subject", "consent_request", ["subject_id", "create_us", "request_id"]
    )
    op.add_column("consent", sa.Column("arrangement_id", sa.Text(), nullable=True))
    op.create_index("consent_by_arrangement", "consent", ["arrangement_id"])
