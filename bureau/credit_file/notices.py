"""Notices: the bureau's messages to subjects about their credit file, and what caused each.

What a submission, an answer, a decision, a change of keys or an erasure gives is stored with its
entry (`notice`): a submission concerns too many people to be in their chains of events, and the
rest was told before there were chains. Every other notice of a deed is an event of the subject's
chain, and a notice that comes by the clock follows from the rows of consents, requests, disputes
and complaints.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from bureau import paging
from bureau.calendar import timestamp_of
from bureau.credit_file.accounts import PendingNotice
from bureau.credit_file.consent_proof import KeyProofs
from bureau.credit_file.disclosed import disclosed
from bureau.credit_file.due_notices import due_parameters
from bureau.credit_file.history import ACTION, steps_of
from bureau.credit_file.line_changes import OF_LINES, notice_of_action
from bureau.credit_file.line_limits import LIMIT_CHANGE
from bureau.credit_file.stored_records import record_of
from bureau.credit_file.told_events import ToldEvent, told_after, told_before
from bureau.ledger import log
from bureau.ledger.entry_keys import KEY_SLACK
from bureau.ledger.log import LoggedEntry
from bureau.ledger.node_checks import MAX_SKEW_US
from bureau.ledger.units import Transaction
from bureau.policy import Policy
from bureau.signed_statement import receipt_of
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau.texts import texts
from bureau_keys.envelope import peek
from bureau_keys.notice_checks import OVERDUE, about_of
from bureau_keys.signer_name import subject_id_of
from creditbureau.v1.dispute_pb2 import DisputeOpening
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.notice_pb2 import (
    NOTICE_KIND_DISPUTE_OVERDUE,
    NOTICE_KIND_LIMIT_CHANGED,
    Notice,
    NoticeAction,
    NoticeCause,
    NoticeKind,
)
from creditbureau.v1.record_pb2 import RecordRef
from creditbureau.v1.subjects_pb2 import ListNoticesResponse

# Microseconds after which no node commits an entry of before a time any more: the clocks of two
# nodes may differ by twice the skew, and a commit takes less than one more.
SETTLED_AFTER_US = 3 * MAX_SKEW_US


class Position(NamedTuple):
    """A position among the notices to a subject: one among those of entries, and one among those
    that come by the clock. Each is a sequence that grows at its end alone (ADR 0026).

    Attributes:
        leaf_index: Leaf of the last notice of an entry.
        ordinal: Its number among the notices of that leaf.
        due_us: Time of the last notice that came by the clock.
        due_kind: Its NoticeKind.
        due_id: What it is about: a consent, a request, a dispute or a complaint.
    """

    leaf_index: int = -1
    ordinal: int = 0
    due_us: int = 0
    due_kind: int = 0
    due_id: str = ""

    @classmethod
    def parse(cls, cursor: str) -> Position:
        """Parse a cursor, which the contract's rule has checked."""
        size, ordinal, due_us, due_kind, due_id = cursor.split(".")
        return cls(int(size) - 1, int(ordinal), int(due_us), int(due_kind), due_id)

    def passing(self, notice: DatedNotice) -> Position:
        """Return the position after, or in a list before, one more notice."""
        if notice.is_due:
            return self._replace(
                due_us=notice.time_us, due_kind=notice.kind, due_id=notice.about_id
            )
        return self._replace(leaf_index=notice.leaf_index, ordinal=notice.ordinal)

    def __str__(self) -> str:
        return f"{self.leaf_index + 1}." + ".".join(map(str, self[1:]))


# Beyond every leaf and every time, with the digits of a page token: a list begins there.
_BEYOND = 10**17
NEWEST = Position(_BEYOND, 0, _BEYOND, 0, "")


class DatedNotice(NamedTuple):
    """A notice, not yet in words; notices sort by time, those by the clock before others.

    Attributes:
        leaf_index: Leaf of the entry that caused it; -1 for one that comes by the clock.
        ordinal: Its number among the notices of the leaf.
        kind: A NoticeKind.
        about_id: What a notice by the clock is about, or the inquiry; otherwise empty, and read
            from its cause.
        entry_key: The entry that caused it, or that of what it is about.
        member_id: As a Notice has it.
        tradeline_id: As a Notice has it.
        key_id: As a Notice has it.
        start_us: The time from which that key is in force; 0 without a key.
        end_us: The end of the consent or of the request; 0 for none.
    """

    time_us: int
    leaf_index: int
    ordinal: int
    kind: int
    about_id: str
    entry_key: int
    member_id: str
    tradeline_id: str = ""
    key_id: str = ""
    start_us: int = 0
    end_us: int = 0

    @classmethod
    def stored(cls, row: q.LoggedNotice) -> DatedNotice:
        """Return a notice that has a row."""
        return cls(
            row.time_us,
            row.leaf_index,
            row.ordinal,
            row.kind,
            "",
            row.entry_key,
            row.member_id,
            row.tradeline_id,
            row.key_id,
            row.start_us,
        )

    @classmethod
    def of_event(cls, event: ToldEvent) -> DatedNotice:
        """Return a notice of an event."""
        return cls(
            event.time_us,
            event.leaf_index,
            event.ordinal,
            event.kind,
            event.about_id,
            event.entry_key,
            event.member_id,
            end_us=event.end_us,
        )

    @classmethod
    def due(cls, row: q.DueNotice) -> DatedNotice:
        """Return a notice that comes by the clock."""
        return cls(
            row.due_us,
            -1,
            0,
            row.kind,
            row.about_id,
            row.entry_key,
            row.member_id,
            end_us=row.end_us,
        )

    @property
    def is_due(self) -> bool:
        """True for a notice that comes by the clock."""
        return self.leaf_index < 0

    @property
    def notice_id(self) -> str:
        """The id of the notice."""
        number = self.kind if self.is_due else self.ordinal
        return notice_id_of(self.leaf_index, number, self.time_us, self.about_id)


