"""Records are stored in blocks; rows of one record stay as they are.

A node of an earlier version would not see nine of ten records. The floor takes it out, which it
notices within a second; until then its statements fail, as the column has another name.
"""

from alembic import op

from bureau.store.migrations.floor import raise_floor

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE record RENAME COLUMN body TO block")
    raise_floor(revision)
