"""The accounts that are blocked for identity theft, as the log gives it: the auditor's own model.

A dispute of a whole account for identity theft, with two different documents, blocks the account
until its answer. The bureau declines a further block of an account whose furnisher's newest answer
to such a dispute certified it. Workers add no facts to disputes.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from creditbureau.v1.dispute_pb2 import (
    DISPUTE_OUTCOME_DELETED,
    DISPUTE_OUTCOME_FRAUD,
    DISPUTE_REASON_IDENTITY_THEFT,
    DisputeAnswer,
    DisputeOpening,
)
from tests.cluster.auditor.evidence import Database, Entry
from tests.cluster.auditor.statements import parsed

DELETING = {DISPUTE_OUTCOME_DELETED, DISPUTE_OUTCOME_FRAUD}
# Different documents with which a dispute blocks its account: the policy of the United States.
DOCUMENTS = 2
FOREVER = 1 << 62


@dataclass
class Block:
    """A block of an account.

    Attributes:
        subject_id: Who opened the dispute.
        since: The leaf of the dispute.
        until: The leaf of its answer.
        confirmed: True if the answer confirmed the theft, and deleted the account.
        certified: True if the answer certified the account.
    """

    subject_id: str
    since: int
    until: int = FOREVER
    confirmed: bool = False
    certified: bool = False

    @property
    def is_answered(self) -> bool:
        """True if the dispute has its answer."""
        return self.until != FOREVER

    def holds_at(self, size: int) -> bool:
        """Return True if it is in force as of a size of the log, or for the leaf of that index."""
        return self.since < size <= self.until


def blocks_of(database: Database) -> dict[str, list[Block]]:
    """Read the blocks in the log, by account."""
    blocks: dict[str, list[Block]] = defaultdict(list)
    openings: dict[str, DisputeOpening] = {}
    blocking: dict[str, Block] = {}
    outcomes: dict[tuple[str, str], int] = {}
    for entry in database.entries:
        if entry.kind == "dispute":
            opening = parsed(entry.envelope, DisputeOpening)
            if _is_documented(opening):
                openings[entry.request_id] = opening
                account = opening.subject_id, opening.tradeline_id
                if outcomes.get(account) in {None, *DELETING}:
                    block = blocking[entry.request_id] = Block(opening.subject_id, entry.leaf_index)
                    blocks[opening.tradeline_id].append(block)
        elif entry.kind == "dispute-answer":
            answer = parsed(entry.envelope, DisputeAnswer)
            answered = openings.get(answer.dispute_id)
            if answered:
                outcomes[answered.subject_id, answered.tradeline_id] = answer.outcome
            if answer.dispute_id in blocking:
                _end(blocking[answer.dispute_id], entry, answer)
    return blocks


def _is_documented(opening: DisputeOpening) -> bool:
    is_theft = opening.reason == DISPUTE_REASON_IDENTITY_THEFT and not opening.month
    return is_theft and len(set(opening.attachment_digests)) >= DOCUMENTS


def _end(block: Block, entry: Entry, answer: DisputeAnswer) -> None:
    block.until = entry.leaf_index
    block.confirmed = answer.outcome in DELETING
    block.certified = answer.certified
