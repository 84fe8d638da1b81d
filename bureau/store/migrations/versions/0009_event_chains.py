"""The chains of subjects' events. They begin with the first leaf after this revision."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "event_link",
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("number", WIDE, autoincrement=False, nullable=False),
        sa.Column("leaf_index", WIDE, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("subject_id", "number"),
    )