def notice_id_of(leaf_index: int, number: int, due_us: int, about_id: str) -> str:
    """Return the id of a notice.

    Args:
        leaf_index: Leaf of the entry that caused it; -1 for one that comes by the clock.
        number: Its number among the notices of the leaf; its NoticeKind if it comes by the clock.
        due_us: Its time, if it comes by the clock.
        about_id: What it is about, if it comes by the clock.
    """
    return f"{leaf_index}-{number}" if leaf_index >= 0 else f"due-{due_us}-{number}-{about_id}"


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
        rows.sort()  # in the order of the key, in which pages fill one after the other
        tx.db.execute_many_tuples(q.add_notice, q.NOTICE_COLUMNS, rows)


def read_after(
    db: Connection,
    subject_id: str,
    policy: Policy,
    position: Position,
    settled_us: int,
    limit: int,
    *,
    looks: bool,
) -> list[DatedNotice]:
    """Read the next notices to a subject after a position, in the order of their times; fewer than
    `limit` if there are no more.

    Args:
        looks: False to read what comes by the clock only if there is a notice of an entry, which
            must not overtake it.
    """
    leaf_index, ordinal = position.leaf_index, position.ordinal
    row = db.one(q.key_at, leaf_index=leaf_index) if leaf_index >= 0 else None
    stored = db.all(
        q.notices_after,
        subject_id=subject_id,
        floor=row[0] - KEY_SLACK if row else 0,
        leaf_index=leaf_index,
        ordinal=ordinal,
        limit=limit,
    )
    events = told_after(db, subject_id, leaf_index, ordinal, limit)
    due = []
    if looks or stored or events:
        due = db.all(
            q.due_notices_after,
            subject_id=subject_id,
            settled_us=settled_us,
            limit=limit,
            **due_parameters(position, policy),
        )
    pages = (
        [DatedNotice.stored(row) for row in stored],
        [DatedNotice.of_event(each) for each in events],
        [DatedNotice.due(row) for row in due],
    )
    # After a full page more may follow, which the others must not overtake.
    ends = [page[-1] for page in pages if len(page) >= limit]
    notices = sorted(notice for page in pages for notice in page)
    return [notice for notice in notices if not ends or notice <= min(ends)]


def read_before(
    db: Connection,
    subject_id: str,
    policy: Policy,
    position: Position,
    settled_us: int,
    limit: int,
) -> list[DatedNotice]:
    """Read the newest notices to a subject before a position, newest first."""
    stored = db.all(
        q.notices_before,
        subject_id=subject_id,
        leaf_index=position.leaf_index,
        ordinal=position.ordinal,
        limit=limit,
    )
    events = told_before(db, subject_id, position.leaf_index, position.ordinal, limit)
    due = db.all(
        q.due_notices_before,
        subject_id=subject_id,
        settled_us=settled_us,
        limit=limit,
        **due_parameters(position, policy),
    )
    notices = [
        *map(DatedNotice.stored, stored),
        *map(DatedNotice.of_event, events),
        *map(DatedNotice.due, due),
    ]
    return sorted(notices, reverse=True)[:limit]


def settled_at(db: Connection, now_us: int) -> int:
    """Return the time before which no entry is committed any more: what was due by then came.

    Entries that are committed later have this time or a later one, and come after it.
    """
    newest_us, _ = db.one(q.times) or (0, None)
    return max(newest_us, now_us - SETTLED_AFTER_US)


def page(
    db: Connection,
    subject_id: str,
    policy: Policy,
    now_us: int,
    page_size: int,
    page_token: str,
) -> tuple[list[ListNoticesResponse], str]:
    """Read a page of the notices to a subject, newest first, and the next page's token.

    Returns:
        One part of the reply for each notice, with its cause and the subject's keys that no
        part before has.

    Raises:
        Refusal: BAD_PAGE_TOKEN.
    """
    limit = page_size or paging.DEFAULT_SIZE
    position = _position_in(page_token)
    settled_us = settled_at(db, now_us)
    shown: list[tuple[Position, DatedNotice]] = []
    token = ""
    for notice in read_before(db, subject_id, policy, position, settled_us, limit + 1):
        if len(shown) == limit:
            token = str(shown[-1][0])
            break
        position = position.passing(notice)
        shown.append((position, notice))
    keys = KeyProofs(db)
    parts = ((after, with_cause(db, notice, subject_id, keys)) for after, notice in shown)
    return paging.fit(parts, token, str)


