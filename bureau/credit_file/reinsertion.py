"""Require a certification for what was deleted and comes back under another number.

15 U.S.C. 1681i(a)(5)(B), (C): what a dispute deleted returns only certified, and the person is
notified. `Account.needs_certification` is about one account; here an account of another number is
the same one if it is of the same person and

- of the same member, opening date, type and original creditor, or
- of the buyer that a TRANSFER of the deleted account names: under the number that it names, or
  of the same opening date, type and original creditor.

While a dispute blocks the deleted account for identity theft, no certification brings it back: the
answer to the dispute ends the block, for every number (15 U.S.C. 1681s-2(a)(6), 1681c-2(c)).

A member learns of its own accounts only, and of debts that their furnisher sold to it: no other
account is compared with what it submits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from bureau import field_rules
from bureau.credit_file.accounts import (
    AccountBatch,
    Breach,
    PendingNotice,
    account_of,
)
from bureau.credit_file.batch_records import BatchRecord
from bureau.credit_file.history import (
    ACTION,
    DELETION,
    DELETION_MASK,
    Account,
    TrailEntry,
    effective_snapshots,
    people_of,
    steps_of,
)
from bureau.credit_file.known_people import KnownPeople
from bureau.credit_file.own_entries import withdrawing_disputes
from bureau.credit_file.sales import TRANSFER
from bureau.credit_file.stored_records import records_of
from bureau.credit_file.subject_state import is_blocking
from bureau.ledger.units import Transaction
from bureau.policy import Policy
from bureau.store import queries as q
from bureau.store.database import Connection
from creditbureau.v1.notice_pb2 import NOTICE_KIND_REINSERTION
from creditbureau.v1.record_pb2 import Record, TradelineSnapshot

MESSAGE = "the same account was deleted under another number: certify the record to restore it"
BLOCKED = (
    "the same account is blocked for identity theft under another number: its furnisher must answer"
    " the dispute first"
)


class Origin(NamedTuple):
    """Mark an account by its beginning.

    Attributes:
        open_date: yyyymmdd.
        account_type: Code of the account's type.
        creditor: The letters of the original creditor's name; ANY for every creditor.
    """

    open_date: int
    account_type: str
    creditor: str


class Number(NamedTuple):
    """Mark an account by the number that a TRANSFER gives it, at the buyer."""

    account_ref: str


# Accounts of one person with an equal mark are the same one.
Mark = Origin | Number
ANY = "*"


@dataclass(slots=True)
class Deleted:
    """The accounts with one mark of which something is deleted, by tradeline key.

    Attributes:
        whole: Those that are deleted as a whole, or that a dispute withdrew: one that was not
            answered, or that blocks it for identity theft.
        blocked: Those of them that a dispute blocks for identity theft.
        months: Those of which a month is deleted, by month.
    """

    whole: set[int] = field(default_factory=set)
    blocked: set[int] = field(default_factory=set)
    months: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))


class DeletedAccount(NamedTuple):
    """An account of which something is deleted, or that a dispute withdrew or blocks."""

    subject_id: str
    member_id: str
    account: Account
    withdrawn: bool = False
    blocked: bool = False


class DeletedMarks:
    """Find what is deleted of the persons of a batch, by person and mark.

    A batch may have thousands of records on a person with thousands of accounts: each record
    looks its marks up, and is compared with no account.
    """

    def __init__(self, db: Connection, member_id: str) -> None:
        self._db = db
        self._member_id = member_id
        self._by_mark: defaultdict[tuple[str, Mark], Deleted] = defaultdict(Deleted)

    def add(self, accounts: Collection[DeletedAccount]) -> None:
        """Add the accounts that the member may bring back: its own, and those sold to it."""
        for each, marks in zip(accounts, self._marks_of(accounts), strict=True):
            key, (whole, months) = each.account.tradeline_key, each.account.deleted()
            for mark in marks:
                deleted = self._by_mark[each.subject_id, mark]
                if whole or each.withdrawn:
                    deleted.whole.add(key)
                if each.blocked:
                    deleted.blocked.add(key)
                for month in months:
                    deleted.months[month].add(key)

    def find(self, line: BatchRecord) -> list[tuple[str, Deleted]]:
        """Return what is deleted of the accounts that a snapshot may be of, with its person."""
        numbers = {Number(line.account_ref), Number(line.record.account_ref)}
        marks: set[Mark] = numbers | _wanted_marks(line.snapshot)
        keys = [(person, mark) for person in line.subject_ids for mark in marks]
        return [(key[0], self._by_mark[key]) for key in keys if key in self._by_mark]

    def _marks_of(self, accounts: Collection[DeletedAccount]) -> Iterator[set[Mark]]:
        """Yield the marks of each account; none of one that the member may not bring back."""
        others = [each for each in accounts if each.member_id != self._member_id]
        actions = self._read([_steps(each, {ACTION}) for each in others])
        numbers = {
            each.account.tradeline_key: {
                Number(record.action.new_account_ref)
                for record in records
                if record.action.kind == TRANSFER and record.action.new_member_id == self._member_id
            }
            for each, records in zip(others, actions, strict=True)
        }
        own = [
            each.member_id == self._member_id or bool(numbers[each.account.tradeline_key])
            for each in accounts
        ]
        snapshots = self._read(
            [_ends(each) if is_own else [] for each, is_own in zip(accounts, own, strict=True)]
        )
        for each, records in zip(accounts, snapshots, strict=True):
            marks = numbers.get(each.account.tradeline_key, set[Number]())
            yield marks.union(*(_marks(record.snapshot) for record in records))

    def _read(self, trails: list[list[TrailEntry]]) -> list[list[Record]]:
        """Read the records of several trails together."""
        records = records_of(self._db, [step for steps in trails for step in steps])
        return [[next(records)[1] for _ in steps] for steps in trails]


def require_certifications(
    tx: Transaction, policy: Policy, booking: AccountBatch, known: KnownPeople
) -> None:
    """Require the certifications of what comes back under another number; queue the notices.

    It comes before the records are applied.

    Raises:
        Refusal: DELETED_ITEM, with each record that lacks one; WRONG_STATE with each certified
            record of an account that is blocked.
    """
    furnished = any(line.kind < DELETION for line in booking.lines)
    if not (policy.keeps_deletions and furnished):
        return
    deleted = _deleted_accounts(tx, policy, booking, known)
    if not deleted and all(line.kind != DELETION for line in booking.lines):
        return
    breaches: list[Breach] = []
    restored: set[str] = set()
    for line, is_blocked in _coming_back(tx.db, booking, deleted):
        if line.record.certified and not is_blocked:
            own = booking.accounts[line.account_ref]
            # `AccountBatch.apply` queues the notice of what was deleted under this number too.
            if line.account_ref not in restored and not own.needs_certification(line.month):
                restored.add(line.account_ref)
                name = booking.names[line.account_ref]
                notice = PendingNotice(NOTICE_KIND_REINSERTION, name, line.subject_ids)
                booking.news.append(notice)
        elif len(breaches) <= field_rules.MAX_FOUND:
            field = f"records[{line.record_index}].certified"
            message = BLOCKED if is_blocked else MESSAGE
            breaches.append(
                field_rules.violation(
                    field, "WRONG_STATE" if line.record.certified else "DELETED_ITEM", message
                )
            )
    if breaches:
        raise field_rules.refusal(breaches)


def _deleted_accounts(
    tx: Transaction, policy: Policy, booking: AccountBatch, known: KnownPeople
) -> list[DeletedAccount]:
    """Read the accounts of the persons, of any member, of which something is deleted."""
    if not (known.disputed or known.deleted):
        return []
    disputed = [person for person in booking.batch.people if person in known.disputed]
    with_deletions = [person for person in booking.batch.people if person in known.deleted]
    withdrawing = withdrawing_disputes(tx.db, disputed, policy, tx.now_us)
    blocking = [dispute.dispute_id for dispute in withdrawing if is_blocking(dispute)]
    lapsed = [dispute.dispute_id for dispute in withdrawing if not is_blocking(dispute)]
    deleted = tx.db.all_in(q.accounts_with_deletions, with_deletions, mask=DELETION_MASK)
    withdrawn = tx.db.all_in(q.disputed_accounts, lapsed)
    blocked = tx.db.all_in(q.disputed_accounts, blocking)
    return [
        *(_account_in(row) for row in deleted),
        *(_account_in(row)._replace(withdrawn=True) for row in withdrawn),
        *(_account_in(row)._replace(withdrawn=True, blocked=True) for row in blocked),
    ]


def _account_in(row: q.DeletedAccount) -> DeletedAccount:
    return DeletedAccount(row.subject_id, row.member_id, account_of(row))


def _coming_back(
    db: Connection, booking: AccountBatch, accounts: list[DeletedAccount]
) -> Iterator[tuple[BatchRecord, bool]]:
    """Yield the snapshots that bring back what was deleted under another number, with True if
    that is blocked for identity theft.

    An account that was on the person's file before is no return of another one, and one certified
    record restores an account, as under its own number. Deletions of the batch of what was on file
    count for the records after them.
    """
    deleted = DeletedMarks(db, booking.member_id)
    deleted.add(accounts)
    furnished: dict[str, Furnished] = {}
    people = set(booking.batch.people)
    gone: set[tuple[str, int]] = set()
    for line in booking.lines:
        ref = line.account_ref
        if line.kind == DELETION and (ref, line.month) not in gone:
            gone.add((ref, line.month))
            deleted.add(_deleted_by(booking, line, people))
        if line.kind >= DELETION or not (same := deleted.find(line)):
            continue
        if ref not in furnished:
            furnished[ref] = Furnished.read(db, booking.accounts[ref])
        if any(furnished[ref].is_return(each, person, line) for person, each in same):
            yield line, any(furnished[ref].is_blocked(each, person, line) for person, each in same)
            if line.record.certified:
                furnished[ref].restore(line.subject_ids, line.snapshot)


def _deleted_by(
    booking: AccountBatch, line: BatchRecord, people: Collection[str]
) -> list[DeletedAccount]:
    """Return an account of which the batch deletes something, for each of these people on it."""
    account = replace(booking.accounts[line.account_ref])
    account.append(TrailEntry(0, line.record_index, DELETION, line.month))
    return [
        DeletedAccount(person, booking.member_id, account)
        for person in people_of(account.people)
        if person in people
    ]


@dataclass(slots=True)
class Furnished:
    """An account of the batch, as it was on file before, by person.

    Attributes:
        months: The months that name the person.
        marks: The origins in the newest of them, and in what the batch restores of the account.
    """

    key: int
    months: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    marks: defaultdict[str, set[Origin]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def read(cls, db: Connection, account: Account) -> Furnished:
        """Read the months of an account, with the people and the marks of each."""
        furnished = cls(account.tradeline_key)
        steps = effective_snapshots(steps_of(account.trail))
        months = sorted(steps)
        for month, (_, record, _) in zip(
            months, records_of(db, [steps[month] for month in months]), strict=True
        ):
            for party in record.snapshot.parties:
                furnished.months[party.subject_id].add(month)
                furnished.marks[party.subject_id] = _marks(record.snapshot)
        return furnished

    def is_return(self, deleted: Deleted, person: str, line: BatchRecord) -> bool:
        """Return True if a snapshot of this account brings back what is deleted of another one of
        a person.
        """
        if self._has_other(deleted.whole) and not self._was_on_file(person, line):
            return True
        months = deleted.months.get(line.month, set())
        return self._has_other(months) and line.month not in self.months[person]

    def is_blocked(self, deleted: Deleted, person: str, line: BatchRecord) -> bool:
        """Return True if a snapshot of this account brings back one of a person that a dispute
        blocks.
        """
        return self._has_other(deleted.blocked) and not self._was_on_file(person, line)

    def restore(self, people: Iterable[str], snapshot: TradelineSnapshot) -> None:
        """Add what a certified snapshot of the batch restores for its people."""
        for person in people:
            self.marks[person] |= _marks(snapshot)

    def _was_on_file(self, person: str, line: BatchRecord) -> bool:
        return not self.marks[person].isdisjoint(_wanted_marks(line.snapshot))

    def _has_other(self, keys: set[int]) -> bool:
        return len(keys) > (self.key in keys)


def _steps(each: DeletedAccount, kinds: Collection[int]) -> list[TrailEntry]:
    return [step for step in steps_of(each.account.trail) if step.kind in kinds]


def _ends(each: DeletedAccount) -> list[TrailEntry]:
    """Return the first and the last snapshot that were ever furnished of an account."""
    steps = [step for step in steps_of(each.account.trail) if step.kind < DELETION]
    return sorted({steps[0], steps[-1]}) if steps else []


def _marks(snapshot: TradelineSnapshot) -> set[Origin]:
    """Return the marks under which an account is found: its opening date and type, with its
    original creditor, and with any.
    """
    start = snapshot.open_date, snapshot.account_type
    return {Origin(*start, _letters(snapshot.original_creditor)), Origin(*start, ANY)}


def _wanted_marks(snapshot: TradelineSnapshot) -> set[Origin]:
    """Return the marks that an account has if a snapshot is of it.

    A creditor that one of them does not name makes no difference.
    """
    start = snapshot.open_date, snapshot.account_type
    letters = _letters(snapshot.original_creditor)
    return {Origin(*start, letters), Origin(*start, "")} if letters else {Origin(*start, ANY)}


def _letters(name: str) -> str:
    """Return the letters and digits of a name, in one case."""
    return "".join(filter(str.isalnum, name.casefold()))
