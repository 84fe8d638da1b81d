"""The accounts on file, as the records in a database give them: the auditor's own model.

Of a month the last accepted record counts, for workers send originals before corrections. A lender
ends an account by a sale alone, and takes no sale back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from creditbureau.v1.dispute_pb2 import DisputeAnswer, DisputeOpening
from creditbureau.v1.record_pb2 import FACILITY_ACTION_KIND_TRANSFER
from tests.cluster.auditor.evidence import Database, StoredRecord
from tests.cluster.auditor.statements import parsed
from tests.cluster.auditor.thefts import DELETING, Block, blocks_of


class Sale(NamedTuple):
    """A sale of an account.

    Attributes:
        month: yyyymm in which it took effect.
        number: The buyer's reference of the account.
    """

    leaf_index: int
    month: int
    buyer: str
    number: str


class Step(NamedTuple):
    """A record's effect on an account.

    Attributes:
        replaced: The record of the same month before; None if the month was not on file.
        returns: True if the month was deleted before.
        newest: The record of the newest month afterwards; None if nothing is on file.
        restores: Leaf that deleted or blocked the same account under another number, which comes
            back by this record; -1 for none.
    """

    leaf_index: int
    record: StoredRecord
    replaced: StoredRecord | None
    returns: bool
    newest: StoredRecord | None
    restores: int = -1


@dataclass
class AccountHistory:
    """All that was furnished on an account, in the order of the log.

    Attributes:
        disputed: The leaf of its first dispute; None without one.
    """

    tradeline_id: str
    member_id: str
    steps: list[Step] = field(default_factory=list)
    disputed: int | None = None
    sales: list[Sale] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    def newest_at(self, size: int) -> StoredRecord | None:
        """Return the record of its newest month at a size of the log; None if it is not on file."""
        newest = None
        for step in self.steps:
            if step.leaf_index >= size:
                break
            newest = step.newest
        return newest

    def sold_at(self, size: int) -> int:
        """Return the month of its sale as of a size of the log; 0 if it was not sold."""
        return next((sale.month for sale in self.sales if sale.leaf_index < size), 0)

    def is_blocked_at(self, size: int) -> bool:
        """Return True if it is blocked for identity theft as of a size of the log."""
        return any(block.holds_at(size) for block in self.blocks)

    def gone_since(self, leaf: int, month: int) -> int:
        """Return the leaf by which the account, or a month of it, was deleted or blocked before
        another leaf, and has not returned since; -1 if it is on file.
        """
        whole = part = -1
        for step in self.steps:
            if step.leaf_index >= leaf:
                break
            if not step.record.deletes:
                # A record restores an account, and its own month.
                whole, part = -1, -1 if step.record.month == month else part
            elif not step.record.month:
                whole = step.leaf_index
            elif step.record.month == month:
                part = step.leaf_index
        return max(whole, part, *(one.since for one in self.blocks if one.holds_at(leaf)))


def accounts_of(database: Database) -> dict[str, AccountHistory]:
    """Follow the records in the order of the log; return the accounts by id."""
    disputes = {
        entry.request_id: (entry.leaf_index, parsed(entry.envelope, DisputeOpening))
        for entry in database.entries
        if entry.kind == "dispute"
    }
    records = [
        (database.leaf_of[record.entry_key], record)
        for record in [*database.records, *_deleted_by_answers(database, disputes)]
        if record.entry_key in database.leaf_of
    ]
    accounts: dict[str, AccountHistory] = {}
    sales, blocks = _sales_of(database), blocks_of(database)
    months: dict[str, dict[int, StoredRecord]] = defaultdict(dict)
    deleted: dict[str, set[int]] = defaultdict(set)
    twins = Twins()
    for leaf, record in sorted(records, key=lambda one: (one[0], one[1].record_index)):
        name = record.tradeline_id
        if name not in accounts:
            account = AccountHistory(name, record.member_id)
            account.sales, account.blocks = sales.get(name, []), blocks.get(name, [])
            accounts[name] = account
        account = accounts[name]
        on_file, gone = months[name], deleted[name]
        replaced, returns = on_file.get(record.month), not record.deletes and record.month in gone
        restores = -1
        if record.deletes:
            ended = {record.month} & on_file.keys() if record.month else set(on_file)
            gone |= ended
            for month in ended:
                del on_file[month]
        else:
            if not on_file:
                restores = twins.gone_before(leaf, record)
            twins.add(account, record)
            on_file[record.month] = record
            gone.discard(record.month)
        newest = max(on_file.values(), key=attrgetter("month"), default=None)
        account.steps.append(Step(leaf, record, replaced, returns, newest, restores))
    for leaf, opening in sorted(disputes.values(), key=lambda one: one[0]):
        disputed = accounts.get(opening.tradeline_id)
        if disputed and disputed.disputed is None:
            disputed.disputed = leaf
    return accounts


class Twins:
    """The accounts that may be one and the same under several numbers.

    They are of one person and one member, opening date, type and creditor; or the one was sold
    under the number of the other.
    """

    def __init__(self) -> None:
        self._by_origin: dict[tuple[str, str, int, str, str], dict[str, AccountHistory]] = (
            defaultdict(dict)
        )
        self._by_number: dict[tuple[str, str, str], dict[str, AccountHistory]] = defaultdict(dict)

    def add(self, account: AccountHistory, record: StoredRecord) -> None:
        """Add an account by a record of it."""
        for person in record.people:
            self._by_origin[_origin(person, record)][account.tradeline_id] = account
            for sale in account.sales:
                number = person, sale.buyer, sale.number
                self._by_number[number][account.tradeline_id] = account

    def gone_before(self, leaf: int, record: StoredRecord) -> int:
        """Return the leaf that deleted or blocked a twin of a record's account; -1 for none."""
        leaves = [-1]
        for person in record.people:
            number = person, record.member_id, record.account_ref
            sold = self._by_number.get(number, {})
            twins = [
                *self._by_origin.get(_origin(person, record), {}).values(),
                *(one for one in sold.values() if one.sold_at(leaf)),
            ]
            leaves += [
                twin.gone_since(leaf, record.month)
                for twin in twins
                if twin.tradeline_id != record.tradeline_id
            ]
        return max(leaves)


def _origin(person: str, record: StoredRecord) -> tuple[str, str, int, str, str]:
    origin = record.open_date, record.account_type, record.creditor
    return (person, record.member_id, *origin)


def _sales_of(database: Database) -> dict[str, list[Sale]]:
    """Read the sales to members, by account, in the order of the log."""
    sales: dict[str, list[Sale]] = defaultdict(list)
    for action in database.actions:
        if action.kind == FACILITY_ACTION_KIND_TRANSFER and action.entry_key in database.leaf_of:
            leaf = database.leaf_of[action.entry_key]
            sales[action.tradeline_id].append(Sale(leaf, action.month, action.buyer, action.number))
    return {name: sorted(each) for name, each in sales.items()}


def _deleted_by_answers(
    database: Database, disputes: dict[str, tuple[int, DisputeOpening]]
) -> Iterator[StoredRecord]:
    """Yield the deletions by answers to disputes: the disputed month, or all of them."""
    for entry in database.entries:
        if entry.kind == "dispute-answer":
            answer = parsed(entry.envelope, DisputeAnswer)
            if answer.outcome in DELETING and answer.dispute_id in disputes:
                _, opening = disputes[answer.dispute_id]
                member = entry.signer.removeprefix("members/")
                row = entry.entry_key, 0, member, opening.tradeline_id, frozenset[str]()
                yield StoredRecord(*row, deletes=True, month=opening.month)
