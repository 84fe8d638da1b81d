"""The append-only log: leaves, tiles, checkpoints and their receipts.

Inside the writer's transaction `append` turns accepted statements into leaves:
it locks the head row, which all nodes share, assigns dense indices, signs one
checkpoint over all of them and stores everything, so that a statement's effect
and its leaf are committed together or not at all. Outside the transaction, the reading
functions compute proofs from the stored tiles.

Formats: RFC 6962 hashing; C2SP tlog-checkpoint, tlog-tiles.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bureau.clock import Moment
from bureau.errors import Refusal
from bureau.ledger.event_chains import NewEvent, extend_chains
from bureau.ledger.node_checks import ForkedLogError, check_clock
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.checkpoint import Checkpoint, read_checkpoint, sign_checkpoint
from bureau_keys.entry_kinds import StatementKind
from bureau_keys.merkle import Frontier, consistency_path, inclusion_path, leaf_hash, root_of
from bureau_keys.receipt import LeafStatement, commitment
from bureau_keys.signer_name import SignerName
from bureau_keys.signing import SigningKey
from bureau_keys.tiles import TileSource

TILE = 256
HASH = 32
# The log's name among the trees whose tiles a database keeps in memory; others are named by the
# key of their entry.
LOG_TREE = -1


class StatementName(NamedTuple):
    """The name of a statement: no two entries of the log have the same."""

    request_id: str
    signer: SignerName


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """A signed envelope that a journey has verified and wants to commit.

    Attributes:
        kind: Kind of the log entry.
        signer: The member or subject that signed.
        request_id: UUID from the header; unique for the signer.
        digest: SHA-256 of the envelope's PAE.
        envelope: The envelope's bytes.
    """

    kind: StatementKind
    signer: SignerName
    request_id: str
    digest: bytes
    envelope: bytes

    @property
    def name(self) -> StatementName:
        """The name under which it is in the log once."""
        return StatementName(self.request_id, self.signer)


class LoggedEntry(NamedTuple):
    """An entry of the log: the columns of its row."""

    entry_key: int
    leaf_index: int
    kind: str
    signer: SignerName
    request_id: str
    digest: bytes
    answer_digest: bytes
    salt: bytes
    commitment: bytes
    time_us: int

    @property
    def name(self) -> StatementName:
        """The name of its statement."""
        return StatementName(self.request_id, self.signer)


@dataclass(frozen=True, slots=True)
class LogProof:
    """The parts of a receipt: entry, inclusion proof and checkpoint."""

    entry: LoggedEntry
    proof: Sequence[bytes]
    checkpoint: str


@dataclass(frozen=True, slots=True)
class NewLeaf:
    """A leaf about to be appended.

    Attributes:
        subjects: Ids of the subjects whose chain of events it extends.
    """

    entry_key: int
    statement: SignedStatement
    answer_digest: bytes
    subjects: Collection[str] = ()


def append(
    db: Connection,
    leaves: Sequence[NewLeaf],
    key: SigningKey,
    origin: str,
    moment: Moment,
    known: str = "",
) -> list[LogProof]:
    """Append leaves in order and sign a checkpoint over them.

    Runs at the end of the writer's transaction. If the process dies before the
    commit, nothing of the batch exists; if after, all of it does, and a retry of a
    request finds its entry.

    Args:
        moment: Time of the batch.
        known: Newest checkpoint that this node knows; empty without one.

    Returns:
        The proof of each leaf in the new tree.

    Raises:
        ForkedLogError: The log does not hold the known checkpoint, or the head is not that of
            the newest one.
        Refusal: NODE_UNFIT if the clock is wrong.
    """
    # 1. Rows that need no leaf index, before the lock that lets one node in at a time.
    db.notify()
    db.execute_many_tuples(
        q.add_statement,
        ("entry_key", "envelope"),
        [(leaf.entry_key, leaf.statement.envelope) for leaf in leaves],
    )

    # 2. The head row, locked: from here to the commit this node orders the log.
    size, edge, newest_us, server_us = db.one(q.lock_head) or (0, b"", 0, None)
    frontier = frontier_of(size, edge)
    check_extends(db, frontier, known)
    check_clock(moment, newest_us, server_us)
    # Log timestamps never decrease, even if this node's clock is behind another's.
    now_us = max(moment.now_us, newest_us)

    # 3. Leaves: an HMAC under a random salt, so a leaf alone reveals nothing.
    entries = []
    for index, leaf in enumerate(leaves, size):
        salt = secrets.token_bytes(HASH)
        statement = leaf.statement
        line = LeafStatement(statement.kind, statement.digest, leaf.answer_digest, now_us)
        entries.append(
            LoggedEntry(
                leaf.entry_key,
                index,
                statement.kind,
                statement.signer,
                statement.request_id,
                statement.digest,
                leaf.answer_digest,
                salt,
                commitment(line, salt),
                now_us,
            )
        )
    hashes = [leaf_hash(entry.commitment) for entry in entries]
    proofs = frontier.extend_with_proofs(hashes)

    # 4. One checkpoint over all leaves.
    note = sign_checkpoint(Checkpoint(origin, frontier.size, frontier.root()), key)

    # 5. Rows.
    db.execute_many_tuples(q.add_entry, LoggedEntry._fields, entries)
    extend_chains(
        db,
        [
            NewEvent(index, hashed, leaf.subjects)
            for index, (leaf, hashed) in enumerate(zip(leaves, hashes, strict=True), size)
        ],
    )
    edge = b"".join(frontier.hashes)
    db.execute(q.move_head, new_size=frontier.size, new_frontier=edge, new_us=now_us)
    db.execute(q.add_checkpoint, tree_size=frontier.size, note=note, time_us=now_us)
    _fill_tiles(db, size, frontier.size)
    return [LogProof(entry, path, note) for entry, path in zip(entries, proofs, strict=True)]


def confirm_durable(db: Connection) -> None:
    """Write to the head row so that this commit also waits for the standby, which proves that
    earlier commits are durable.

    An earlier commit may be on one machine only: its own wait for the standby was cut short,
    or the server was restarted. A later commit follows it in the database's log, so the
    standby that confirms the later one has both.
    """
    db.execute(q.touch_head)


def check_extends(db: Connection, head: Frontier, known: str) -> None:
    """Raise ForkedLogError unless the log's head extends a known checkpoint."""
    if known and _is_of(known, head):
        return
    # Other nodes have appended, to the known state or to another one.
    newest = newest_checkpoint(db)
    if not _is_of(newest, head):
        raise ForkedLogError(newest, f"the head row: size {head.size}, root {head.root().hex()}\n")
    if known:
        checkpoint = read_checkpoint(known)
        row = db.one(q.checkpoint_at, tree_size=checkpoint.size)
        if row is None or read_checkpoint(row[0]).root != checkpoint.root:
            raise ForkedLogError(known, newest)


