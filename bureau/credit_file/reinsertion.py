"""Require a certification for what was deleted and comes back under another number.

15 U.S.C. 1681i(a)(5)(B), (C): what a dispute deleted returns only certified, and the person is
notified. `Account.needs_certification` is about one account; here an account of another number is
the same one if it is of the same person and

- of the same member, opening date, type and original creditor, or
- of the buyer that a TRANSFER of the deleted account names: under the number that it names, or
  of the same opening date, type and original creditor.

A member learns of its own accounts only, and of debts that their furnisher sold to it: no other
account is compared with what it submits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from bureau import field_rules
from bureau.codes import CodeSet
from bureau.credit_file.accounts import AccountBatch, PendingNotice, account_of, record_of
from bureau.credit_file.batch_records import BatchRecord
from bureau.credit_file.history import (
    ACTION,
    DELETION,
    ORIGINAL,
    Account,
    TrailEntry,
    effective_snapshots,
    people_of,
    steps_of,
)
from bureau.credit_file.own_entries import withdrawing_disputes
from bureau.credit_file.sales import TRANSFER, same_origin
from bureau.errors import FieldViolation
from bureau.ledger.commit_queue import Transaction
from bureau.policy import Policy
from bureau.store import queries as q
from bureau.store.database import Connection
from creditbureau.v1.notice_pb2 import NOTICE_KIND_REINSERTION
from creditbureau.v1.reason import Reason
from creditbureau.v1.record_pb2 import FacilityAction, TradelineSnapshot

DELETION_MASK = CodeSet.of([DELETION])
WHOLE_ACCOUNT = 0
MESSAGE = "the same account was deleted under another number: certify the record to restore it"


@dataclass
class DeletedAccount:
    """An account of which something is deleted, or that a dispute withdrew.

    Attributes:
        withdrawn: True if a dispute keeps it out of reports: one that was not answered, or that
            blocks it for identity theft.
    """

    db: Connection
    member_id: str
    account: Account
    withdrawn: bool

    def deletion_of(self, month: int) -> int | None:
        """Return what deleted a month: WHOLE_ACCOUNT, or the month; None if it is not deleted."""
        return WHOLE_ACCOUNT if self.withdrawn else self.account.deletion_of(month)

    @cached_property
    def snapshots(self) -> list[TradelineSnapshot]:
        """The first and the last snapshot that were ever furnished of it."""
        steps = [step for step in steps_of(self.account.trail) if step.kind < DELETION]
        ends = {steps[0], steps[-1]} if steps else set()
        return [record_of(self.db, step)[0].snapshot for step in sorted(ends)]

    @cached_property
    def transfers(self) -> list[FacilityAction]:
        """The TRANSFERs of it."""
        steps = [step for step in steps_of(self.account.trail) if step.kind == ACTION]
        actions = [record_of(self.db, step)[0].action for step in steps]
        return [action for action in actions if action.kind == TRANSFER]

    def is_same(self, member_id: str, line: BatchRecord) -> bool:
        """Return True if a snapshot of another number is of this account."""
        if self.member_id != member_id:
            sold = {
                action.new_account_ref
                for action in self.transfers
                if action.new_member_id == member_id
            }
            if not sold:
                return False
            if {line.account_ref, line.record.account_ref} & sold:
                return True
        return any(_is_same(snapshot, line.snapshot) for snapshot in self.snapshots)


def require_certifications(tx: Transaction, policy: Policy, booking: AccountBatch) -> None:
    """Require the certifications of what comes back under another number; queue the notices.

    It comes before the records are applied.

    Raises:
        Refusal: DELETED_ITEM, with each record that lacks one.
    """
    deleted = _deleted_accounts(tx, policy, booking)
    if not deleted and all(line.kind != DELETION for line in booking.lines):
        return
    breaches: list[tuple[Reason, FieldViolation]] = []
    restored: set[str] = set()
    for line in _coming_back(tx.db, booking, deleted):
        if line.record.certified:
            own = booking.accounts[line.account_ref]
            # `AccountBatch.apply` queues the notice of what was deleted under this number too.
            if line.account_ref not in restored and not own.needs_certification(line.month):
                restored.add(line.account_ref)
                name = booking.names[line.account_ref]
                notice = PendingNotice(NOTICE_KIND_REINSERTION, name, line.subject_ids)
                booking.news.append(notice)
        elif len(breaches) <= field_rules.MAX_FOUND:
            field = f"records[{line.record_index}].certified"
            breaches.append(field_rules.violation(field, "DELETED_ITEM", MESSAGE))
    if breaches:
        raise field_rules.refusal(breaches)


def _deleted_accounts(
    tx: Transaction, policy: Policy, booking: AccountBatch
) -> defaultdict[str, list[DeletedAccount]]:
    """Read the accounts of each person, of any member, of which something is deleted."""
    people = {person for line in booking.lines for person in line.subject_ids}
    rows = [
        (row, False)
        for row in tx.db.all_in(q.accounts_with_deletions, sorted(people), mask=DELETION_MASK)
    ]
    withdrawing = withdrawing_disputes(tx.db, sorted(people), policy, tx.now_us)
    rows += [(row, True) for row in tx.db.all_in(q.disputed_accounts, withdrawing)]
    accounts: defaultdict[str, list[DeletedAccount]] = defaultdict(list)
    for row, withdrawn in rows:
        account = account_of(row)
        accounts[row.subject_id].append(DeletedAccount(tx.db, row.member_id, account, withdrawn))
    return accounts


def _coming_back(
    db: Connection, booking: AccountBatch, deleted: defaultdict[str, list[DeletedAccount]]
) -> Iterator[BatchRecord]:
    """Yield the snapshots that bring back what was deleted under another number.

    An account that was on file before is no return of another one, and one certified record
    restores an account, as under its own number. Deletions of the batch count for the records
    after them.
    """
    restored: dict[str, list[TradelineSnapshot]] = {}
    for line in booking.lines:
        if line.kind == DELETION:
            account = replace(booking.accounts[line.account_ref])
            account.append(TrailEntry(0, line.record_index, DELETION, line.month))
            for person in people_of(account.people):
                deleted[person].append(DeletedAccount(db, booking.member_id, account, False))
        others = [
            each for person in line.subject_ids if person in deleted for each in deleted[person]
        ]
        if not others:
            continue
        ref = line.account_ref
        own = booking.accounts[ref]
        if ref not in restored:
            restored[ref] = _newest(db, own)
        known = any(_is_same(snapshot, line.snapshot) for snapshot in restored[ref])
        if any(
            other.account.tradeline_key != own.tradeline_key
            and _is_deleted(other, own, line.month, known=known)
            and other.is_same(booking.member_id, line)
            for other in others
        ):
            yield line
            if line.record.certified:
                restored[ref].append(line.snapshot)


def _is_deleted(other: DeletedAccount, own: Account, month: int, *, known: bool) -> bool:
    """Return True if a month that was deleted of another account is not on file of this one.

    Args:
        known: True if this account was on file before, as the same account.
    """
    deletion = other.deletion_of(month)
    if deletion is None:
        return False
    if deletion == WHOLE_ACCOUNT:
        return not known
    return month not in effective_snapshots(steps_of(own.trail))


def _newest(db: Connection, account: Account) -> list[TradelineSnapshot]:
    """Read the effective snapshot of an account's newest month, if there is one."""
    if not account.newest[0]:
        return []
    return [record_of(db, TrailEntry(*account.newest, ORIGINAL, 0))[0].snapshot]


def _is_same(one: TradelineSnapshot, other: TradelineSnapshot) -> bool:
    """Return True if two snapshots are of one opening date, type and original creditor.

    A creditor that one of them does not name makes no difference.
    """
    names = {_letters(one.original_creditor), _letters(other.original_creditor)} - {""}
    return same_origin(one, other) and len(names) < 2


def _letters(name: str) -> str:
    """Return the letters and digits of a name, in one case."""
    return "".join(filter(str.isalnum, name.casefold()))
