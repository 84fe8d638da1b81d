"""Read the credit file of one subject, as it is or as it was at a log size.

Every record below a log size stays as it is, so the same log size gives the same credit
file forever.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from bureau.calendar import DAY_US, date_of, day_of
from bureau.codes import CodeSet
from bureau.credit_file.delinquencies import (
    ReportedMonth,
    delinquencies_of,
    may_be_delinquent,
)
from bureau.credit_file.facility_state import furnishers_to_group
from bureau.credit_file.filed import (
    CreditFile,
    FiledAction,
    FiledInquiry,
    FiledTradeline,
    role_of,
)
from bureau.credit_file.history import (
    ACTION,
    DELETION,
    PEOPLE_CHANGED,
    Account,
    TrailEntry,
    deleted_snapshots,
    effective_in,
    effective_snapshots,
    first_step_of,
    steps_of,
)
from bureau.credit_file.membership import Membership, membership_at
from bureau.credit_file.reported_months import ReportedMonths, read_delinquencies
from bureau.credit_file.stored_records import StoredRecords
from bureau.ledger import log
from bureau.policy import Policy
from bureau.store import queries as q
from bureau.store.database import Connection
from creditbureau.v1 import report_pb2
from creditbureau.v1.record_pb2 import Record, RecordRef
from creditbureau.v1.report_pb2 import PaymentHistory

# The rows of the tradelines of each subject.
TradelineRows = Mapping[str, Sequence[q.TradelineAndRecord]]

# Accounts with actions or with other people than before are made of more than their newest month.
INTRICATE = CodeSet.of([ACTION, PEOPLE_CHANGED])
LONGEST_MONTH = 31
# Hard inquiries of a credit file, the newest.
MAX_INQUIRIES = 1000


def read_file(db: Connection, subject_id: str, policy: Policy, now_us: int) -> CreditFile:
    """Read a subject's credit file as it is."""
    return read_files(db, tradeline_rows(db, [subject_id]), policy, now_us)[subject_id]


def tradeline_rows(db: Connection, subject_ids: Iterable[str]) -> TradelineRows:
    """Read the rows of the tradelines of each subject."""
    rows: dict[str, list[q.TradelineAndRecord]] = {name: [] for name in sorted(subject_ids)}
    for row in db.all_in(q.file_tradelines, list(rows)):
        rows[row.subject_id].append(row)
    return rows


def read_files(
    db: Connection, rows: TradelineRows, policy: Policy, now_us: int
) -> dict[str, CreditFile]:
    """Read the credit files of subjects as they are, by subject id."""
    if not rows:
        return {}
    log_size = log.size_of(db)
    lines = tradelines_of(db, [row for own in rows.values() for row in own])
    files, end = {}, 0
    for subject_id, own in rows.items():
        start, end = end, end + len(own)
        tradelines = [line for line in lines[start:end] if line]
        inquiries = _inquiries(db, subject_id, policy, log_size, now_us)
        groups = read_groups(db, furnishers_to_group(tradelines))
        files[subject_id] = CreditFile(subject_id, log_size, now_us, tradelines, inquiries, groups)
    return files


def tradelines_of(
    db: Connection, rows: Iterable[q.TradelineAndRecord]
) -> list[FiledTradeline | None]:
    """Return the tradeline of each row, as it is on its subject's file.

    None for an account of which no month is about the subject any more.
    """
    rows = list(rows)
    records = StoredRecords(db)
    records.read(step for row in rows if row.marks & INTRICATE for step in _steps_to_read(row))
    lines: list[FiledTradeline | None] = []
    late: dict[int, ReportedMonths] = {}
    for row in rows:
        subject_id = row.subject_id
        marks = CodeSet(row.marks)
        if PEOPLE_CHANGED in marks:
            member = Membership(row.state, CodeSet(row.roles))
            steps = steps_of(row.trail)
            lines.append(next(_rebuild_tradeline(records, row, steps, subject_id, member), None))
            continue
        newest = Record.FromString(row.body)
        snapshot = newest.snapshot
        history = PaymentHistory.FromString(row.history)
        if may_be_delinquent(history, snapshot.status, partial(effective_in, row.trail)):
            late[len(lines)] = ReportedMonths(db, history, row.trail)
        lines.append(
            FiledTradeline(
                row.tradeline_id,
                row.member_id,
                role_of(subject_id, snapshot),
                history,
                snapshot,
                RecordRef(submission_id=row.submission_id, record_index=row.newest_record_index),
                partial(steps_of, row.trail),
                _actions(records, steps_of(row.trail)) if ACTION in marks else [],
                account_ref=newest.account_ref,
                may_furnish=Membership(row.state, CodeSet(row.roles)).may_furnish,
                opened_key=first_step_of(row.trail).submission_key,
            )
        )
    for index, delinquencies in zip(late, read_delinquencies(list(late.values())), strict=True):
        line = lines[index]
        lines[index] = line and line._replace(delinquencies=delinquencies)
    return lines


def _steps_to_read(row: q.TradelineAndRecord) -> Iterable[TrailEntry]:
    """Return the steps whose records an intricate tradeline is made of, its delinquencies apart."""
    marks, steps = CodeSet(row.marks), steps_of(row.trail)
    if PEOPLE_CHANGED not in marks:
        return [step for step in steps if step.kind == ACTION]
    if ACTION in marks:
        return [step for step in steps if step.kind != DELETION]
    return [*effective_snapshots(steps).values(), *deleted_snapshots(steps).values()]


