"""Records of a batch with the fields that checks and accounts need, extracted once, because
batches are large.
"""

from __future__ import annotations

from operator import attrgetter
from typing import NamedTuple

from bureau.credit_file.history import ACTION, CORRECTION, DELETION, ORIGINAL
from creditbureau.v1.record_pb2 import Record, TradelineSnapshot

SUBJECT_ID = attrgetter("subject_id")


class BatchRecord(NamedTuple):
    """A record of a batch.

    Attributes:
        record_index: Index of the record in its submission.
        kind: ORIGINAL or CORRECTION for a snapshot, DELETION, ACTION.
        raw: The record's bytes as they were signed.
        month: yyyymm; 0 for an action, and for the deletion of a whole account.
        currency: Empty without a snapshot.
        subject_ids: Subjects that the snapshot names.
    """

    record_index: int
    kind: int
    account_ref: str
    raw: bytes
    record: Record
    snapshot: TradelineSnapshot
    month: int
    currency: str
    subject_ids: list[str]

    @classmethod
    def of(cls, record_index: int, record: Record, raw: bytes, correction: bool) -> BatchRecord:
        """Build the batch record of a record."""
        snapshot = record.snapshot
        kind, month = CORRECTION if correction else ORIGINAL, snapshot.month
        if not month:
            kind = ACTION if record.HasField("action") else DELETION
            month = record.deletion.month
        people = list(map(SUBJECT_ID, snapshot.parties))
        ref, currency = record.account_ref, snapshot.currency
        return cls(record_index, kind, ref, raw, record, snapshot, month, currency, people)
