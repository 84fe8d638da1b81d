"""Notices: the bureau's messages to subjects about their credit file, and what caused each."""

from __future__ import annotations

from collections.abc import Iterable

from bureau import paging
from bureau.calendar import timestamp_of
from bureau.credit_file.accounts import PendingNotice
from bureau.credit_file.consent_proof import KeyProofs
from bureau.ledger import log
from bureau.ledger.commit_queue import Transaction
from bureau.ledger.log import LoggedEntry
from bureau.signed_statement import receipt_of
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau.texts import texts
from bureau_keys.signer_name import subject_id_of
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.erasure_pb2 import Erasure
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.notice_pb2 import Notice, NoticeCause, NoticeKind
from creditbureau.v1.subjects_pb2 import ListNoticesResponse

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
) -> tuple[list[ListNoticesResponse], str]:
    """Read a page of the notices to a subject, newest first, and the next page's token.

    Returns:
        One part of the reply for each notice, with its cause and the subject's keys that no
        part before has.
    """
    limit = page_size or paging.DEFAULT_SIZE
    position = paging.number_in(page_token, otherwise=paging.NEWEST)
    rows = db.all(
        q.notices_before,
        subject_id=subject_id,
        leaf_index=position >> PLACE_BITS,
        ordinal=position & (1 << PLACE_BITS) - 1,
        limit=limit + 1,
    )
    shown, token = paging.cut(rows, limit, _position)
    keys = KeyProofs(db)
    parts = ((row, _with_cause(db, row, subject_id, keys)) for row in shown)
    return paging.fit(parts, token, _position)


def newest(db: Connection, subject_id: str, limit: int) -> list[Notice]:
    """Read the newest notices to a subject."""
    page = {"leaf_index": 1 << 42, "ordinal": 0, "limit": limit}
    return [_notice(row) for row in db.all(q.notices_before, subject_id=subject_id, **page)]


def _position(row: q.LoggedNotice) -> int:
    return row.leaf_index << PLACE_BITS | row.ordinal


def _with_cause(
    db: Connection, row: q.LoggedNotice, subject_id: str, keys: KeyProofs
) -> ListNoticesResponse:
    """Read a notice, the statement that caused it, and the subject's key that signed that."""
    entry = db.one(q.entry_by_key, entry_key=row.entry_key)
    assert entry is not None, "an entry key in a row names an entry"
    logged = LoggedEntry(*entry)
    if not logged.digest:
        receipt = Receipt(
            leaf_index=logged.leaf_index, kind=logged.kind, log_time=timestamp_of(logged.time_us)
        )
        return ListNoticesResponse(notices=[_notice(row)], causes=[NoticeCause(receipt=receipt)])
    cause = NoticeCause(receipt=receipt_of(log.proof_of(db, logged)))
    envelope = db.one(q.envelope_of, entry_key=row.entry_key)
    assert envelope is not None, "every entry has its statement"
    statement = Envelope.FromString(envelope[0])
    if not _is_about_subject_alone(logged.kind, statement, subject_id):
        cause.digest = logged.digest
        return ListNoticesResponse(notices=[_notice(row)], causes=[cause])
    cause.statement.CopyFrom(statement)
    own = [statement.signatures[0].keyid] if subject_id_of(logged.signer) else []
    return ListNoticesResponse(
        notices=[_notice(row)], causes=[cause], keys=keys.of(subject_id, own)
    )


def _is_about_subject_alone(kind: str, statement: Envelope, subject_id: str) -> bool:
    """Return True if the subject may read a statement that caused a notice."""
    if kind == "erasure":
        return Erasure.FromString(statement.payload).subject_id == subject_id
    return kind != "submission"


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