def _is_of(note: str, head: Frontier) -> bool:
    """Return whether a checkpoint is that of a head."""
    checkpoint = read_checkpoint(note)
    return (checkpoint.size, checkpoint.root) == (head.size, head.root())


def frontier_of(size: int, edge: bytes) -> Frontier:
    """Return the right edge of the tree, from the columns of the head row."""
    return Frontier(size, [edge[i : i + HASH] for i in range(0, len(edge), HASH)])


def create(db: Connection, key: SigningKey, origin: str, now_us: int) -> None:
    """Store the empty log: its head row and its first checkpoint."""
    frontier = Frontier()
    note = sign_checkpoint(Checkpoint(origin, 0, frontier.root()), key)
    db.execute(q.add_head, head_id=1, tree_size=0, frontier=b"", time_us=now_us)
    db.execute(q.add_checkpoint, tree_size=0, note=note, time_us=now_us)


def size_of(db: Connection) -> int:
    """Return the tree size of the log; 0 without a head row."""
    row = db.one(q.log_size)
    return int(row[0]) if row else 0


def newest_checkpoint(db: Connection) -> str:
    """Return the newest signed checkpoint."""
    row = db.one(q.newest_checkpoint)
    assert row is not None, "the log has a checkpoint from its creation on"
    return str(row[0])


