"""The entries that changed each consent: a consent is shown with the statements of all."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from creditbureau.v1.consent_pb2 import (
    CONSENT_STATE_REVOKED,
    CONSENT_TRANSITION_REVOKE,
    ConsentChange,
)
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.erasure_pb2 import Erasure

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# The kind of a repudiation among the events of subjects.
REPUDIATION = 7


def upgrade() -> None:
    table = op.create_table(
        "consent_change",
        sa.Column("consent_id", sa.Text(), nullable=False),
        sa.Column("entry_key", WIDE, autoincrement=False, nullable=False),
        sa.Column("transition", WIDE, nullable=False),
        sa.PrimaryKeyConstraint("consent_id", "entry_key"),
    )
    rows = [
        {"consent_id": change.consent_id, "entry_key": key, "transition": change.transition}
        for key, change in _changes()
    ]
    if rows:
        op.bulk_insert(table, rows)
    # A repudiation and the consents that it revoked have one time.
    op.execute(
        "INSERT INTO consent_change (consent_id, entry_key, transition) "  # noqa: S608  (codes)
        f"SELECT consent.consent_id, event.entry_key, {int(CONSENT_TRANSITION_REVOKE)} "
        "FROM consent JOIN subject_event AS event ON event.subject_id = consent.subject_id "
        f"AND event.time_us = consent.update_us AND event.kind = {REPUDIATION} "
        f"WHERE consent.state = {int(CONSENT_STATE_REVOKED)}"
    )


def _changes() -> Iterator[tuple[int, ConsentChange]]:
    """Yield the changes by subjects, and what is left of those that were erased."""
    db = op.get_bind()
    rows = db.execute(
        sa.text(
            "SELECT entry.entry_key, entry.leaf_index, envelope FROM entry JOIN statement "
            "ON statement.entry_key = entry.entry_key WHERE kind = 'consent-change'"
        )
    )
    erased = {}
    for key, leaf_index, envelope in rows:
        if envelope:
            yield key, ConsentChange.FromString(Envelope.FromString(envelope).payload)
        else:
            erased[leaf_index] = key
    erasures = db.execute(
        sa.text(
            "SELECT envelope FROM erasure_statement JOIN statement "
            "ON statement.entry_key = erasure_statement.entry_key"
        )
    )
    for (envelope,) in erasures:
        for part in Erasure.FromString(Envelope.FromString(envelope).payload).statements:
            if part.leaf_index in erased:
                yield erased[part.leaf_index], ConsentChange.FromString(part.rest)
