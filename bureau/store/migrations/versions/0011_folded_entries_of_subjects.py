"""Disputes, holds and statements of subjects, folded from their events; lists by index; quotas.

Nodes of earlier versions do not fold, so they may serve no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from bureau.store.migrations.floor import raise_floor
from bureau.store.migrations.index import build_index, remove_index
from creditbureau.v1.dispute_pb2 import DisputeOpening
from creditbureau.v1.hold_pb2 import HoldLift, HoldPlacement
from creditbureau.v1.subjects_pb2 import Undoing

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NEVER = 1 << 62
PLACEMENT, LIFT, OPENING, ANSWER, STATEMENT, ADDITION, REPUDIATION = range(1, 8)


def upgrade() -> None:
    # An earlier try may have created them: the indices below are committed one by one.
    tables = _create_tables()
    for table in tables.values():
        op.execute(sa.delete(table))
    _fill(tables)
    # 3 is REVOKED.
    op.execute(
        "DELETE FROM monitor WHERE consent_id IN (SELECT consent_id FROM consent WHERE state = 3)"
    )
    raise_floor(revision)
    build_index("consent_by_grantee", "consent", ["grantee", "create_us", "consent_id"])
    build_index("consent_by_pair", "consent", ["grantee", "subject_id", "create_us", "consent_id"])
    build_index("consent_by_subject", "consent", ["subject_id", "create_us", "consent_id"])
    build_index(
        "consent_in_use",
        "consent",
        ["grantee", "subject_id", "expire_us"],
        where="state <> 3",
    )
    build_index("subject_event_by_subject", "subject_event", ["subject_id", "time_us"])
    remove_index("ix_consent_subject_id", "consent")
    remove_index("ix_subject_event_subject_id", "subject_event")


def _number(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, WIDE, autoincrement=False, nullable=null)


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def _create_tables() -> dict[str, sa.Table]:
    dispute = op.create_table(
        "dispute",
        *map(_text, ("dispute_id", "subject_id", "member_id", "tradeline_id")),
        _number("month"),
        _text("field"),
        *map(_number, ("entry_key", "open_us", "addition_count")),
        _number("answer_key", null=True),
        sa.PrimaryKeyConstraint("dispute_id"),
        if_not_exists=True,
    )
    for name, columns in (
        ("dispute_by_subject", ["subject_id", "entry_key"]),
        ("dispute_by_member", ["member_id", "entry_key"]),
        ("dispute_by_tradeline", ["tradeline_id", "subject_id", "open_us"]),
    ):
        op.create_index(name, "dispute", columns, if_not_exists=True)
    op.create_index(
        "dispute_unanswered",
        "dispute",
        ["subject_id", "open_us"],
        sqlite_where=sa.text("answer_key IS NULL"),
        postgresql_where=sa.text("answer_key IS NULL"),
        if_not_exists=True,
    )
    hold = op.create_table(
        "hold",
        *map(_text, ("subject_id", "hold_id")),
        *map(_number, ("kind", "entry_key", "expire_us", "ended")),
        sa.PrimaryKeyConstraint("subject_id", "hold_id"),
        if_not_exists=True,
    )
    lift = op.create_table(
        "hold_lift",
        *map(_text, ("subject_id", "hold_id", "member_id")),
        _number("until_us"),
        sa.PrimaryKeyConstraint("subject_id", "hold_id", "member_id"),
        if_not_exists=True,
    )
    statement = op.create_table(
        "own_statement",
        _text("subject_id"),
        _number("entry_key"),
        sa.PrimaryKeyConstraint("subject_id"),
        if_not_exists=True,
    )
    op.create_table(
        "member_quota",
        _text("member_id"),
        *map(_number, ("carried", "statements_per_minute", "bytes_per_minute")),
        *map(_number, ("statements_per_day", "bytes_per_day")),
        sa.PrimaryKeyConstraint("member_id", "carried"),
        if_not_exists=True,
    )
    op.create_table(
        "quota_usage",
        _text("party"),
        *map(_number, ("minute", "minute_statements", "minute_bytes")),
        *map(_number, ("day", "day_statements", "day_bytes")),
        sa.PrimaryKeyConstraint("party"),
        if_not_exists=True,
    )
    return {"dispute": dispute, "hold": hold, "hold_lift": lift, "own_statement": statement}


def _fill(tables: dict[str, sa.Table]) -> None:
    """Fold the events that are stored, in order of the log."""
    events = op.get_bind().execute(
        sa.text(
            "SELECT e.entry_key, e.subject_id, e.kind, e.about, e.member_id, e.time_us, e.body "
            "FROM subject_event e JOIN entry l ON l.entry_key = e.entry_key ORDER BY l.leaf_index"
        )
    )
    disputes: dict[str, dict[str, Any]] = {}
    holds: dict[tuple[str, str], dict[str, Any]] = {}
    statements: dict[str, int] = {}
    lifts: dict[str, list[tuple[str, int, HoldLift]]] = {}
    undone: dict[str, list[tuple[int, int, int]]] = {}
    for key, subject_id, kind, about, member_id, time_us, body in events.all():
        if kind == OPENING:
            opening = DisputeOpening.FromString(body)
            disputes[about] = {
                "dispute_id": about,
                "subject_id": subject_id,
                "member_id": member_id,
                "tradeline_id": opening.tradeline_id,
                "month": opening.month,
                "field": opening.field,
                "entry_key": key,
                "open_us": time_us,
                "addition_count": 0,
                "answer_key": None,
            }
        elif kind == ADDITION:
            disputes[about]["addition_count"] += 1
        elif kind == ANSWER:
            disputes[about]["answer_key"] = key
        elif kind == STATEMENT:
            statements[subject_id] = key
        elif kind == PLACEMENT:
            placement = HoldPlacement.FromString(body)
            expires = placement.HasField("expire_time")
            holds[subject_id, about] = {
                "subject_id": subject_id,
                "hold_id": about,
                "kind": placement.kind,
                "entry_key": key,
                "expire_us": placement.expire_time.ToMicroseconds() if expires else NEVER,
                "ended": 0,
            }
        elif kind == LIFT:
            placed_lift = (about, time_us, HoldLift.FromString(body))
            lifts.setdefault(subject_id, []).append(placed_lift)
        elif kind == REPUDIATION:
            undoing = Undoing.FromString(body)
            if undoing.HasField("start_time"):
                span = undoing.start_time.ToMicroseconds(), undoing.end_time.ToMicroseconds()
                before = len(lifts.get(subject_id, []))
                undone.setdefault(subject_id, []).append((*span, before))
    until = _fold_lifts(holds, lifts, undone)
    _insert(tables["dispute"], list(disputes.values()))
    _insert(tables["hold"], list(holds.values()))
    _insert(tables["hold_lift"], until)
    _insert(
        tables["own_statement"],
        [{"subject_id": subject_id, "entry_key": key} for subject_id, key in statements.items()],
    )


def _fold_lifts(
    holds: dict[tuple[str, str], dict[str, Any]],
    lifts: dict[str, list[tuple[str, int, HoldLift]]],
    undone: dict[str, list[tuple[int, int, int]]],
) -> list[dict[str, Any]]:
    """Fold the lifts that no later repudiation of a key undoes; return those until a time."""
    until: dict[tuple[str, str, str], int] = {}
    for subject_id, listed in lifts.items():
        spans = undone.get(subject_id, [])
        for index, (hold_id, time_us, lift) in enumerate(listed):
            if any(start <= time_us <= end and index < before for start, end, before in spans):
                continue
            if lift.HasField("until_time"):
                end_us = lift.until_time.ToMicroseconds()
                until[subject_id, hold_id, lift.member_id] = end_us
            else:
                holds[subject_id, hold_id]["ended"] = 1
    names = ("subject_id", "hold_id", "member_id")
    return [{**dict(zip(names, key, strict=True)), "until_us": us} for key, us in until.items()]


def _insert(table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        op.bulk_insert(table, list(rows))
