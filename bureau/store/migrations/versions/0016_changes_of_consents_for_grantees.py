"""The changes of consents that grantees hear of, and the ends of consents.

A node of an earlier version would change consents without a row here, and their grantees would
not hear of it: the floor takes it out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from bureau.store.migrations.floor import raise_floor
from creditbureau.v1.consent_event_pb2 import (
    CONSENT_EVENT_KIND_EXHAUSTED,
    CONSENT_EVENT_KIND_GRANTED,
    CONSENT_EVENT_KIND_PAUSED,
    CONSENT_EVENT_KIND_REPLACED,
    CONSENT_EVENT_KIND_RESUMED,
    CONSENT_EVENT_KIND_REVOKED,
)
from creditbureau.v1.consent_pb2 import (
    CONSENT_TRANSITION_PAUSE,
    CONSENT_TRANSITION_REPLACE,
    CONSENT_TRANSITION_RESUME,
    CONSENT_TRANSITION_REVOKE,
    Consent,
)
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.report_pb2 import INQUIRY_OUTCOME_DENIED, INQUIRY_OUTCOME_REPLAYED

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNCONFIRMED = "data_life_us > 0 AND deletion_entry IS NULL"
KINDS = {
    CONSENT_TRANSITION_PAUSE: CONSENT_EVENT_KIND_PAUSED,
    CONSENT_TRANSITION_RESUME: CONSENT_EVENT_KIND_RESUMED,
    CONSENT_TRANSITION_REVOKE: CONSENT_EVENT_KIND_REVOKED,
    CONSENT_TRANSITION_REPLACE: CONSENT_EVENT_KIND_REPLACED,
}


def upgrade() -> None:
    events = op.create_table(
        "consent_event",
        sa.Column("consent_id", sa.Text(), nullable=False),
        sa.Column("entry_key", WIDE, autoincrement=False, nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("kind", WIDE, nullable=False),
        sa.PrimaryKeyConstraint("consent_id", "entry_key"),
    )
    ends = op.create_table(
        "consent_end",
        sa.Column("consent_id", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("expire_us", WIDE, nullable=False),
        sa.Column("data_life_us", WIDE, nullable=False),
        sa.Column("deletion_entry", WIDE, nullable=True),
        sa.PrimaryKeyConstraint("consent_id"),
    )
    lives = {consent_id: life_us for consent_id, life_us in _data_lives() if life_us}
    for table, rows in (
        (events, [*_granted(), *_changed(), *_used_up(lives)]),
        (ends, list(_ends(lives))),
    ):
        if rows:
            op.bulk_insert(table, rows)
    op.create_index("consent_event_by_member", "consent_event", ["member_id", "entry_key"])
    op.create_index(
        "consent_end_by_member", "consent_end", ["member_id", "expire_us", "consent_id"]
    )
    op.create_index(
        "consent_end_unconfirmed",
        "consent_end",
        ["consent_id"],
        sqlite_where=sa.text(UNCONFIRMED),
        postgresql_where=sa.text(UNCONFIRMED),
    )
    raise_floor(revision)


def _read(sql: str) -> Iterator[Any]:
    yield from op.get_bind().execute(sa.text(sql))


def _data_lives() -> Iterator[tuple[str, int]]:
    """Yield the data life of each consent, as its subject signed it, microseconds."""
    for consent_id, envelope in _read(
        "SELECT consent_id, envelope FROM consent "
        "JOIN statement ON statement.entry_key = consent.entry_key"
    ):
        signed = Consent.FromString(Envelope.FromString(envelope).payload)
        yield consent_id, signed.data_life.ToMicroseconds()


def _ends(lives: dict[str, int]) -> Iterator[dict[str, Any]]:
    for consent_id, grantee, expire_us in _read(
        "SELECT consent_id, grantee, expire_us FROM consent"
    ):
        yield {
            "consent_id": consent_id,
            "member_id": grantee,
            "expire_us": expire_us,
            "data_life_us": lives.get(consent_id, 0),
            "deletion_entry": None,
        }


def _granted() -> Iterator[dict[str, Any]]:
    for consent_id, key, grantee in _read("SELECT consent_id, entry_key, grantee FROM consent"):
        yield _event(consent_id, key, grantee, CONSENT_EVENT_KIND_GRANTED)


def _changed() -> Iterator[dict[str, Any]]:
    for consent_id, key, grantee, transition in _read(
        "SELECT consent.consent_id, consent_change.entry_key, grantee, transition "
        "FROM consent_change JOIN consent ON consent.consent_id = consent_change.consent_id"
    ):
        yield _event(consent_id, key, grantee, KINDS[transition])


def _used_up(lives: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Yield the last use of each consent whose uses are used up; a replay to STORE is none."""
    seen: dict[str, int] = {}
    for consent_id, key, grantee, outcome, max_uses in _read(
        "SELECT consent.consent_id, inquiry.entry_key, grantee, outcome, max_uses "  # noqa: S608
        "FROM inquiry JOIN consent ON consent.consent_id = inquiry.consent_id "
        "JOIN entry ON entry.entry_key = inquiry.entry_key "
        "WHERE max_uses > 0 AND use_count >= max_uses AND inquiry.member_id = grantee "
        f"AND outcome <> {int(INQUIRY_OUTCOME_DENIED)} ORDER BY leaf_index"
    ):
        if outcome == INQUIRY_OUTCOME_REPLAYED and consent_id in lives:
            continue
        seen[consent_id] = seen.get(consent_id, 0) + 1
        if seen[consent_id] == max_uses:
            yield _event(consent_id, key, grantee, CONSENT_EVENT_KIND_EXHAUSTED)


def _event(consent_id: str, key: int, grantee: str, kind: int) -> dict[str, Any]:
    return {"consent_id": consent_id, "entry_key": key, "member_id": grantee, "kind": int(kind)}