def leaves(db: Connection, start: int, count: int) -> list[bytes]:
    """Return the commitments of the leaves from `start` to before `start + count`."""
    return [row[0] for row in db.all(q.commitments, start=start, stop=start + count)]


def proof_of(db: Connection, entry: LoggedEntry) -> LogProof:
    """Return the proof that the entry had when it was committed.

    It leads to the same checkpoint: the first that was signed over the entry.
    """
    row = db.one(q.first_checkpoint_over, leaf_index=entry.leaf_index)
    assert row is not None, "an entry is committed with a checkpoint over it"
    return proof_under(db, entry, *row)


def proof_under(db: Connection, entry: LoggedEntry, size: int, note: str) -> LogProof:
    """Return the proof of an entry under the first checkpoint over it, which has this size."""
    path = inclusion_path(tile_source(db, size), entry.leaf_index, size)
    return LogProof(entry, list(path), note)


def inclusion_proof(db: Connection, index: int, size: int) -> list[bytes]:
    """Return the RFC 6962 inclusion proof of a leaf in the tree of `size`.

    Raises:
        Refusal: BEYOND_LOG if the tree or the log has no such leaf.
    """
    if size > size_of(db) or index >= size:
        raise Refusal("BEYOND_LOG", f"leaf {index} is not in a tree of size {size} of this log")
    return list(inclusion_path(tile_source(db, size), index, size))


def consistency_proof(db: Connection, first: int, second: int) -> list[bytes]:
    """Return the RFC 6962 consistency proof between two sizes.

    Raises:
        Refusal: BEYOND_LOG if the sizes are not ordered or beyond the log.
    """
    if not 1 <= first <= second or second > size_of(db):
        raise Refusal(
            "BEYOND_LOG", f"sizes {first} and {second} are not ordered and within the log"
        )
    return list(consistency_path(tile_source(db, second), first, second))


def tile(db: Connection, level: int, index: int) -> bytes:
    """Return the hashes of a tile; fewer than 256 for a tile at the right edge.

    Raises:
        Refusal: BEYOND_LOG if the tile has no hash yet.
    """
    width = min(TILE, (size_of(db) >> (8 * level)) - index * TILE)
    if width <= 0:
        raise Refusal("BEYOND_LOG", f"tile {index} of level {level} is beyond the log")
    return _hashes(db, level, index, width)[: width * HASH]


def tile_source(db: Connection, size: int) -> TileSource:
    """Return the source of subtree hashes for proofs in the tree of a size."""
    return TileSource(
        lambda level, index, width: _hashes(db, level, index, width), size, db.tiles, LOG_TREE
    )


def _hashes(db: Connection, level: int, index: int, width: int) -> bytes:
    """Return the first `width` hashes of a tile, or all of one that is full; compute those of an
    unfinished tile from the level below.
    """
    start = index * TILE
    if row := db.one(q.full_tile, level=level, index=index):
        return bytes(row[0])
    if level == 0:
        return b"".join(leaf_hash(data) for data in leaves(db, start, width))
    rows = db.all(q.tile_roots, level=level - 1, start=start, stop=start + width)
    return b"".join(row[0] for row in rows)


def _fill_tiles(db: Connection, old_size: int, new_size: int) -> None:
    """Store the tiles that became full between two sizes, lowest level first."""
    level, old, new = 0, old_size // TILE, new_size // TILE
    while new > old:
        for index in range(old, new):
            hashes = _hashes(db, level, index, TILE)
            parts = [hashes[i : i + HASH] for i in range(0, len(hashes), HASH)]
            db.execute(
                q.add_tile, level=level, tile_index=index, hashes=hashes, root=root_of(parts)
            )
        level, old, new = level + 1, old // TILE, new // TILE
