"""The times of subjects' keys, and who bound them; the keys that notices are about."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NEVER = str(1 << 62)


def upgrade() -> None:
    for name, default in (("start_us", "0"), ("end_us", NEVER), ("lift_us", "0")):
        op.add_column("subject_key", sa.Column(name, WIDE, nullable=False, server_default=default))
    for name in ("attester", "previous"):
        op.add_column("subject_key", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    for name in ("approved", "repudiated"):
        op.add_column("subject_key", sa.Column(name, WIDE, nullable=False, server_default="0"))
    op.add_column("notice", sa.Column("key_id", sa.Text(), nullable=False, server_default=""))
    for column, entry in (("start_us", "from_entry"), ("end_us", "to_entry")):
        op.execute(
            f"UPDATE subject_key SET {column} = (SELECT time_us FROM entry "  # noqa: S608  (names)
            f"WHERE entry_key = {entry}) WHERE {entry} IN (SELECT entry_key FROM entry)"
        )
