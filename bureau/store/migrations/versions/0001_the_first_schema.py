"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "checkpoint",
        sa.Column(
            "tree_size",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column(
            "time_us",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("tree_size"),
    )
    op.create_table(
        "cosignature",
        sa.Column(
            "tree_size",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("witness", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tree_size", "witness"),
    )
    op.create_index("cosignature_by_witness", "cosignature", ["witness", "tree_size"])
    op.create_table(
        "consent",
        sa.Column("consent_id", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("grantee", sa.Text(), nullable=False),
        sa.Column(
            "actions",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "purposes",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "sections",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "portfolio_types",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "history_months",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "start_us",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "expire_us",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "max_uses",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "frequency_unit",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "frequency_value",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "state",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "use_count",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "period",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "period_count",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "entry_key",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "create_us",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "update_us",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("consent_id"),
    )
    op.create_index("consent_by_grantee", "consent", ["grantee", "subject_id"], unique=False)
    op.create_index(op.f("ix_consent_subject_id"), "consent", ["subject_id"], unique=False)
    op.create_table(
        "directory_usage",
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column(
            "day",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "element_count",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("member_id", "day"),
    )
    op.create_table(
        "entry",
        sa.Column(
            "entry_key",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("leaf_index", WIDE, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("signer", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("answer_digest", sa.LargeBinary(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column(
            "time_us",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("entry_key"),
        sa.UniqueConstraint("leaf_index"),
        sa.UniqueConstraint("request_id", "signer"),
    )
    op.create_table(
        "inquiry",
        sa.Column(
            "inquiry_key",
            WIDE,
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("inquiry_id", sa.Text(), nullable=False),
        sa.Column("consent_id", sa.Text(), nullable=False),
        sa.Column(
            "purpose",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "kind",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "outcome",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("denial_reason", sa.Text(), nullable=False),
        sa.Column(
            "create_us",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("entry_key", WIDE, nullable=True),
        sa.Column(
            "log_size",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("rules_version", sa.Text(), nullable=False),
        sa.Column("level", WIDE, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("inquiry_key"),
    )
    op.create_index(
        "denied_once",
        "inquiry",
        ["member_id", "inquiry_id", "subject_id"],
        unique=True,
        sqlite_where=sa.text("entry_key IS NULL"),
        postgresql_where=sa.text("entry_key IS NULL"),
    )
    op.create_index(op.f("ix_inquiry_entry_key"), "inquiry", ["entry_key"], unique=False)
    op.create_index(op.f("ix_inquiry_subject_id"), "inquiry", ["subject_id"], unique=False)
    op.create_table(
        "schema_floor",
        sa.Column("floor_id", WIDE, autoincrement=False, nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("floor_id"),
    )
    op.execute("INSERT INTO schema_floor (floor_id, revision) VALUES (1, '0001')")
    op.create_table(
        "log_head",
        sa.Column(
            "head_id",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "tree_size",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column(
            "time_us",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("head_id"),
    )
    op.create_table(
        "log_tile",
        sa.Column(
            "level",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "tile_index",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "tile_index"),
    )
    op.create_table(
        "member",
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column(
            "state",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "roles",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "purposes",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("jurisdiction", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column(
            "directory_quota",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "create_us",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("member_id"),
    )
    op.create_table(
        "member_certificate",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column(
            "not_after_us",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "withdrawn",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("fingerprint"),
    )
    op.create_index(
        op.f("ix_member_certificate_member_id"), "member_certificate", ["member_id"], unique=False
    )
    op.create_table(
        "member_key",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column(
            "from_entry",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "to_entry",
            WIDE,
            autoincrement=False,
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("key_id"),
    )
    op.create_index(op.f("ix_member_key_member_id"), "member_key", ["member_id"], unique=False)
    op.create_table(
        "member_statement",
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column(
            "entry_key",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("member_id", "entry_key"),
    )
    op.create_table(
        "record_tile",
        sa.Column(
            "submission_key",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "tile_index",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("submission_key", "tile_index"),
    )
    op.create_table(
        "record",
        sa.Column(
            "submission_key",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "record_index",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "tradeline_key",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("submission_key", "record_index"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "statement",
        sa.Column(
            "entry_key",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("entry_key"),
    )
    op.create_table(
        "subject_key",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column(
            "from_entry",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "to_entry",
            WIDE,
            autoincrement=False,
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("key_id"),
    )
    op.create_index(op.f("ix_subject_key_subject_id"), "subject_key", ["subject_id"], unique=False)
    op.create_table(
        "submission",
        sa.Column(
            "submission_key",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("submission_id", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "record_count",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "new_tradeline_count",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column(
            "create_us",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("submission_key"),
    )
    op.create_index(op.f("ix_submission_member_id"), "submission", ["member_id"], unique=False)
    op.create_table(
        "tradeline",
        sa.Column(
            "tradeline_key",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("tradeline_id", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("account_ref", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column(
            "newest_submission_key",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "newest_record_index",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("history", sa.LargeBinary(), nullable=False),
        sa.Column("trail", sa.LargeBinary(), nullable=False),
        sa.Column(
            "marks",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("people", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tradeline_key"),
        sa.UniqueConstraint("member_id", "account_ref"),
        sa.UniqueConstraint("tradeline_id"),
    )
    op.create_table(
        "former_ref",
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("account_ref", sa.Text(), nullable=False),
        sa.Column(
            "tradeline_key",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("member_id", "account_ref"),
    )
    op.create_table(
        "tradeline_party",
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column(
            "tradeline_key",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("subject_id", "tradeline_key"),
    )
    op.create_table(
        "subject_event",
        sa.Column(
            "entry_key",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column(
            "time_us",
            WIDE,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("entry_key"),
    )
    op.create_index("ix_subject_event_about", "subject_event", ["about"], unique=False)
    op.create_index("ix_subject_event_subject_id", "subject_event", ["subject_id"], unique=False)
    op.create_index(
        "subject_event_by_member", "subject_event", ["member_id", "entry_key"], unique=False
    )
    op.create_table(
        "monitor",
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("consent_id", sa.Text(), nullable=False),
        sa.Column("grantee", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("subject_id", "consent_id"),
    )
    op.create_index("monitor_by_grantee", "monitor", ["grantee", "subject_id"], unique=False)
    op.create_table(
        "alert",
        sa.Column("entry_key", WIDE, autoincrement=False, nullable=False),
        sa.Column("ordinal", WIDE, autoincrement=False, nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("consent_id", sa.Text(), nullable=False),
        sa.Column("kind", WIDE, autoincrement=False, nullable=False),
        sa.Column("tradelines", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entry_key", "ordinal"),
    )
    op.create_index("alert_by_member", "alert", ["member_id", "entry_key"], unique=False)
    op.create_index("alert_by_consent", "alert", ["consent_id", "kind"], unique=False)
    op.create_table(
        "alert_mark",
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("cursor", WIDE, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("member_id"),
    )
    op.create_table(
        "notice",
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("entry_key", WIDE, autoincrement=False, nullable=False),
        sa.Column("ordinal", WIDE, autoincrement=False, nullable=False),
        sa.Column("kind", WIDE, autoincrement=False, nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("tradeline_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("subject_id", "entry_key", "ordinal"),
    )
    op.create_table(
        "standard",
        sa.Column("version", WIDE, autoincrement=False, nullable=False),
        sa.Column("entry_key", WIDE, autoincrement=False, nullable=False),
        sa.Column("effective_us", WIDE, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_table(
        "contribution",
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("good_us", WIDE, autoincrement=False, nullable=False),
        sa.Column("default_us", WIDE, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("member_id"),
    )
    op.create_table(
        "erased_statement",
        sa.Column("entry_key", WIDE, autoincrement=False, nullable=False),
        sa.Column("time_us", WIDE, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("entry_key"),
    )
    op.create_table(
        "erasure",
        sa.Column("tradeline_key", WIDE, autoincrement=False, nullable=False),
        sa.Column("record_count", WIDE, autoincrement=False, nullable=False),
        sa.Column("time_us", WIDE, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("tradeline_key"),
    )
