"""Notices: the bureau's messages to subjects about their credit file."""

from __future__ import annotations

from collections.abc import Iterable

from bureau import paging
from bureau.calendar import timestamp_of
from bureau.credit_file.accounts import PendingNotice
from bureau.ledger.commit_queue import Transaction
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau.texts import texts
from creditbureau.v1.notice_pb2 import Notice, NoticeKind

PLACE_BITS = 20


def give(tx: Transaction, news: Iterable[PendingNotice], member_id: str) -> None:
    """Store notices with the entry that causes them.

    Subjects can read them once the entry is committed.
    """
    rows = [
        (
            subject_id,
            tx.entry_key,
            position,
            about.kind,
            member_id,
            about.tradeline_id,
            about.key_id,
        )
        for position, about in enumerate(news)
        for subject_id in about.subject_ids
    ]
    if rows:
        tx.db.execute_many_tuples(q.add_notice, q.NOTICE_COLUMNS, rows)


def page(
    db: Connection, subject_id: str, page_size: int, page_token: str
) -> tuple[list[Notice], str]:
    """Read a page of the notices to a subject, newest first, and the next page's token."""
    limit = page_size or paging.DEFAULT_SIZE
    position = paging.number_in(page_token, otherwise=paging.NEWEST)
    rows = db.all(
        q.notices_before,
        subject_id=subject_id,
        leaf_index=position >> PLACE_BITS,
        ordinal=position & (1 << PLACE_BITS) - 1,
        limit=limit + 1,
    )
    shown, token = paging.cut(rows, limit, lambda row: row.leaf_index << PLACE_BITS | row.ordinal)
    return [_notice(row) for row in shown], token


def newest(db: Connection, subject_id: str, limit: int) -> list[Notice]:
    """Read the newest notices to a subject."""
    page = {"leaf_index": 1 << 42, "ordinal": 0, "limit": limit}
    return [_notice(row) for row in db.all(q.notices_before, subject_id=subject_id, **page)]


def _notice(row: q.LoggedNotice) -> Notice:
    notice = Notice(
        notice_id=f"{row.leaf_index}-{row.ordinal}",
        kind=row.kind,  # type: ignore[arg-type]
        member_id=row.member_id,
        tradeline_id=row.tradeline_id,
        create_time=timestamp_of(row.time_us),
        texts=texts("notice", NoticeKind.Name(row.kind).removeprefix("NOTICE_KIND_")),  # type: ignore[arg-type]
        key_id=row.key_id,
    )
    if row.key_id:
        notice.effect_time.CopyFrom(timestamp_of(row.start_us))
    return notice
