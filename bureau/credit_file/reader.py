"""The credit file of one subject as of a log size: what is on record, read once.

Everything comes from records below that size, so the same size gives the same
file for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from bureau.clock import date_of, day
from bureau.credit_file.accounts import held_snapshots, record_of
from bureau.credit_file.history import (
    ACTION,
    DELETION,
    PEOPLE_CHANGED,
    Account,
    TrailEntry,
    effective_snapshots,
    steps_of,
)
from bureau.ledger import log
from bureau.policy import Policy
from bureau.store import queries as q
from bureau.store.database import Connection
from creditbureau.v1 import report_pb2
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.members_pb2 import Admission, MemberChange
from creditbureau.v1.record_pb2 import FacilityAction, Record, RecordRef, TradelineSnapshot
from creditbureau.v1.report_pb2 import PaymentHistory

DAY_US = 86_400 * 1_000_000
LONGEST_MONTH = 31


class FiledAction(NamedTuple):
    """A facility action, and where it stands."""

    action: FacilityAction
    record: RecordRef


class FiledTradeline(NamedTuple):
    """A tradeline: the subject's part in it, its history, and its newest record.

    Attributes:
        snapshot: What holds for the newest month.
        record: Where `snapshot` stands.
        steps: The records of the account that name the subject, in order of the log.
        actions: What was done to the facility while the subject was on it, newest
            first.
        left: Whether the account's newest month names the subject no more.
    """

    tradeline_id: str
    member_id: str
    role: int
    history: PaymentHistory
    snapshot: TradelineSnapshot
    record: RecordRef
    steps: Callable[[], list[TrailEntry]]
    actions: list[FiledAction]
    left: bool = False


class FiledInquiry(NamedTuple):
    """A hard inquiry on the file."""

    inquiry_id: str
    member_id: str
    purpose: int
    kind: int
    outcome: int
    create_us: int
    leaf_index: int


class CreditFile(NamedTuple):
    """Everything held on one subject, as of a log size and a time.

    Attributes:
        group_of: The group of a member then; asked only where it matters, and read with
            the connection that the file was read with.
    """

    subject_id: str
    log_size: int
    now_us: int
    tradelines: list[FiledTradeline]
    inquiries: list[FiledInquiry]
    group_of: Callable[[str], str] = str


def read_file(db: Connection, subject_id: str, policy: Policy, now_us: int) -> CreditFile:
    """Reads a subject's file as it is."""
    tradelines: list[FiledTradeline] = []
    for key, name, member, history, trail, marks, index, submission, body in db.all(
        q.file_tradelines, subject_id=subject_id
    ):
        if marks >> PEOPLE_CHANGED & 1:
            tradelines += _rebuild_tradeline(db, (key, name, member), steps_of(trail), subject_id)
            continue
        snapshot = Record.FromString(body).snapshot
        line = FiledTradeline(
            name,
            member,
            role_of(subject_id, snapshot),
            PaymentHistory.FromString(history),
            snapshot,
            RecordRef(submission_id=submission, record_index=index),
            partial(steps_of, trail),
            _actions(db, steps_of(trail)) if marks >> ACTION & 1 else [],
        )
        tradelines.append(line)
    log_size = log.size_of(db)
    inquiries = _inquiries(db, subject_id, policy, log_size, now_us)
    group_of = partial(_group_now, db)
    return CreditFile(subject_id, log_size, now_us, tradelines, inquiries, group_of)


def read_file_at(
    db: Connection, subject_id: str, policy: Policy, log_size: int, now_us: int
) -> CreditFile:
    """Makes a subject's file again as it was at a log size."""
    tradelines: list[FiledTradeline] = []
    for *account, trail in db.all(q.file_trails, subject_id=subject_id):
        steps = [step for step in steps_of(trail) if _leaf(db, step.submission_key) < log_size]
        tradelines += _rebuild_tradeline(db, account, steps, subject_id)
    inquiries = _inquiries(db, subject_id, policy, log_size, now_us)
    group_of = partial(_group_at, db, log_size)
    return CreditFile(subject_id, log_size, now_us, tradelines, inquiries, group_of)