def read_file_at(
    db: Connection, subject_id: str, policy: Policy, log_size: int, now_us: int
) -> CreditFile:
    """Rebuild a subject's credit file as it was at a log size."""
    accounts = [
        (account, steps_of(account.trail))
        for account in db.all(q.file_trails, subject_id=subject_id)
    ]
    logged = _logged_below(db, log_size, (steps for _, steps in accounts))
    furnishers = sorted({account.member_id for account, _ in accounts})
    members = {name: membership_at(db, log_size, name) for name in furnishers}
    records = StoredRecords(db)
    tradelines: list[FiledTradeline] = []
    for account, trail in accounts:
        steps = [step for step in trail if step.submission_key in logged]
        member = members[account.member_id]
        tradelines += _rebuild_tradeline(records, account, steps, subject_id, member)
    inquiries = _inquiries(db, subject_id, policy, log_size, now_us)
    groups = {name: members[name].group for name in furnishers_to_group(tradelines)}
    return CreditFile(subject_id, log_size, now_us, tradelines, inquiries, groups)


def _rebuild_tradeline(
    records: StoredRecords,
    account: q.TradelineAndRecord | q.TradelineTrail,
    steps: list[TrailEntry],
    subject_id: str,
    member: Membership,
) -> Iterator[FiledTradeline]:
    """Rebuild an account from the effective snapshots that name a subject.

    An account without one is left out: its other months are about other subjects.
    """
    effective = effective_snapshots(steps)
    if not effective:
        return
    own = [
        (step, record.snapshot)
        for step, record, _ in records.of(effective.values())
        if role_of(subject_id, record.snapshot)
    ]
    if not own:
        return
    again = Account(account.tradeline_key)
    again.rebuild(own)
    newest, snapshot = max(own, key=lambda pair: pair[0].month)
    ((_, record, submission),) = records.of([newest])
    history = PaymentHistory.FromString(again.history)
    months = [
        *(ReportedMonth.of(snapshot) for _, snapshot in own),
        *_deleted_months(records, steps, subject_id),
    ]
    late = may_be_delinquent(history, snapshot.status, lambda: [step.month for step, _ in own])
    yield FiledTradeline(
        account.tradeline_id,
        account.member_id,
        role_of(subject_id, snapshot),
        history,
        snapshot,
        RecordRef(submission_id=submission, record_index=newest.record_index),
        partial(list, [step for step, _ in own]),
        _actions(records, list(actions_while_named(records, steps, subject_id))),
        left=newest.month < max(effective),
        delinquencies=delinquencies_of(months) if late else (),
        account_ref=record.account_ref,
        may_furnish=member.may_furnish,
        opened_key=steps[0].submission_key,
    )


def _deleted_months(
    records: StoredRecords, steps: list[TrailEntry], subject_id: str
) -> Iterator[ReportedMonth]:
    """Read the deleted months of an account that name a subject."""
    for _, record, _ in records.of(deleted_snapshots(steps).values()):
        if role_of(subject_id, record.snapshot):
            yield ReportedMonth.of(record.snapshot, is_deleted=True)


def actions_while_named(
    records: StoredRecords, steps: list[TrailEntry], subject_id: str
) -> Iterator[TrailEntry]:
    """Yield the actions that were furnished while the account's snapshots named a subject."""
    named = False
    if not any(step.kind == ACTION for step in steps):
        return
    snapshots = [step for step in steps if step.kind < DELETION]
    naming = {
        step for step, record, _ in records.of(snapshots) if role_of(subject_id, record.snapshot)
    }
    for step in steps:
        if step.kind < DELETION:
            named = step in naming
        elif step.kind == ACTION and named:
            yield step


def _actions(records: StoredRecords, steps: list[TrailEntry]) -> list[FiledAction]:
    """Read the actions of a trail, newest first."""
    actions = []
    for step, record, submission in records.of([s for s in steps if s.kind == ACTION]):
        reference = RecordRef(submission_id=submission, record_index=step.record_index)
        actions.append(FiledAction(record.action, reference, record.account_ref))
    actions.sort(key=lambda filed: filed.action.effective_time.ToMicroseconds())
    return actions[::-1]


def _inquiries(
    db: Connection, subject_id: str, policy: Policy, log_size: int, now_us: int
) -> list[FiledInquiry]:
    """Read the hard inquiries that the policy's retention still covers."""
    rule, today = policy.retention["inquiry"], day_of(now_us)
    longest_us = (rule.months * LONGEST_MONTH + rule.grace_days) * DAY_US
    rows = db.all(
        q.file_inquiries,
        subject_id=subject_id,
        kind=report_pb2.INQUIRY_KIND_HARD,
        since_us=now_us - longest_us,
        log_size=log_size,
        limit=MAX_INQUIRIES,
    )
    inquiries = [FiledInquiry(*row) for row in rows]
    return [inquiry for inquiry in inquiries if rule.covers(date_of(inquiry.create_us), today)]


def read_groups(db: Connection, members: list[str]) -> dict[str, str]:
    """Read the present groups of members."""
    rows = db.all_in(q.groups_of_members, members)
    return {row.member_id: row.group_id for row in rows}


def _logged_below(db: Connection, log_size: int, trails: Iterable[list[TrailEntry]]) -> set[int]:
    """Return the keys of the trails' submissions whose leaf is below a log size."""
    keys = sorted({step.submission_key for trail in trails for step in trail})
    rows = db.all_in(q.leaves_of, keys)
    return {row.entry_key for row in rows if row.leaf_index < log_size}
