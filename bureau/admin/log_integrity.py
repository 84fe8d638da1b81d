"""Check of the log's own tables: entries, statements, tree, tiles, checkpoints, cosignatures.

The log is read once, in its order. In memory are the right edge of the tree, the tile of
each level that is not full yet, and a page of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from bureau.admin.findings import Checked
from bureau.ledger.log import TILE, LoggedEntry
from bureau.store import checks
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau.store.rows import Values, rows_of
from bureau_keys.checkpoint import open_checkpoint
from bureau_keys.cosignature import parse_witness, verify_cosignature
from bureau_keys.errors import BadProof, KeysError
from bureau_keys.log_audit import leaf_violations
from bureau_keys.merkle import Frontier, leaf_hash, root_of
from bureau_keys.note import Verifier, parse_note, parse_vkey
from bureau_keys.profile import Trust
from creditbureau.v1.envelope_pb2 import Envelope

# Entry keys are given before leaf indices (ADR 0010): the order of the log is the leaves'.
ENTRIES = rows_of("entry", ("leaf_index",), order=("leaf_index",))
STATEMENTS = rows_of("statement")
CHECKPOINTS = rows_of("checkpoint")
COSIGNATURES = rows_of("cosignature")
TILES = rows_of("log_tile")
HEAD = rows_of("log_head")
ERASED = rows_of("erased_statement")
# A note without its signatures, to read a single line.
_NO_TEXT = "cosigned\n\n"
# Tables that the log itself is made of.
LOG_TABLES = frozenset(
    rows.name for rows in (ENTRIES, STATEMENTS, CHECKPOINTS, COSIGNATURES, TILES, HEAD, ERASED)
)


class WalkedEntry(NamedTuple):
    """An entry of the log, checked on its own.

    Attributes:
        envelope: The signed statement; None if it was erased or is not what was logged.
        erased: True if the statement was erased.
        ends_batch: True if the log was signed over this entry as the last one.
    """

    entry: LoggedEntry
    envelope: Envelope | None
    erased: bool
    ends_batch: bool


@dataclass(slots=True)
class _Tree:
    """The tree of the entries so far, and its tiles that are not full."""

    db: Connection
    checked: Checked
    edge: Frontier
    open_tiles: list[list[bytes]]
    tile_count: int = 0

    def add(self, hashed: bytes) -> None:
        """Add a leaf, and check the tiles that are full with it."""
        self.edge.append(hashed)
        self._fill(0, hashed)

    def _fill(self, level: int, hashed: bytes) -> None:
        if level == len(self.open_tiles):
            self.open_tiles.append([])
        tile = self.open_tiles[level]
        tile.append(hashed)
        if len(tile) < TILE:
            return
        index = (self.edge.size >> 8 * (level + 1)) - 1
        root = root_of(tile)
        if TILES.one(self.db, (level, index)) != (level, index, b"".join(tile), root):
            self.checked.found(f"tile {level}/{index} does not follow from the entries")
        self.tile_count += 1
        tile.clear()
        self._fill(level + 1, root)


class LogWalk:
    """One reading of the log from its first entry to its last."""

    def __init__(self, db: Connection, trust: Trust, checked: Checked) -> None:
        """Prepare the reading.

        Args:
            trust: The keys of the log and of its witnesses.
            checked: Takes the findings.
        """
        self._db = db
        self._trust = trust
        self._checked = checked
        self._tree = _Tree(db, checked, Frontier(), [])
        self._newest_us = 0
        self._statements = 0
        self._checkpoints = CHECKPOINTS.all(db)
        self._checkpoint: Values | None = next(self._checkpoints, None)

    def entries(self) -> Iterator[WalkedEntry]:
        """Yield each entry after its check; at the end check what the log adds up to."""
        self._pass_checkpoints(0)
        for row in ENTRIES.all(self._db):
            if wrong := ENTRIES.wrong_types(row):
                self._checked.found(f"entry {row[0]}: {', '.join(wrong)} is of a wrong type")
                continue
            entry = LoggedEntry(*row)
            index, expected = entry.leaf_index, self._checked.entries
            if index != expected:
                self._checked.found(f"{index - expected} entries are missing", expected)
            self._checked.entries = index + 1
            self._tree.add(leaf_hash(entry.commitment))
            envelope, erased = self._statement_of(entry)
            if entry.time_us < self._newest_us:
                self._checked.found("its time is before that of the entry before it", index)
            self._newest_us = max(self._newest_us, entry.time_us)
            ends_batch = self._pass_checkpoints(index + 1)
            yield WalkedEntry(entry, envelope, erased, ends_batch)
        self._end()

    def _statement_of(self, entry: LoggedEntry) -> tuple[Envelope | None, bool]:
        """Return an entry's statement if it is the one that was logged, and its erasure."""
        report, index = self._checked.found, entry.leaf_index
        row = STATEMENTS.one(self._db, (entry.entry_key,))
        if row is None:
            report("its statement is missing", index)
            return None, False
        self._statements += 1
        stored = row[1]
        if ERASED.one(self._db, (entry.entry_key,)):
            if stored or entry.digest or entry.salt:
                report("it was erased, and something of it is still there", index)
            return None, True
        if STATEMENTS.wrong_types(row):
            report("its statement is of a wrong type", index)
            return None, False
        if violations := list(leaf_violations(entry, stored)):
            for violation in violations:
                report(violation, index)
            return None, False
        envelope = Envelope.FromString(stored)
        envelope.DiscardUnknownFields()
        if envelope.SerializeToString(deterministic=True) != stored:
            report("its statement has more in it than was signed", index)
            return None, False
        return envelope, False

    def _pass_checkpoints(self, size: int) -> bool:
        """Check the checkpoints up to a size; return True if one is of this very size."""
        reached = False
        while (row := self._checkpoint) is not None:
            if CHECKPOINTS.wrong_types(row):
                self._checked.found(f"the checkpoint of size {row[0]} is of a wrong type")
            elif row[0] > size:
                return reached
            else:
                self._check_checkpoint(*row)
                reached = reached or row[0] == size
            self._checkpoint = next(self._checkpoints, None)
        return reached

    def _check_checkpoint(self, size: int, note: str, time_us: int) -> None:
        self._checked.checkpoints += 1
        try:
            signed = open_checkpoint(note, self._trust.origin, parse_vkey(self._trust.log_key).key)
        except KeysError as error:
            self._checked.found(f"the checkpoint of size {size}: {error}")
            return
        edge = self._tree.edge
        if signed.size != size or edge.size != size or signed.root != edge.root():
            self._checked.found(f"the entries do not give the root signed for size {size}")
        if size and time_us != self._newest_us:
            self._checked.found(f"the checkpoint of size {size} is not of its last entry's time")
        if note != _canonical(note):
            self._checked.found(f"the checkpoint of size {size} has more than the log's signature")

    def _end(self) -> None:
        """Check what is left: later checkpoints, the head row, and rows that belong to none."""
        size = self._checked.entries
        newest = -1
        while self._checkpoint is not None:
            newest = self._checkpoint[0]
            self._checked.found(f"a checkpoint is of {newest} entries, there are {size}")
            self._checkpoint = next(self._checkpoints, None)
        if newest == -1 and CHECKPOINTS.one(self._db, (size,)) is None:
            self._checked.found(f"no checkpoint is of all {size} entries")
        head = list(HEAD.all(self._db))
        if [row[:3] for row in head] != [(1, size, b"".join(self._tree.edge.hashes))]:
            self._checked.found("the head row is not the tree's right edge")
        elif size and head[0][3] != self._newest_us:
            self._checked.found("the head row is not of the newest entry's time")
        if TILES.count(self._db) != self._tree.tile_count:
            self._checked.found(f"there are tiles beside the {self._tree.tile_count} full ones")
        if STATEMENTS.count(self._db) != self._statements:
            for (key,) in self._db.all(checks.lost_statements):
                self._checked.found(f"statement {key} names an entry that is not there")
        self._check_erased()
        self._check_cosignatures()

    def _check_erased(self) -> None:
        for row in ERASED.all(self._db):
            if self._db.one(q.entry_by_key, entry_key=row[0]) is None:
                self._checked.found(f"an erasure names an entry that is not there: {row[0]}")

    def _check_cosignatures(self) -> None:
        witnesses = [parse_witness(vkey) for vkey in self._trust.witnesses]
        for size, witness, line in COSIGNATURES.all(self._db):
            row = CHECKPOINTS.one(self._db, (size,))
            if row is None:
                self._checked.found(
                    f"{witness} has cosigned size {size}, of which there is no checkpoint"
                )
                continue
            try:
                self._check_cosignature(row[1], witness, line, witnesses)
            except (KeysError, TypeError) as error:
                self._checked.found(f"the cosignature of size {size} by {witness}: {error}")

    def _check_cosignature(
        self, note: str, witness: str, line: str, witnesses: list[Verifier]
    ) -> None:
        """Verify a witness's line, if the witness's key is among those of the profile.

        Raises:
            KeysError: The line is not the witness's, or does not verify.
        """
        _, (signature, *others) = parse_note(f"{_NO_TEXT}{line}")
        if signature.name != witness or others:
            raise BadProof("the line is not this witness's own")
        for known in witnesses:
            if (known.name, known.key_hash) == signature[:2]:
                verify_cosignature(note + line, witness, known.key)
                return
        # A witness, or a key of it, that the bureau's settings name no more.
        self._checked.unproved += 1


def _canonical(note: str) -> str:
    """Return a checkpoint's note up to its first signature."""
    text, _, signatures = note.rpartition("\n\n")
    return f"{text}\n\n{signatures.partition(chr(10))[0]}\n"