def _rebuild_tradeline(
    db: Connection, account: Sequence[Any], steps: list[TrailEntry], subject_id: str
) -> Iterator[FiledTradeline]:
    """An account made of the records that hold and name a person; nothing if none
    does. What holds for other months is about others.
    """
    key, name, member = account
    held = effective_snapshots(steps)
    if not held:
        return
    found = list(held_snapshots(db, held))
    own = [(step, snapshot) for step, snapshot in found if role_of(subject_id, snapshot)]
    if not own:
        return
    again = Account(key)
    again.rebuild(own)
    newest, snapshot = max(own, key=lambda at: at[0].month)
    _, submission = record_of(db, newest)
    yield FiledTradeline(
        name,
        member,
        role_of(subject_id, snapshot),
        PaymentHistory.FromString(again.history),
        snapshot,
        RecordRef(submission_id=submission, record_index=newest.record_index),
        partial(list, [step for step, _ in own]),
        _actions(db, list(_while_named(db, steps, subject_id))),
        left=newest.month < max(held),
    )


def _while_named(db: Connection, steps: list[TrailEntry], subject_id: str) -> Iterator[TrailEntry]:
    """The actions on an account that came while its records named a person."""
    named = False
    if not any(step.kind == ACTION for step in steps):
        return
    for step in steps:
        if step.kind < DELETION:
            named = bool(role_of(subject_id, record_of(db, step)[0].snapshot))
        elif step.kind == ACTION and named:
            yield step


def _actions(db: Connection, steps: list[TrailEntry]) -> list[FiledAction]:
    """What was done to the facility, newest first."""
    found = []
    for step in steps:
        if step.kind == ACTION:
            record, submission = record_of(db, step)
            reference = RecordRef(submission_id=submission, record_index=step.record_index)
            found.append(FiledAction(record.action, reference))
    found.sort(key=lambda at: at.action.effective_time.ToMicroseconds())
    return found[::-1]


def role_of(subject_id: str, snapshot: TradelineSnapshot) -> int:
    """A person's part in an account; 0 if a snapshot does not name them."""
    for party in snapshot.parties:
        if party.subject_id == subject_id:
            return party.role
    return 0


def _inquiries(
    db: Connection, subject_id: str, policy: Policy, log_size: int, now_us: int
) -> list[FiledInquiry]:
    """Hard inquiries for as long as the rules of the place show them."""
    rule, today = policy.retention["inquiry"], day(now_us)
    longest_us = (rule.months * LONGEST_MONTH + rule.grace_days) * DAY_US
    rows = db.all(
        q.file_inquiries,
        subject_id=subject_id,
        kind=report_pb2.INQUIRY_KIND_HARD,
        since_us=now_us - longest_us,
        log_size=log_size,
    )
    found = [FiledInquiry(*row) for row in rows]
    return [at for at in found if rule.covers(date_of(at.create_us), today)]


def _group_now(db: Connection, member_id: str) -> str:
    row = db.one(q.member_by_id, member_id=member_id)
    assert row is not None, "a furnisher is a member"
    return str(dict(zip(q.MEMBER_COLUMNS, row, strict=True))["group_id"])


def _group_at(db: Connection, log_size: int, member_id: str) -> str:
    """As the operator had last said below a log size."""
    group = ""
    for kind, body in db.all(q.groupings_of, member_id=member_id, log_size=log_size):
        payload = Envelope.FromString(body).payload
        said = Admission if kind == "admission" else MemberChange
        group = said.FromString(payload).group
    return group


def _leaf(db: Connection, entry_key: int) -> int:
    row = db.one(q.leaf_of, entry_key=entry_key)
    assert row is not None, "a submission is an entry of the log"
    return int(row[0])
