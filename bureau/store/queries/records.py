"""Submissions, the accounts they report, and their records."""

from __future__ import annotations

from typing import TypeAlias

from sqlalchemy import delete, select, update

from bureau.store import tables as t
from bureau.store.compiled import Change, InQuery, Query
from bureau.store.queries.builders import (
    bind,
    entry,
    former_ref,
    insert,
    record,
    record_tile,
    submission,
    tradeline,
)

# The columns of a submission, in the order of its table.
SubmissionColumns: TypeAlias = tuple[int, str, int, int, int, str, int, int]

add_submission = insert(t.SubmissionRow)
_submissions = select(
    submission.c.submission_key,
    submission.c.submission_id,
    submission.c.kind,
    submission.c.record_count,
    submission.c.new_tradeline_count,
    submission.c.label,
    submission.c.create_us,
    entry.c.leaf_index,
).join_from(submission, entry, submission.c.submission_key == entry.c.entry_key)
submission_of_request = Query[SubmissionColumns](
    _submissions.where(entry.c.signer == bind("signer"), entry.c.request_id == bind("request_id"))
)
submissions_before = Query[SubmissionColumns](
    _submissions.where(
        submission.c.member_id == bind("member_id"), entry.c.leaf_index < bind("before")
    )
    .order_by(entry.c.leaf_index.desc())
    .limit(bind("limit"))
)
TRADELINE_COLUMNS = tuple(c.name for c in tradeline.columns)
add_tradeline = insert(t.TradelineRow)
_LOCKED = (
    tradeline.c.account_ref,
    tradeline.c.tradeline_key,
    tradeline.c.tradeline_id,
    tradeline.c.currency,
    tradeline.c.history,
    tradeline.c.trail,
    tradeline.c.marks,
    tradeline.c.people,
    tradeline.c.newest_submission_key,
    tradeline.c.newest_record_index,
)
# Locked in one order, so that of two batches about the same accounts one waits for the
# other instead of a deadlock.
lock_tradelines = InQuery[tuple[str, int, str, str, bytes, bytes, int, bytes, int, int]](
    lambda refs: (
        select(*_LOCKED)
        .where(tradeline.c.member_id == bind("member_id"), tradeline.c.account_ref.in_(refs))
        .order_by(tradeline.c.account_ref)
        .with_for_update()
    )
)
# The same by references that accounts had before.
lock_renumbered = InQuery[tuple[str, str, int, str, str, bytes, bytes, int, bytes, int, int]](
    lambda refs: (
        select(former_ref.c.account_ref, *_LOCKED)
        .join_from(former_ref, tradeline, tradeline.c.tradeline_key == former_ref.c.tradeline_key)
        .where(former_ref.c.member_id == bind("member_id"), former_ref.c.account_ref.in_(refs))
        .order_by(tradeline.c.account_ref)
        .with_for_update(of=tradeline)
    )
)
add_former_ref = insert(t.FormerRefRow)
drop_former_ref = Change(
    delete(former_ref).where(
        former_ref.c.member_id == bind("whose"), former_ref.c.account_ref == bind("ref")
    )
)
# In the table's order, as the driver takes them. A reference is in an index, so what does
# not change it leaves it out.
MOVED_COLUMNS = (
    "newest_submission_key",
    "newest_record_index",
    "history",
    "trail",
    "marks",
    "people",
    "which",
)
move_tradeline = Change(
    update(tradeline)
    .where(tradeline.c.tradeline_key == bind("which"))
    .values({name: bind(name) for name in MOVED_COLUMNS[:-1]})
)
renumber_tradeline = Change(
    update(tradeline)
    .where(tradeline.c.tradeline_key == bind("which"))
    .values(account_ref=bind("new_ref"))
)
add_party = insert(t.TradelinePartyRow)
RECORD_COLUMNS = tuple(c.name for c in record.columns)
add_record = insert(t.RecordRow)
RECORD_TILE_COLUMNS = tuple(c.name for c in record_tile.columns)
add_record_tile = insert(t.RecordTileRow)
