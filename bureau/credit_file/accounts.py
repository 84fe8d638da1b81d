"""Apply a batch of records to the accounts that the records name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bureau import field_rules
from bureau.codes import CodeSet
from bureau.credit_file.batch import Batch, renumbered
from bureau.credit_file.batch_records import BatchRecord
from bureau.credit_file.delinquencies import (
    ADVERSE,
    delinquencies_of,
    delinquency_in,
)
from bureau.credit_file.history import (
    DELETION,
    MAX_HISTORY_BYTES,
    ORIGINAL,
    PEOPLE_CHANGED,
    Account,
    TrailEntry,
    effective_snapshots,
    people_of,
    steps_of,
)
from bureau.credit_file.line_changes import NOTICE_OF_ACTION, SnapshotChanges
from bureau.credit_file.line_limits import LIMIT_CHANGE, LineLimits
from bureau.credit_file.record_rules import currency_breaches
from bureau.credit_file.reported_months import ReportedMonths
from bureau.credit_file.stored_records import record_of, records_of
from bureau.errors import FieldViolation
from bureau.ledger.units import Transaction
from bureau.party_limits import ACCOUNT_BYTES, PartyLimits
from bureau.policy import Policy
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau.store.record_blocks import blocks_of
from creditbureau.v1 import record_pb2
from creditbureau.v1.notice_pb2 import (
    NOTICE_KIND_ADVERSE_DATA,
    NOTICE_KIND_NEW_ACCOUNT,
    NOTICE_KIND_REINSERTION,
)
from creditbureau.v1.reason import Reason
from creditbureau.v1.record_pb2 import TradelineSnapshot
from creditbureau.v1.report_pb2 import PaymentHistory

Breach = tuple[Reason, FieldViolation]

RENUMBERING = frozenset({record_pb2.FACILITY_ACTION_KIND_RENUMBER})
CHARGE_OFF = record_pb2.FACILITY_ACTION_KIND_CHARGE_OFF


class PendingNotice(NamedTuple):
    """A notice to subjects that is stored with the batch.

    Attributes:
        kind: NoticeKind.
        key_id: The key that the notice is about; empty for none.
    """

    kind: int
    tradeline_id: str
    subject_ids: list[str]
    key_id: str = ""


@dataclass(slots=True)
class AccountBatch:
    """The accounts of one member that a batch is about, locked.

    Attributes:
        batch: The records, by the accounts' present references.
        accounts: By reference; those that the batch opens have a key and no trail.
        former: References that accounts had before, with those of now.
        opened: References of the accounts that the batch opens, with their currencies.
        names: Tradeline ids by reference.
        news: Notices to the subjects on the accounts.
        account_news: Notices of new accounts, and of what was done to lines.
    """

    member_id: str
    batch: Batch
    accounts: dict[str, Account] = field(default_factory=dict)
    former: dict[str, str] = field(default_factory=dict)
    opened: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    news: list[PendingNotice] = field(default_factory=list)
    account_news: list[PendingNotice] = field(default_factory=list)
    limits: dict[str, LineLimits] = field(default_factory=dict)

    @classmethod
    def load(cls, tx: Transaction, member_id: str, batch: Batch, digest: bytes) -> AccountBatch:
        """Lock the accounts and check the rules that depend on them.

        Args:
            digest: Digest of the manifest that the furnisher signed.

        Raises:
            Refusal: CURRENCY_MISMATCH; INVALID_FIELD for an action on an account that
                there is not.
        """
        booking = cls(member_id, batch)
        known = booking._lock(tx)
        booking.batch = batch.under(booking.former)
        if breaches := [*currency_breaches(booking.lines, known), *booking._breaches(tx)]:
            raise field_rules.refusal(breaches)
        for line in booking.lines:
            ref = line.account_ref
            if ref not in booking.accounts and ref not in booking.opened:
                booking.opened[ref] = known[ref]
                booking.names[ref] = tradeline_id(digest, line.record_index)
        booking.accounts |= {ref: Account(tx.new_key()) for ref in booking.opened}
        return booking

    @property
    def lines(self) -> Sequence[BatchRecord]:
        """The batch records, by the accounts' present references."""
        return self.batch.lines

    def _lock(self, tx: Transaction) -> dict[str, str]:
        """Lock the accounts that the batch names, by their present or former references.

        Returns:
            Their currencies.
        """
        known: dict[str, str] = {}
        for row in tx.db.all_in(q.lock_tradelines, self.batch.refs, member_id=self.member_id):
            self._take(row, known)
        missing = [ref for ref in self.batch.refs if ref not in known]
        for former in tx.db.all_in(q.lock_renumbered, missing, member_id=self.member_id):
            self.former[former.former_ref] = former.account_ref
            if former.account_ref not in known:
                self._take(former, known)
        return known

    def _take(self, row: q.LockedAccount | q.RenumberedAccount, known: dict[str, str]) -> None:
        ref = row.account_ref
        known[ref], self.names[ref] = row.currency, row.tradeline_id
        self.accounts[ref] = account_of(row)

    def _breaches(self, tx: Transaction) -> Iterator[Breach]:
        lines = self.lines
        if all(line.kind < DELETION for line in lines):
            return  # snapshots need no account
        # An account must be furnished before a deletion or an action names it, also in a batch.
        there = {ref for ref, account in self.accounts.items() if account.newest[0]}
        known = set(self.accounts)
        used_refs = known | {line.account_ref for line in lines if line.kind < DELETION}
        used_refs |= self.former.keys()
        moved: set[str] = set()
        named = sorted({line.record.action.new_member_id for line in self.batch.actions})
        members = {row[0] for row in tx.db.all_in(q.members_named, named)}
        for line in lines:
            path, action = f"records[{line.record_index}]", line.record.action
            if line.kind < DELETION:
                there.add(line.account_ref)
                known.add(line.account_ref)
            if line.account_ref not in known:
                message = "the caller has no account with this reference"
                yield field_rules.violation(f"{path}.account_ref", "INVALID_FIELD", message)
            elif action.kind in RENUMBERING and self._is_taken(line, used_refs):
                message = "the caller has an account with this reference already"
                yield field_rules.violation(
                    f"{path}.action.new_account_ref", "INVALID_FIELD", message
                )
            elif action.kind in RENUMBERING and line.account_ref not in there:
                message = "the account has no snapshot"
                yield field_rules.violation(f"{path}.account_ref", "INVALID_FIELD", message)
            elif action.kind in RENUMBERING and line.account_ref in moved:
                message = "the batch renumbers the account already"
                yield field_rules.violation(f"{path}.account_ref", "INVALID_FIELD", message)
            elif action.new_member_id and action.new_member_id not in members:
                message = "no member has this id"
                yield field_rules.violation(
                    f"{path}.action.new_member_id", "INVALID_FIELD", message
                )
            if action.kind in RENUMBERING:
                moved.add(line.account_ref)
                used_refs.add(action.new_account_ref)

    def _is_taken(self, line: BatchRecord, used_refs: set[str]) -> bool:
        """Return True if a new reference belongs to another account.

        An account may return to a reference that it had before.
        """
        ref = line.record.action.new_account_ref
        return ref in used_refs and self.former.get(ref) != line.account_ref

    def people(self) -> set[str]:
        """Return every subject whose credit file the records change."""
        named = {month.people for month in self.batch.months.values()}
        on_file = {account.people for account in self.accounts.values()}
        return set(self.batch.people).union(*map(people_of, on_file - named))

    def people_on(self, tx: Transaction, line: BatchRecord) -> set[str]:
        """Return the subjects that an account named before this batch."""
        account = self.accounts[line.account_ref]
        if PEOPLE_CHANGED not in account.marks:
            return set(people_of(account.people))
        if not account.newest[0]:
            return set()
        newest, _ = record_of(tx.db, TrailEntry(*account.newest, ORIGINAL, 0))
        return {party.subject_id for party in newest.snapshot.parties}

    def portfolio_type(self, tx: Transaction, account_ref: str) -> int:
        """Return an account's PortfolioType before this batch; 0 without a record."""
        account = self.accounts[account_ref]
        if not account.newest[0]:
            return 0
        newest, _ = record_of(tx.db, TrailEntry(*account.newest, ORIGINAL, 0))
        return newest.snapshot.portfolio_type

    def apply(self, tx: Transaction, limits: PartyLimits, policy: Policy) -> None:
        """Store the records and update the accounts.

        Raises:
            Refusal: DELETED_ITEM, DATE_ORDER, LIMIT_REACHED.
        """
        if self.batch.actions and (breaches := list(self._too_many_actions(limits))):
            raise field_rules.refusal(breaches)
        accounts, months, entry_key = self.accounts, self.batch.months, tx.entry_key
        self._store_records(tx)
        breaches = []
        met: list[tuple[str, int]] = []
        # The people of accounts with a longer history.
        grown: set[bytes] = set()
        dated = list(self._newly_dated(tx)) if policy.keeps_first_delinquency else []
        before = SnapshotChanges(tx.db, accounts, self.batch.of_lines, self.batch.actions)
        # An account is rebuilt once after the deletions that follow each other.
        shortened: set[str] = set()
        for line in self.lines:
            account = accounts[line.account_ref]
            if line.kind != DELETION and line.account_ref in shortened:
                shortened.remove(line.account_ref)
                _rebuild(tx.db, account)
            step = TrailEntry(entry_key, line.record_index, line.kind, line.month)
            if line.kind < DELETION:
                if account.needs_certification(step.month):
                    breaches += self._restore(line)
                if line.snapshot.status in ADVERSE:
                    self._queue_adverse(account, line)
                month = months[line.record_index]
                if strangers := account.add_subjects(month.people):
                    met += [(subject_id, account.tradeline_key) for subject_id in strangers]
                    self.account_news.append(
                        PendingNotice(
                            NOTICE_KIND_NEW_ACCOUNT, self.names[line.account_ref], strangers
                        )
                    )
                length = len(account.history)
                account.apply_snapshot(step, month)
                if (limits_of := self.limits.get(line.account_ref)) and account.newest == step[:2]:
                    limits_of.add_snapshot(account.record_count - 1, line.snapshot)
                if len(account.history) > length:
                    grown.add(account.people)
            else:
                account.append(step)
                self._queue_action(tx, line)
                if line.record.action.kind == CHARGE_OFF and not account.is_delinquent():
                    self._warn(line.account_ref, sorted(self.people_on(tx, line)))
            if line.kind == DELETION:
                shortened.add(line.account_ref)
                self.limits.pop(line.account_ref, None)  # an earlier month may be the newest now
        for ref in shortened:
            _rebuild(tx.db, accounts[ref])
        self._queue_changes(tx, before)
        breaches += self._later_dates(tx, dated)
        if breaches:
            raise field_rules.refusal(breaches)
        tx.db.execute_many_tuples(q.add_party, ("subject_id", "tradeline_key"), sorted(met))
        self._store(tx, renumbered(self.batch.actions))
        # The people on whom an account is new, or has a longer history. A correction that adds
        # nothing passes, also where the member has more than its share.
        people = {subject_id for subject_id, _ in met}.union(*map(people_of, grown))
        full = self._full_files(tx, limits, people)
        if breaches := list(self._beyond(limits, full)):
            raise field_rules.refusal(breaches)

    def _store_records(self, tx: Transaction) -> None:
        """Store the records, several in a row."""
        keys = {ref: account.tradeline_key for ref, account in self.accounts.items()}
        records = [(line.record_index, keys[line.account_ref], line.raw) for line in self.lines]
        rows = [(tx.entry_key, *block) for block in blocks_of(records)]
        tx.db.execute_many_tuples(q.add_record, q.RECORD_COLUMNS, rows)

    def _newly_dated(self, tx: Transaction) -> Iterator[BatchRecord]:
        """Yield the records whose date of first delinquency may be later than one on file.

        The date of the account's newest month was checked before: the same date is not again.
        """
        known: dict[str, int] = {}
        for line in self.batch.dated:
            ref = line.account_ref
            if ref not in known:
                known[ref] = self._newest_date(tx, self.accounts[ref])
            if line.snapshot.first_delinquency_date != known[ref]:
                yield line

    def _newest_date(self, tx: Transaction, account: Account) -> int:
        """Return the date of first delinquency in an account's newest month; 0 if none."""
        if not account.newest[0]:
            return 0
        newest, _ = record_of(tx.db, TrailEntry(*account.newest, ORIGINAL, 0))
        return newest.snapshot.first_delinquency_date

    def _later_dates(self, tx: Transaction, lines: Sequence[BatchRecord]) -> Iterator[Breach]:
        """Yield the records that date the beginning of a delinquency later than it is on file."""
        months_of: dict[str, ReportedMonths] = {}
        for line in lines:
            ref, snapshot = line.account_ref, line.snapshot
            if ref not in months_of:
                account = self.accounts[ref]
                history = PaymentHistory.FromString(account.history)
                months_of[ref] = ReportedMonths(tx.db, history, account.trail)
            unbroken = delinquencies_of(months_of[ref].around(snapshot.month))
            delinquency = delinquency_in(snapshot.month, unbroken)
            if delinquency and snapshot.first_delinquency_date > delinquency.began:
                field = f"records[{line.record_index}].snapshot.first_delinquency_date"
                message = (
                    f"lies after {delinquency.began}, and the account was never current since:"
                    " give that date, or correct the months that are wrong"
                )
                yield field_rules.violation(field, "DATE_ORDER", message)

    def _full_files(self, tx: Transaction, limits: PartyLimits, grown: set[str]) -> dict[str, str]:
        """Return the limit of each of these people that the member's accounts are beyond."""
        full: dict[str, str] = {}
        # Most people have so few accounts that their lengths make no difference.
        few = limits.accounts_within_share(ACCOUNT_BYTES + MAX_HISTORY_BYTES)
        many = tx.db.all_in(q.people_with_accounts, sorted(grown), most=few)
        people = [subject_id for (subject_id,) in many]
        for row in tx.db.all_in(q.accounts_on_people, people, member_id=self.member_id):
            share = limits.share_on_person(row.members)
            if row.members > limits.members_on_person:
                full[row.subject_id] = f"at most {limits.members_on_person} members"
            elif row.accounts * ACCOUNT_BYTES + row.history_bytes > share:
                full[row.subject_id] = (
                    f"at most {share} bytes of the accounts of each of {row.members} members"
                )
        return full

    def _too_many_actions(self, limits: PartyLimits) -> Iterator[Breach]:
        """Yield the actions beyond the most of one account, before any of them costs work."""
        counts = {ref: account.action_count for ref, account in self.accounts.items()}
        most = limits.actions_of_account
        for line in self.batch.actions:
            counts[line.account_ref] += 1
            if counts[line.account_ref] > most:
                path = f"records[{line.record_index}].account_ref"
                message = f"at most {most} actions of one account"
                yield field_rules.violation(path, "LIMIT_REACHED", message)

    def _beyond(self, limits: PartyLimits, full: dict[str, str]) -> Iterator[Breach]:
        """Yield the records that bring an account or a person beyond a limit."""
        crowded = limits.records_of_account
        if not full and all(each.record_count <= crowded for each in self.accounts.values()):
            return
        for line in self.lines:
            account, path = self.accounts[line.account_ref], f"records[{line.record_index}]"
            # What is wrong can be deleted from an account that is full.
            most = limits.records_of_account * (2 if line.kind == DELETION else 1)
            if account.record_count > most:
                message = f"at most {most} records of one account"
                yield field_rules.violation(f"{path}.account_ref", "LIMIT_REACHED", message)
            if line.kind >= DELETION:
                continue
            for subject_id in full.keys() & people_of(account.people):
                # A person whom an earlier snapshot named has the account on file too.
                field = f"{path}.account_ref"
                if subject_id in line.subject_ids:
                    seat = line.subject_ids.index(subject_id)
                    field = f"{path}.snapshot.parties[{seat}].subject_id"
                message = f"{full[subject_id]} on one person"
                yield field_rules.violation(field, "LIMIT_REACHED", message)

    def _restore(self, line: BatchRecord) -> Iterator[Breach]:
        """Queue the notice of a deleted month that comes back; yield it unless it is certified."""
        if line.record.certified:
            name = self.names[line.account_ref]
            self.news.append(PendingNotice(NOTICE_KIND_REINSERTION, name, line.subject_ids))
        else:
            message = "the month was deleted before: certify the record to restore it"
            yield field_rules.violation(
                f"records[{line.record_index}].certified", "DELETED_ITEM", message
            )

    def _queue_adverse(self, account: Account, line: BatchRecord) -> None:
        """Queue the notice of adverse data, for the subjects who do not know of them yet."""
        known = people_of(account.people) if account.is_delinquent() else ()
        self._warn(line.account_ref, [p for p in line.subject_ids if p not in known])

    def _queue_action(self, tx: Transaction, line: BatchRecord) -> None:
        """Queue the notice of an action on a line; of several of one kind, one."""
        kind = self._notice_of(tx, line)
        if kind is None:
            return
        people = sorted(self.people_on(tx, line))
        notice = PendingNotice(kind, self.names[line.account_ref], people)
        if notice not in self.account_news:
            self.account_news.append(notice)

    def _notice_of(self, tx: Transaction, line: BatchRecord) -> int | None:
        """Return the NoticeKind of an action that was appended; None if it gives none."""
        ref, action = line.account_ref, line.record.action
        if action.kind != LIMIT_CHANGE:
            return NOTICE_OF_ACTION.get(action.kind)
        limits = self.limits.get(ref)
        if limits is None:
            so_far = steps_of(self.accounts[ref].trail)[:-1]
            limits = self.limits[ref] = LineLimits(tx.db, so_far, tx.entry_key)
        kind = limits.notice_of(action)
        limits.add_action(self.accounts[ref].record_count - 1, action)
        return kind

    def _queue_changes(self, tx: Transaction, before: SnapshotChanges) -> None:
        """Queue the notices of what snapshots show, and no action of the batch says."""
        queued = {(notice.kind, notice.tradeline_id) for notice in self.account_news}
        for ref, kind, people in before.after(self.accounts, tx.entry_key):
            if people and (kind, self.names[ref]) not in queued:
                self.account_news.append(PendingNotice(kind, self.names[ref], people))

    def _warn(self, ref: str, people: list[str]) -> None:
        """Queue a notice of adverse data to subjects."""
        if people:
            self.news.append(PendingNotice(NOTICE_KIND_ADVERSE_DATA, self.names[ref], people))

    def _store(self, tx: Transaction, new_refs: dict[str, str]) -> None:
        new = [
            self.accounts[ref].new_row(
                self.names[ref], self.member_id, new_refs.get(ref, ref), currency
            )
            for ref, currency in self.opened.items()
        ]
        moved = [
            account.update_row() for ref, account in self.accounts.items() if ref not in self.opened
        ]
        if new:
            tx.db.execute_many_tuples(q.add_tradeline, q.TRADELINE_COLUMNS, new)
        if moved:
            tx.db.execute_many_tuples(q.move_tradeline, q.MOVED_COLUMNS, moved)
        for ref, new_ref in new_refs.items():
            key = self.accounts[ref].tradeline_key
            if ref not in self.opened:
                tx.db.execute(q.renumber_tradeline, which=key, new_ref=new_ref)
            tx.db.execute(q.drop_former_ref, whose=self.member_id, ref=new_ref)
            tx.db.execute(
                q.add_former_ref, member_id=self.member_id, account_ref=ref, tradeline_key=key
            )


def account_of(
    row: q.LockedAccount | q.RenumberedAccount | q.DisputedAccount | q.DeletedAccount,
) -> Account:
    """Return the account that a row holds."""
    return Account(
        row.tradeline_key,
        row.trail,
        (row.newest_submission_key, row.newest_record_index),
        row.history,
        CodeSet(row.marks),
        row.people,
    )


def tradeline_id(digest: bytes, record_index: int) -> str:
    """Return the id of an account: it follows from the signed record that opened it, and
    only a reader of the manifest can compute it.

    Args:
        digest: Digest of the record's manifest.
        record_index: Index of the record in its submission.
    """
    return hashlib.sha256(digest + record_index.to_bytes(4, "big")).hexdigest()[:32]


def held_snapshots(
    db: Connection, effective: dict[int, TrailEntry]
) -> Iterator[tuple[TrailEntry, TradelineSnapshot]]:
    """Read the effective snapshots from their records."""
    for step, record, _ in records_of(db, effective.values()):
        yield step, record.snapshot


def _rebuild(db: Connection, account: Account) -> None:
    account.rebuild(held_snapshots(db, effective_snapshots(steps_of(account.trail))))
