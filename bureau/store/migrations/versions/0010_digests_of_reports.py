"""The digest of each report; the leaf of a portfolio inquiry commits to all of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("inquiry", sa.Column("report_digest", sa.LargeBinary(), nullable=True))
    # The leaf of an inquiry for one report, and of a replay, holds that report's digest.
    op.execute(
        "UPDATE inquiry SET report_digest = (SELECT answer_digest FROM entry "
        "WHERE entry.entry_key = inquiry.entry_key) WHERE entry_key IN "
        "(SELECT entry_key FROM entry WHERE kind IN ('inquiry', 'replay'))"
    )
