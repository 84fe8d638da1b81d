"""Read what a batch changes in the credit files of some people, as reports would show them.

Of a file only the accounts differ that the batch is about, so only these are read, before it and
after it. The other accounts are read where they matter: where a sale is on file, which links two
lines, and where a line is lent on as it was not before, as it may diverge from the others. Whether
there is a sale, the lenders' actions tell, which are read of all accounts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import chain, islice
from typing import NamedTuple

from bureau.codes import CodeSet
from bureau.credit_file.accounts import AccountBatch
from bureau.credit_file.facility_state import (
    furnishers_to_group,
    is_commented_frozen,
    is_frozen,
    is_lent_on,
    may_be_drawn_on,
)
from bureau.credit_file.filed import CreditFile, FiledTradeline
from bureau.credit_file.history import ACTION, people_of, steps_of
from bureau.credit_file.own_entries import withdrawing_disputes
from bureau.credit_file.reader import read_groups, tradelines_of
from bureau.credit_file.reciprocity import is_in_default
from bureau.credit_file.report import reportable
from bureau.credit_file.report_versions import current_rules
from bureau.credit_file.routine_months import AccountMonth, is_routine
from bureau.credit_file.sales import TRANSFER
from bureau.credit_file.stored_records import records_of
from bureau.credit_file.subject_state import SubjectState
from bureau.policy import Policy
from bureau.store import queries as q
from bureau.store.database import Connection
from creditbureau.v1.record_pb2 import Record

ACTION_MASK = CodeSet.of([ACTION])
# People whose whole files are in memory at once; the accounts of the batch are, of all people.
PEOPLE_AT_ONCE = 256

# The rows of a subject's accounts by tradeline key.
Rows = dict[int, q.TradelineAndRecord]


class FileChange(NamedTuple):
    """A subject's credit file before and after a batch.

    Attributes:
        is_whole: False if both have the accounts of the batch alone: the other ones make no
            difference.
    """

    subject_id: str
    before: CreditFile
    after: CreditFile
    is_whole: bool


class AccountsBefore(NamedTuple):
    """The accounts of a batch on the files of some people, as they were before it.

    Attributes:
        accounts: The keys of the accounts on the file of each of the people.
        rows: The accounts by key.
    """

    booking: AccountBatch
    accounts: dict[str, list[int]]
    rows: Rows

    def rows_of(self, subject_id: str) -> Rows:
        """Return the rows of a subject."""
        return _rows_of(self.rows, subject_id, self.accounts[subject_id])


def read_before(db: Connection, booking: AccountBatch, people: Iterable[str]) -> AccountsBefore:
    """Read the accounts of a batch on the files of some people, before it is applied."""
    accounts = _accounts_on(booking, set(people))
    return AccountsBefore(
        booking, accounts, _read_accounts(db, chain.from_iterable(accounts.values()))
    )


def read_changes(
    db: Connection, before: AccountsBefore, policy: Policy, now_us: int
) -> Iterator[FileChange]:
    """Yield the changes of files, in order of subject ids, after the batch is applied.

    Those in which nothing is worth an alert may be left out.
    """
    accounts = iter(sorted(_accounts_on(before.booking, before.accounts.keys()).items()))
    routine = _routine_accounts(before, policy, now_us)
    while own := dict(islice(accounts, PEOPLE_AT_ONCE)):
        # 1. Where a sale is on file, the whole file.
        files = _files_with_sales(db, own)
        # 2. Of everybody else the accounts of the batch, but for those who have routine ones alone.
        compared = {
            name: keys
            for name, keys in own.items()
            if name not in files and not routine.issuperset(keys)
        }
        shaper = _Shaper(db, [*files, *compared], policy, now_us)
        now = _read_accounts(db, chain.from_iterable(compared.values()))
        changes = shaper.compare(
            {
                name: (before.rows_of(name), _rows_of(now, name, keys))
                for name, keys in compared.items()
            }
        )
        # 3. The lines beside them too, where one may diverge that did not before.
        diverging = [name for name, change in changes.items() if _may_diverge(change)]
        files |= _lines_that_may_diverge(_read_files(db, diverging), own)
        sides = {
            name: (_other_accounts(rows, own[name]) | before.rows_of(name), rows)
            for name, rows in files.items()
        }
        changes |= shaper.compare(sides, is_whole=True)
        yield from (changes[name] for name in own if name in changes)


def read_shown(db: Connection, subject_id: str, policy: Policy, now_us: int) -> CreditFile:
    """Read the accounts of a credit file as reports show them."""
    rows = _read_files(db, [subject_id])[subject_id]
    return _Shaper(db, [subject_id], policy, now_us).shape(subject_id, rows)


class _Shaper:
    """Shapes the files of some people as reports would show them, each account once."""

    def __init__(self, db: Connection, people: list[str], policy: Policy, now_us: int) -> None:
        self._db = db
        self._rules = current_rules(policy)
        self._now_us = now_us
        self._lines: dict[q.TradelineAndRecord, FiledTradeline | None] = {}
        self._states: defaultdict[str, SubjectState] = defaultdict(SubjectState)
        for dispute in withdrawing_disputes(db, people, policy, now_us):
            self._states[dispute.subject_id].disputes[dispute.dispute_id] = dispute

    def compare(
        self, rows: Mapping[str, tuple[Rows, Rows]], *, is_whole: bool = False
    ) -> dict[str, FileChange]:
        """Return the change of each file, by its rows before and after a batch."""
        self._read(row for pair in rows.values() for side in pair for row in side.values())
        groups: dict[str, str] = {}
        if is_whole:
            files = [list(self._lines_of(side)) for pair in rows.values() for side in pair]
            members = {member for lines in files for member in furnishers_to_group(lines)}
            groups = read_groups(self._db, sorted(members))
        return {
            name: FileChange(
                name, self._file(name, past, groups), self._file(name, present, groups), is_whole
            )
            for name, (past, present) in rows.items()
        }

    def shape(self, subject_id: str, rows: Rows) -> CreditFile:
        """Return a file that has some accounts."""
        self._read(rows.values())
        return self._file(subject_id, rows, {})

    def _read(self, rows: Iterable[q.TradelineAndRecord]) -> None:
        unread = [row for row in dict.fromkeys(rows) if row not in self._lines]
        self._lines |= zip(unread, tradelines_of(self._db, unread), strict=True)

    def _lines_of(self, rows: Rows) -> Iterator[FiledTradeline]:
        lines = (self._lines[rows[key]] for key in sorted(rows))
        return (line for line in lines if line)

    def _file(self, subject_id: str, rows: Rows, groups: Mapping[str, str]) -> CreditFile:
        lines = list(self._lines_of(rows))
        file = CreditFile(subject_id, 0, self._now_us, lines, [], groups)
        return reportable(file, self._states[subject_id], self._rules)


def _accounts_on(booking: AccountBatch, people: AbstractSet[str]) -> dict[str, list[int]]:
    """Return the keys of the accounts of a batch that are on the file of each of these people."""
    accounts: dict[str, list[int]] = {subject_id: [] for subject_id in people}
    if not accounts:
        return accounts  # most batches are about people without a monitor
    for account in booking.accounts.values():
        for subject_id in people & set(people_of(account.people)):
            accounts[subject_id].append(account.tradeline_key)
    return accounts


def _routine_accounts(before: AccountsBefore, policy: Policy, now_us: int) -> set[int]:
    """Return the keys of the accounts whose change is worth no alert, but for a sale."""
    routine, lines = set(), before.booking.lines  # a record's index is its place
    for account in before.booking.accounts.values():
        row = before.rows.get(account.tradeline_key)
        if row is None:
            continue
        added = steps_of(account.trail[len(row.trail) :])
        if len(added) == 1 and added[0][:2] == account.newest:
            past = Record.FromString(row.body).snapshot
            present = lines[added[0].record_index].snapshot
            if is_routine(
                AccountMonth(row.marks, row.history, past),
                AccountMonth(account.marks, account.history, present),
                policy,
                now_us,
            ):
                routine.add(account.tradeline_key)
    return routine


def _read_accounts(db: Connection, keys: Iterable[int]) -> Rows:
    """Read accounts, each with the record that holds for its newest month, by key."""
    rows = db.all_in(q.accounts_and_records, sorted(set(keys)))
    return {row.tradeline_key: row for row in rows}


def _rows_of(accounts: Rows, subject_id: str, keys: Iterable[int]) -> Rows:
    """Return some accounts as rows of a subject, without those of which all is deleted."""
    return {key: accounts[key]._replace(subject_id=subject_id) for key in keys if key in accounts}


def _read_files(db: Connection, people: Iterable[str]) -> dict[str, Rows]:
    """Read the rows of all accounts of some people."""
    rows: dict[str, Rows] = {subject_id: {} for subject_id in sorted(people)}
    for row in db.all_in(q.file_tradelines, list(rows)):
        rows[row.subject_id][row.tradeline_key] = row
    return rows


def _files_with_sales(db: Connection, people: Iterable[str]) -> dict[str, Rows]:
    """Read the files on which a TRANSFER is, also one that was taken back, or one of an account
    of which the batch deletes all: it was on file before.
    """
    trails = db.all_in(q.trails_with_marks, list(people), mask=ACTION_MASK)
    actions = [
        (subject_id, step)
        for subject_id, trail in trails
        for step in steps_of(trail)
        if step.kind == ACTION
    ]
    records = records_of(db, [step for _, step in actions])
    return _read_files(
        db,
        {
            subject_id
            for (subject_id, _), (_, record, _) in zip(actions, records, strict=True)
            if record.action.kind == TRANSFER
        },
    )


def _other_accounts(rows: Rows, keys: Iterable[int]) -> Rows:
    """Return the rows of the other accounts."""
    return {key: rows[key] for key in rows.keys() - keys}


def _may_diverge(change: FileChange) -> bool:
    """Return True if a line is lent on, and was not so before in what divergence depends on."""
    return not _lent_on(change.after).items() <= _lent_on(change.before).items()


def _lent_on(file: CreditFile) -> dict[str, tuple[bool, int, bool]]:
    """Return of each line that is lent on what tells who sees it, and whether it diverges."""
    return {
        line.tradeline_id: (is_frozen(line), line.snapshot.portfolio_type, is_in_default(line))
        for line in file.tradelines
        if is_lent_on(line)
    }


def _lines_that_may_diverge(
    files: Mapping[str, Rows], own: Mapping[str, list[int]]
) -> dict[str, Rows]:
    """Return the accounts of the batch and the lines beside them that may be drawn on, of the
    files on which one of these may be frozen.
    """
    diverging = {}
    for subject_id, rows in files.items():
        newest = {key: Record.FromString(row.body).snapshot for key, row in rows.items()}
        lines = {key: row for key, row in rows.items() if may_be_drawn_on(newest[key])}
        if any(
            ACTION in CodeSet(row.marks) or is_commented_frozen(newest[key])
            for key, row in lines.items()
        ):
            accounts = {key: rows[key] for key in own[subject_id] if key in rows}
            diverging[subject_id] = lines | accounts
    return diverging
