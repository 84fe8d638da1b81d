"""Submissions, the accounts they report, and their records."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BigInteger, case, delete, func, select, update

from bureau.store import tables as t
from bureau.store.compiled import Change, InQuery, Query
from bureau.store.queries.builders import (
    bind,
    entry,
    first_index_of,
    former_ref,
    insert,
    party,
    record,
    record_tile,
    submission,
    tradeline,
)
from bureau.store.record_blocks import RecordBlock


class LoggedSubmission(NamedTuple):
    """A submission, and its place in the log."""

    submission_key: int
    submission_id: str
    kind: int
    record_count: int
    new_tradeline_count: int
    label: str
    create_us: int
    leaf_index: int


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
submission_of_request = Query(
    _submissions.where(entry.c.signer == bind("signer"), entry.c.request_id == bind("request_id")),
    LoggedSubmission,
)
submissions_before = Query(
    _submissions.where(
        submission.c.member_id == bind("member_id"), entry.c.leaf_index < bind("before")
    )
    .order_by(entry.c.leaf_index.desc())
    .limit(bind("limit")),
    LoggedSubmission,
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


class LockedAccount(NamedTuple):
    """An account, locked, as its records left it."""

    account_ref: str
    tradeline_key: int
    tradeline_id: str
    currency: str
    history: bytes
    trail: bytes
    marks: int
    people: bytes
    newest_submission_key: int
    newest_record_index: int


# Locked in one order, so that of two batches about the same accounts one waits for the
# other instead of a deadlock.
lock_tradelines = InQuery(
    lambda refs: (
        select(*_LOCKED)
        .where(tradeline.c.member_id == bind("member_id"), tradeline.c.account_ref.in_(refs))
        .order_by(tradeline.c.account_ref)
        .with_for_update()
    ),
    LockedAccount,
)


class RenumberedAccount(NamedTuple):
    """A `LockedAccount` that had another reference before."""

    former_ref: str
    account_ref: str
    tradeline_key: int
    tradeline_id: str
    currency: str
    history: bytes
    trail: bytes
    marks: int
    people: bytes
    newest_submission_key: int
    newest_record_index: int


# The same by references that accounts had before.
lock_renumbered = InQuery(
    lambda refs: (
        select(former_ref.c.account_ref.label("former_ref"), *_LOCKED)
        .join_from(former_ref, tradeline, tradeline.c.tradeline_key == former_ref.c.tradeline_key)
        .where(former_ref.c.member_id == bind("member_id"), former_ref.c.account_ref.in_(refs))
        .order_by(tradeline.c.account_ref)
        .with_for_update(of=tradeline)
    ),
    RenumberedAccount,
)


class DeletedAccount(NamedTuple):
    """An account of a person of which something is deleted, or that a dispute withdrew."""

    subject_id: str
    member_id: str
    tradeline_key: int
    history: bytes
    trail: bytes
    marks: int
    people: bytes
    newest_submission_key: int
    newest_record_index: int


DELETED_COLUMNS = (
    party.c.subject_id,
    tradeline.c.member_id,
    tradeline.c.tradeline_key,
    tradeline.c.history,
    tradeline.c.trail,
    tradeline.c.marks,
    tradeline.c.people,
    tradeline.c.newest_submission_key,
    tradeline.c.newest_record_index,
)
accounts_with_deletions = InQuery(
    lambda subject_ids: (
        select(*DELETED_COLUMNS)
        .join_from(party, tradeline, tradeline.c.tradeline_key == party.c.tradeline_key)
        .where(party.c.subject_id.in_(subject_ids), tradeline.c.marks.op("&")(bind("mask")) != 0)
        .order_by(party.c.subject_id, tradeline.c.tradeline_key)
    ),
    DeletedAccount,
)


class OthersTrail(NamedTuple):
    """The trail of an account of a person, of another member."""

    subject_id: str
    member_id: str
    trail: bytes


trails_of_others = InQuery(
    lambda subject_ids: (
        select(party.c.subject_id, tradeline.c.member_id, tradeline.c.trail)
        .join_from(party, tradeline, tradeline.c.tradeline_key == party.c.tradeline_key)
        .where(
            party.c.subject_id.in_(subject_ids),
            tradeline.c.member_id != bind("member_id"),
            tradeline.c.marks.op("&")(bind("mask")) != 0,
        )
    ),
    OthersTrail,
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


class AccountsOnPerson(NamedTuple):
    """The accounts of one member that name a person, the bytes of their histories, and the
    number of members that have accounts on the person.
    """

    subject_id: str
    accounts: int
    history_bytes: int
    members: int


_is_own = tradeline.c.member_id == bind("member_id")
accounts_on_people = InQuery(
    lambda subject_ids: (
        select(
            party.c.subject_id,
            func.sum(case((_is_own, 1), else_=0), type_=BigInteger).label("accounts"),
            func.sum(
                case((_is_own, func.length(tradeline.c.history)), else_=0), type_=BigInteger
            ).label("history_bytes"),
            func.count(tradeline.c.member_id.distinct()).label("members"),
        )
        .join_from(party, tradeline, tradeline.c.tradeline_key == party.c.tradeline_key)
        .where(party.c.subject_id.in_(subject_ids))
        .group_by(party.c.subject_id)
    ),
    AccountsOnPerson,
)
# The people on whom all members together have more accounts than `most`.
people_with_accounts = InQuery[tuple[str]](
    lambda subject_ids: (
        select(party.c.subject_id)
        .where(party.c.subject_id.in_(subject_ids))
        .group_by(party.c.subject_id)
        .having(func.count() > bind("most"))
    )
)
RECORD_COLUMNS = tuple(c.name for c in record.columns)
add_record = insert(t.RecordRow)
lock_block = Query(
    select(record.c.record_index, record.c.tradeline_key, record.c.block)
    .where(
        record.c.submission_key == bind("submission_key"),
        record.c.record_index == first_index_of(bind("submission_key"), bind("record_index")),
    )
    .with_for_update(),
    RecordBlock,
)
RECORD_TILE_COLUMNS = tuple(c.name for c in record_tile.columns)
add_record_tile = insert(t.RecordTileRow)
