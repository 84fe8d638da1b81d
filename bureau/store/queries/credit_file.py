"""A person's accounts, now and as of a past size of the log."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Select,
    Text,
    and_,
    column,
    literal_column,
    or_,
    select,
    values,
)

from bureau.store.compiled import InQuery, Query
from bureau.store.queries.builders import (
    bind,
    entry,
    first_index_of,
    member,
    party,
    record,
    record_tile,
    submission,
    tradeline,
)
from bureau.store.record_blocks import RecordBlock, body_at


class TradelineAndRecord(NamedTuple):
    """A tradeline of a subject, the record that holds for its newest month, and its furnisher's
    state and roles.
    """

    subject_id: str
    tradeline_key: int
    tradeline_id: str
    member_id: str
    history: bytes
    trail: bytes
    marks: int
    newest_record_index: int
    submission_id: str
    first_index: int
    block: bytes
    state: int
    roles: int

    @property
    def body(self) -> bytes:
        """The record as it was signed."""
        return body_at(self.block, self.newest_record_index - self.first_index)


_ACCOUNT_COLUMNS = (
    tradeline.c.tradeline_key,
    tradeline.c.tradeline_id,
    tradeline.c.member_id,
    tradeline.c.history,
    tradeline.c.trail,
    tradeline.c.marks,
    tradeline.c.newest_record_index,
    submission.c.submission_id,
    record.c.record_index.label("first_index"),
    record.c.block,
    member.c.state,
    member.c.roles,
)
_newest_record = and_(
    record.c.submission_key == tradeline.c.newest_submission_key,
    record.c.record_index
    == first_index_of(tradeline.c.newest_submission_key, tradeline.c.newest_record_index),
)
# Subjects' tradelines, each with the record that holds for its newest month.
_tradelines = (
    select(party.c.subject_id, *_ACCOUNT_COLUMNS)
    .join_from(party, tradeline, tradeline.c.tradeline_key == party.c.tradeline_key)
    .join(record, _newest_record)
    .join(submission, submission.c.submission_key == tradeline.c.newest_submission_key)
    .join(member, member.c.member_id == tradeline.c.member_id)
    .order_by(party.c.subject_id, tradeline.c.tradeline_key)
)
# The same of accounts, of no subject.
accounts_and_records = InQuery(
    lambda keys: (
        select(literal_column("''", Text).label("subject_id"), *_ACCOUNT_COLUMNS)
        .join_from(tradeline, record, _newest_record)
        .join(submission, submission.c.submission_key == tradeline.c.newest_submission_key)
        .join(member, member.c.member_id == tradeline.c.member_id)
        .where(tradeline.c.tradeline_key.in_(keys))
        .order_by(tradeline.c.tradeline_key)
    ),
    TradelineAndRecord,
)
# The trails of these people's accounts that have some kinds of record, deleted accounts too.
trails_with_marks = InQuery[tuple[str, bytes]](
    lambda subject_ids: (
        select(party.c.subject_id, tradeline.c.trail)
        .join_from(party, tradeline, tradeline.c.tradeline_key == party.c.tradeline_key)
        .where(party.c.subject_id.in_(subject_ids), tradeline.c.marks.op("&")(bind("mask")) != 0)
    )
)
file_tradelines = InQuery(
    lambda subject_ids: _tradelines.where(party.c.subject_id.in_(subject_ids)),
    TradelineAndRecord,
)
# Those of a member, or of another member of its group.
_holder, _peer = member.alias("holder"), member.alias("peer")
_of_member_or_group = or_(
    tradeline.c.member_id == bind("member_id"),
    tradeline.c.member_id.in_(
        select(_peer.c.member_id)
        .join_from(_holder, _peer, _peer.c.group_id == _holder.c.group_id)
        .where(_holder.c.member_id == bind("member_id"), _holder.c.group_id != "")
    ),
)
tradelines_of_holder = Query(
    _tradelines.where(party.c.subject_id == bind("subject_id"), _of_member_or_group),
    TradelineAndRecord,
)
# Locks the same tradelines: who holds an account does not change until the transaction ends.
share_tradelines_of_holder = Query[tuple[int]](
    select(tradeline.c.tradeline_key)
    .join_from(party, tradeline, tradeline.c.tradeline_key == party.c.tradeline_key)
    .where(party.c.subject_id == bind("subject_id"), _of_member_or_group)
    .order_by(tradeline.c.tradeline_key)
    .with_for_update(read=True, of=tradeline)
)


class TradelineTrail(NamedTuple):
    """A tradeline with its trail."""

    tradeline_key: int
    tradeline_id: str
    member_id: str
    trail: bytes


# The same accounts, to be made again as of a past log size.
file_trails = Query(
    select(
        tradeline.c.tradeline_key,
        tradeline.c.tradeline_id,
        tradeline.c.member_id,
        tradeline.c.trail,
    )
    .join_from(party, tradeline, tradeline.c.tradeline_key == party.c.tradeline_key)
    .where(party.c.subject_id == bind("subject_id"))
    .order_by(tradeline.c.tradeline_key),
    TradelineTrail,
)
# Accounts of which all is deleted, and that were never anybody else's.
deleted_accounts = Query[tuple[str]](
    select(tradeline.c.tradeline_id)
    .join_from(party, tradeline, tradeline.c.tradeline_key == party.c.tradeline_key)
    .where(
        party.c.subject_id == bind("subject_id"),
        tradeline.c.newest_submission_key == 0,
        tradeline.c.marks.op("&")(bind("unless")) == 0,
    )
    .order_by(tradeline.c.tradeline_key)
)
leaf_of = Query[tuple[int]](
    select(entry.c.leaf_index).where(entry.c.entry_key == bind("entry_key"))
)


class EntryLeaf(NamedTuple):
    """The leaf of an entry."""

    entry_key: int
    leaf_index: int


leaves_of = InQuery(
    lambda keys: select(entry.c.entry_key, entry.c.leaf_index).where(entry.c.entry_key.in_(keys)),
    EntryLeaf,
)


class RecordAt(NamedTuple):
    """A record by its place in a submission, at which there is one."""

    submission_key: int
    record_index: int
    first_index: int
    block: bytes
    submission_id: str

    @property
    def body(self) -> bytes:
        """The record as it was signed; empty if it was erased."""
        return body_at(self.block, self.record_index - self.first_index)


def _records_at(keys: list[Any]) -> Select[tuple[int, int, int, bytes, str]]:
    # SQLite reads the whole table for an IN of pairs, and takes several times as long for an OR.
    # PostgreSQL reads all partitions for a join with a long list; here it looks up each key.
    columns = column("submission_key", BigInteger), column("record_index", BigInteger)
    listed = values(*columns, name="listed").data(keys).cte("listed")
    wanted = select(*listed.columns).distinct().cte("wanted")  # a short list repeats its last key
    block = (
        select(record.c.block)
        .where(
            record.c.submission_key == wanted.c.submission_key,
            record.c.record_index <= wanted.c.record_index,
        )
        .order_by(record.c.record_index.desc())
        .limit(literal_column("1"))
    )
    submission_id = select(submission.c.submission_id).where(
        submission.c.submission_key == wanted.c.submission_key
    )
    return select(
        *wanted.columns,
        first_index_of(wanted.c.submission_key, wanted.c.record_index).label("first_index"),
        block.scalar_subquery().label("block"),
        submission_id.scalar_subquery().label("submission_id"),
    )


records_at = InQuery(_records_at, RecordAt, pairs=True)


def _blocks_at(indices: list[Any]) -> Select[tuple[int, int, bytes]]:
    listed = values(column("record_index", BigInteger), name="listed")
    wanted = listed.data([(index,) for index in indices]).cte("wanted")
    first_index = first_index_of(bind("submission_key"), wanted.c.record_index)
    return select(record.c.record_index, record.c.tradeline_key, record.c.block).where(
        record.c.submission_key == bind("submission_key"),
        record.c.record_index.in_(select(first_index).select_from(wanted)),
    )


# The rows that some records of one submission are in.
blocks_at = InQuery(_blocks_at, RecordBlock)
record_hashes = Query[tuple[bytes]](
    select(record_tile.c.hashes).where(
        record_tile.c.submission_key == bind("submission_key"),
        record_tile.c.tile_index == bind("tile_index"),
    )
)
record_roots = Query[tuple[bytes]](
    select(record_tile.c.root)
    .where(record_tile.c.submission_key == bind("submission_key"))
    .order_by(record_tile.c.tile_index)
)
