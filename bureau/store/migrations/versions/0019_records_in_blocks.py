"""Records are stored in blocks; rows of one record stay as they are.

A node of an earlier version would read a block as a record: the floor takes it out.
"""

from bureau.store.migrations.floor import raise_floor

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    raise_floor(revision)
