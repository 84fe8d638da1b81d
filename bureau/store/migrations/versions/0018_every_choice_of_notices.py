"""Every choice of a subject what to hear of, where there was the newest alone.

A notice is judged by the choice that held when it arose.

A node of an earlier version would keep one choice of each subject: the floor takes it out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from bureau.store.migrations.floor import raise_floor
from bureau_keys.signer_name import SignerName, subject_id_of
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.notices_pb2 import NoticeChoice

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.drop_table("notice_choice")
    choices = op.create_table(
        "notice_choice",
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("entry_key", WIDE, autoincrement=False, nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("muted", WIDE, nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("subject_id", "entry_key"),
    )
    if rows := list(_made()):
        op.bulk_insert(choices, rows)
    op.create_index("notice_choice_by_agent", "notice_choice", ["agent_id", "subject_id"])
    raise_floor(revision)


def _made() -> Iterator[dict[str, Any]]:
    """Yield the choices, as their subjects signed them."""
    for key, signer, signed in op.get_bind().execute(
        sa.text(
            "SELECT entry.entry_key, signer, envelope FROM entry "
            "JOIN statement ON statement.entry_key = entry.entry_key WHERE kind = 'notice-choice'"
        )
    ):
        envelope = Envelope.FromString(signed)
        choice = NoticeChoice.FromString(envelope.payload)
        yield {
            "subject_id": subject_id_of(SignerName(signer)),
            "entry_key": key,
            "key_id": envelope.signatures[0].keyid,
            "muted": sum(1 << kind for kind in choice.muted),
            "agent_id": choice.agent_id,
            "language": choice.language,
        }
