"""Batches of records: cut to a size within the contract's limits, and signed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bureau_client._codec.records import encode_record
from bureau_client._operations.signer import Signer
from bureau_client.models.codes import SubmissionKind
from bureau_client.models.record_checks import check_record
from bureau_client.models.records import Record
from bureau_client.models.violations import Violation
from bureau_keys import merkle
from bureau_keys.envelope import seal
from creditbureau.v1 import furnishing_pb2, record_pb2

# A fifth of what the contract allows: the bureau stores a batch in one piece, while the writes of
# others wait.
BATCH_RECORDS = 2_000
MAX_BATCH_BYTES = 6 * 1024 * 1024
# Field number and length before each record in a RecordBatch.
OVERHEAD_BYTES = 5
SALT_BYTES = 32
# Bytes of an encoded record before its content: field number, length and salt.
SALTED = 2 + SALT_BYTES


@dataclass(slots=True)  # not frozen, which takes three times as long
class Entry:
    """One record to submit.

    Attributes:
        index: Index of the record among those passed to `submit`.
        record: The record.
        encoded: The bytes that are signed; empty for a record with violations.
        violations: The violations that the SDK itself found.
    """

    index: int
    record: Record
    encoded: bytes
    violations: list[Violation]


def entries(records: Iterable[Record]) -> Iterator[Entry]:
    """Check and encode records one by one."""
    for index, record in enumerate(records):
        violations = check_record(record, index)
        encoded = b"" if violations else encode_record(record, os.urandom(SALT_BYTES))
        yield Entry(index, record, encoded, violations)


def batches(
    stream: Iterable[Entry],
    max_records: int = BATCH_RECORDS,
    max_bytes: int = MAX_BATCH_BYTES,
) -> Iterator[list[Entry]]:
    """Cut a stream of entries into batches within both limits."""
    batch: list[Entry] = []
    size = 0
    for entry in stream:
        more = len(entry.encoded) + OVERHEAD_BYTES
        if batch and (len(batch) == max_records or size + more > max_bytes):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += more
    if batch:
        yield batch


def digest(batch: Sequence[Entry]) -> str:
    """Return a digest of the records of a batch without their salts, which each run draws again."""
    hashed = hashlib.sha256()
    for entry in batch:
        content = entry.encoded[SALTED:]
        hashed.update(len(content).to_bytes(4) + content)
    return hashed.hexdigest()


def sign_batch(
    signer: Signer, batch: list[Entry], kind: SubmissionKind, label: str, request_id: str = ""
) -> tuple[furnishing_pb2.SubmitRecordsRequest, str]:
    """Return the signed request for one batch, and its request id."""
    encoded = [entry.encoded for entry in batch]
    header = signer.header()
    header.request_id = request_id or header.request_id
    manifest = record_pb2.SubmissionManifest(
        header=header,
        kind=int(kind),  # type: ignore[arg-type]
        records_root=merkle.root_of([merkle.leaf_hash(record) for record in encoded]),
        record_count=len(encoded),
        label=label,
    )
    request = furnishing_pb2.SubmitRecordsRequest(
        manifest=seal(manifest, signer.key),
        batch=record_pb2.RecordBatch(records=encoded).SerializeToString(deterministic=True),
    )
    return request, header.request_id
