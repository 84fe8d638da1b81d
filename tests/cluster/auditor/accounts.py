"""The accounts on file, as the records in a database give them: the auditor's own model.

Of a month the last accepted record counts, for workers send originals before corrections. No
worker closes or sells an account by an action.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from creditbureau.v1.dispute_pb2 import (
    DISPUTE_OUTCOME_DELETED,
    DISPUTE_OUTCOME_FRAUD,
    DisputeAnswer,
    DisputeOpening,
)
from tests.cluster.auditor.evidence import Database, StoredRecord
from tests.cluster.auditor.statements import parsed

DELETING = {DISPUTE_OUTCOME_DELETED, DISPUTE_OUTCOME_FRAUD}


class Step(NamedTuple):
    """A record's effect on an account.

    Attributes:
        replaced: The record of the same month before; None if the month was not on file.
        returns: True if the month was deleted before.
        newest: The record of the newest month afterwards; None if nothing is on file.
    """

    leaf_index: int
    record: StoredRecord
    replaced: StoredRecord | None
    returns: bool
    newest: StoredRecord | None


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

    def newest_at(self, size: int) -> StoredRecord | None:
        """Return the record of its newest month at a size of the log; None if it is not on file."""
        newest = None
        for step in self.steps:
            if step.leaf_index >= size:
                break
            newest = step.newest
        return newest


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
    months: dict[str, dict[int, StoredRecord]] = defaultdict(dict)
    deleted: dict[str, set[int]] = defaultdict(set)
    for leaf, record in sorted(records, key=lambda one: (one[0], one[1].record_index)):
        name = record.tradeline_id
        account = accounts.setdefault(name, AccountHistory(name, record.member_id))
        on_file, gone = months[name], deleted[name]
        replaced, returns = on_file.get(record.month), not record.deletes and record.month in gone
        if record.deletes:
            ended = {record.month} & on_file.keys() if record.month else set(on_file)
            gone |= ended
            for month in ended:
                del on_file[month]
        else:
            on_file[record.month] = record
            gone.discard(record.month)
        newest = max(on_file.values(), key=attrgetter("month"), default=None)
        account.steps.append(Step(leaf, record, replaced, returns, newest))
    for leaf, opening in sorted(disputes.values(), key=lambda one: one[0]):
        disputed = accounts.get(opening.tradeline_id)
        if disputed and disputed.disputed is None:
            disputed.disputed = leaf
    return accounts


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
