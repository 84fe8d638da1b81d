"""A submission as the database holds it, held against the manifest that was signed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bureau.ledger.log import HASH
from bureau.store.database import Connection
from bureau.store.record_blocks import BlockRecord
from bureau.store.rows import rows_of
from bureau_keys.merkle import leaf_hash, root_of
from bureau_keys.tiles import Tiles
from creditbureau.v1.record_pb2 import RecordBatch, SubmissionManifest

RECORDS, TILES = rows_of("record"), rows_of("record_tile")


@dataclass(frozen=True, slots=True)
class StoredSubmission:
    """The records of a submission, and the hashes of all that it ever had.

    Attributes:
        records: In order of their places; rows with values of a wrong type are left out.
        hashes: The leaf hashes, one after another.
        misfits: Places of the rows that are left out.
    """

    records: list[BlockRecord]
    hashes: bytes
    misfits: list[object]

    @classmethod
    def read(cls, db: Connection, submission_key: int) -> StoredSubmission:
        """Read a submission."""
        records: list[BlockRecord] = []
        misfits: list[object] = []
        for row in RECORDS.of_entry(db, submission_key):
            if RECORDS.wrong_types(row):
                misfits.append(row[1])
            else:
                records.append(BlockRecord(*row[1:]))
        parts = [row[2] for row in TILES.of_entry(db, submission_key)]
        hashes = b"".join(part for part in parts if isinstance(part, bytes))
        return cls(records, hashes, misfits)

    def batch(self, manifest: SubmissionManifest) -> bytes | None:
        """Return the batch as it was sent; None unless every record of the manifest is there."""
        bodies = [record.body for record in self.records]
        indexes = [record.record_index for record in self.records]
        if indexes != list(range(manifest.record_count)):
            return None
        if root_of([leaf_hash(body) for body in bodies]) != manifest.records_root:
            return None
        return RecordBatch(records=bodies).SerializeToString(deterministic=True)

    def tiles(self, manifest: SubmissionManifest) -> Tiles | None:
        """Return the tiles of the stored hashes; None unless they give the signed root."""
        leaves = [self.hashes[start : start + HASH] for start in range(0, len(self.hashes), HASH)]
        tiles = Tiles.over(leaves)
        if len(leaves) != manifest.record_count or root_of(tiles.roots) != manifest.records_root:
            return None
        return tiles

    def erased(self) -> list[BlockRecord]:
        """Return the records that are blank."""
        return [record for record in self.records if not record.body]

    def sound(self, tiles: Tiles) -> list[BlockRecord]:
        """Return the records that are as they were signed."""
        leaves = b"".join(tiles.hashes)
        return [
            record
            for record in self.records
            if leaf_hash(record.body)
            == leaves[record.record_index * HASH : (record.record_index + 1) * HASH]
        ]

    def breaches(self, tiles: Tiles) -> Iterator[str]:
        """Yield what is wrong with the records, beside those that were erased."""
        sound = {record.record_index for record in self.sound(tiles)}
        for record in self.records:
            if record.body and record.record_index not in sound:
                yield f"record {record.record_index} is not the one that was signed"
        for index in self.misfits:
            yield f"record {index} is of a wrong type"
        count = len(b"".join(tiles.hashes)) // HASH
        missing = count - len(self.records) - len(self.misfits)
        if missing:
            yield f"it has {count - missing} of {count} records"