def newest(db: Connection, subject_id: str, limit: int) -> list[Notice]:
    """Read the newest stored notices to a subject, for their credit file: it has the inquiries,
    consents and holds themselves.
    """
    page = {"leaf_index": paging.NEWEST, "ordinal": 0, "limit": limit}
    rows = db.all(q.notices_before, subject_id=subject_id, **page)
    return [in_words(DatedNotice.stored(row)) for row in rows]


def with_cause(
    db: Connection, dated: DatedNotice, subject_id: str, keys: KeyProofs
) -> ListNoticesResponse:
    """Read a notice, the statement that caused it, and the subject's key that signed that."""
    notice = in_words(dated)
    entry = db.one(q.entry_by_key, entry_key=dated.entry_key)
    assert entry is not None, "an entry key in a row names an entry"
    logged = LoggedEntry(*entry)
    if not logged.digest:
        receipt = Receipt(
            leaf_index=logged.leaf_index, kind=logged.kind, log_time=timestamp_of(logged.time_us)
        )
        return ListNoticesResponse(notices=[notice], causes=[NoticeCause(receipt=receipt)])
    if logged.kind == "submission":
        if dated.kind in OF_LINES and (action := _action_of(db, dated)):
            notice.action.CopyFrom(action)
        proof = receipt_of(log.proof_of(db, logged))
        cause = NoticeCause(digest=logged.digest, receipt=proof)
        return ListNoticesResponse(notices=[notice], causes=[cause])
    statement = disclosed(db, dated.entry_key, subject_id)
    cause = NoticeCause(digest=statement.digest, receipt=statement.receipt)
    own: list[str] = []
    if statement.HasField("envelope"):
        cause.statement.CopyFrom(statement.envelope)
        notice.about_id = notice.about_id or about_of(statement.envelope)
        if dated.kind == NOTICE_KIND_DISPUTE_OVERDUE:
            notice.tradeline_id = peek(statement.envelope, DisputeOpening).tradeline_id
        if subject_id_of(logged.signer):
            own = [statement.envelope.signatures[0].keyid]
    return ListNoticesResponse(notices=[notice], causes=[cause], keys=keys.of(subject_id, own))


def in_words(dated: DatedNotice) -> Notice:
    """Return a notice with its texts, without what only its cause says."""
    notice = Notice(
        notice_id=dated.notice_id,
        kind=dated.kind,  # type: ignore[arg-type]
        member_id=dated.member_id,
        tradeline_id=dated.tradeline_id,
        create_time=timestamp_of(dated.time_us),
        texts=texts("notice", NoticeKind.Name(dated.kind).removeprefix("NOTICE_KIND_")),  # type: ignore[arg-type]
        key_id=dated.key_id,
        about_id=dated.about_id,
    )
    if dated.key_id:
        notice.effect_time.CopyFrom(timestamp_of(dated.start_us))
    if dated.end_us:
        notice.act_by_time.CopyFrom(timestamp_of(dated.end_us))
    if dated.kind in OVERDUE:
        notice.due_time.CopyFrom(notice.create_time)
    return notice


def _action_of(db: Connection, dated: DatedNotice) -> NoticeAction | None:
    """Read the action that a notice is about, the last of its kind in the submission; None if a
    snapshot alone shows what was done, and if the account or the record was erased.
    """
    row = db.one(q.trail_of, tradeline_id=dated.tradeline_id)
    steps = steps_of(row[0]) if row else []
    of_limit = None
    for index in reversed(range(len(steps))):
        step = steps[index]
        if step.submission_key != dated.entry_key or step.kind != ACTION:
            continue
        record, submission_id = record_of(db, step)
        ref = RecordRef(submission_id=submission_id, record_index=step.record_index)
        action = NoticeAction(ref=ref, record=record.SerializeToString(deterministic=True))
        if notice_of_action(db, steps, index, record.action) == dated.kind:
            return action
        if record.action.kind == LIMIT_CHANGE:
            of_limit = of_limit or action
    # The policies of before had one kind for every new limit.
    return of_limit if dated.kind == NOTICE_KIND_LIMIT_CHANGED else None


def _position_in(page_token: str) -> Position:
    """Parse a page token, a position of a list.

    Raises:
        Refusal: BAD_PAGE_TOKEN.
    """
    if not page_token:
        return NEWEST
    *numbers, due_id = page_token.split(".")
    if len(numbers) != len(Position._fields) - 1:
        raise paging.bad_token()
    size, ordinal, due_us, due_kind = (
        paging.number_in(number or "x", otherwise=0) for number in numbers
    )
    paging.time_and_id_in(f"0.{due_id}")
    return Position(size - 1, ordinal, due_us, due_kind, due_id)
