"""The append-only log: leaves, tiles, checkpoints and the receipts of them.

Inside the writer's transaction `append` turns accepted statements into leaves:
it takes the head row, which all nodes share, gives out dense indices, signs one
checkpoint for all of them and stores everything, so that a statement's effect
and its leaf are committed together or not at all. Outside, the reading functions
make proofs from the stored tiles.

Formats: RFC 6962 hashing; C2SP tlog-checkpoint, tlog-tiles.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bureau.clock import Moment
from bureau.errors import Refusal
from bureau.ledger.node_checks import ForkedLogError, check_clock
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.checkpoint import Checkpoint, sign_checkpoint
from bureau_keys.merkle import Frontier, consistency_path, inclusion_path, leaf_hash, root_of
from bureau_keys.receipt import LeafStatement, commitment
from bureau_keys.signing import SigningKey
from bureau_keys.tiles import TileSource

TILE = 256
HASH = 32


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """A signed envelope that a journey has verified and wants to commit.

    Attributes:
        kind: Kind of entry, for example `consent`.
        signer: `members/…` or `subjects/…`.
        request_id: UUID from the header; unique for the signer.
        digest: SHA-256 of the envelope's PAE.
        envelope: The envelope's bytes.
    """

    kind: str
    signer: str
    request_id: str
    digest: bytes
    envelope: bytes


class LoggedEntry(NamedTuple):
    """An entry of the log, as its row holds it."""

    entry_key: int
    leaf_index: int
    kind: str
    signer: str
    request_id: str
    digest: bytes
    answer_digest: bytes
    salt: bytes
    commitment: bytes
    time_us: int


@dataclass(frozen=True, slots=True)
class LogProof:
    """What a receipt is made of: the entry, its inclusion proof, the checkpoint."""

    entry: LoggedEntry
    proof: Sequence[bytes]
    checkpoint: str


@dataclass(frozen=True, slots=True)
class NewLeaf:
    """A leaf about to be appended."""

    entry_key: int
    statement: SignedStatement
    answer_digest: bytes


class Head(NamedTuple):
    """A state of the log that this node has acknowledged.

    Attributes:
        note: Its signed checkpoint.
    """

    size: int
    root: bytes
    note: str


def append(
    db: Connection,
    leaves: Sequence[NewLeaf],
    key: SigningKey,
    origin: str,
    moment: Moment,
    acknowledged: Head | None = None,
) -> tuple[list[LogProof], Head]:
    """Appends leaves in order and signs a checkpoint over them.

    Runs at the end of the writer's transaction. If the process dies before the
    commit, nothing of it exists; if after, all of it does, and a retry of the
    request finds its entry.

    Args:
        moment: The time.
        acknowledged: The newest state that this node has acknowledged.

    Returns:
        The proof of each leaf in the new tree, and that tree.

    Raises:
        ForkedLogError: The log is not what this node has acknowledged.
        Refusal: NODE_UNFIT if the clock is wrong.
    """
    # 1. What needs no index, before nodes take turns.
    db.notify()
    db.execute_many_tuples(
        q.add_statement,
        ("entry_key", "envelope"),
        [(leaf.entry_key, leaf.statement.envelope) for leaf in leaves],
    )

    # 2. The head row, locked: from here to the commit this node orders the log.
    size, edge, newest_us, server_us = db.one(q.lock_head) or (0, b"", 0, None)
    frontier = frontier_of(size, edge)
    check_extends(db, frontier, acknowledged)
    check_clock(moment, newest_us, server_us)
    # Time goes with the order of the log, whichever node's clock is a little ahead.
    now_us = max(moment.now_us, newest_us)

    # 3. Leaves: an HMAC under a random salt, so the log tells nothing by itself.
    entries = []
    for index, leaf in enumerate(leaves, size):
        salt = secrets.token_bytes(HASH)
        told = leaf.statement
        line = LeafStatement(told.kind, told.digest, leaf.answer_digest, now_us)
        entries.append(
            LoggedEntry(
                leaf.entry_key,
                index,
                told.kind,
                told.signer,
                told.request_id,
                told.digest,
                leaf.answer_digest,
                salt,
                commitment(line, salt),
                now_us,
            )
        )
    proofs = frontier.extend_with_proofs([leaf_hash(entry.commitment) for entry in entries])

    # 4. One checkpoint for all.
    note = sign_checkpoint(Checkpoint(origin, frontier.size, frontier.root()), key)

    # 5. Rows.
    db.execute_many_tuples(q.add_entry, LoggedEntry._fields, entries)
    edge = b"".join(frontier.hashes)
    db.execute(q.move_head, new_size=frontier.size, new_frontier=edge, new_us=now_us)
    db.execute(q.add_checkpoint, tree_size=frontier.size, note=note, time_us=now_us)
    _fill_tiles(db, size, frontier.size)
    given = [LogProof(entry, proof, note) for entry, proof in zip(entries, proofs, strict=True)]
    return given, Head(frontier.size, frontier.root(), note)


def confirm_durable(db: Connection) -> None:
    """Makes the commit of this transaction tell that all before it are durable.

    What is found committed may be on one machine only: its own wait for the standby was
    cut short, or the server started anew. A commit that gets through that wait itself
    comes behind it in the database's log, and so takes it along.
    """
    db.execute(q.touch_head)


def check_extends(db: Connection, found: Frontier, acknowledged: Head | None) -> None:
    """Raises ForkedLogError for a log that is behind what was acknowledged, or other."""
    if acknowledged is None:
        return
    same = found.size == acknowledged.size and found.root() == acknowledged.root
    if not same and found.size > acknowledged.size:
        # Others have appended, to what was acknowledged or to something else.
        row = db.one(q.checkpoint_at, tree_size=acknowledged.size)
        same = row is not None and row[0] == acknowledged.note
    if not same:
        raise ForkedLogError(acknowledged.note, newest_checkpoint(db))


def frontier_of(size: int, edge: bytes) -> Frontier:
    """The tree's right edge from the head row."""
    return Frontier(size, [edge[i : i + HASH] for i in range(0, len(edge), HASH)])


def create(db: Connection, key: SigningKey, origin: str, now_us: int) -> None:
    """Writes the empty log: its head row and its first checkpoint."""
    frontier = Frontier()
    note = sign_checkpoint(Checkpoint(origin, 0, frontier.root()), key)
    db.execute(q.add_head, head_id=1, tree_size=0, frontier=b"", time_us=now_us)
    db.execute(q.add_checkpoint, tree_size=0, note=note, time_us=now_us)


def size_of(db: Connection) -> int:
    """The log's size."""
    row = db.one(q.log_size)
    return int(row[0]) if row else 0


def newest_checkpoint(db: Connection) -> str:
    """The newest signed checkpoint."""
    row = db.one(q.newest_checkpoint)
    assert row is not None, "the log has a checkpoint from its creation on"
    return str(row[0])


def leaves(db: Connection, start: int, count: int) -> list[bytes]:
    """Commitments of leaves `start` to `start + count`."""
    return [row[0] for row in db.all(q.commitments, start=start, stop=start + count)]


def proof_of(db: Connection, entry: LoggedEntry) -> LogProof:
    """The proof that was given when the entry was committed, once more.

    It leads to the same checkpoint: the first that was signed over the entry.
    """
    row = db.one(q.first_checkpoint_over, leaf_index=entry.leaf_index)
    assert row is not None, "an entry is committed with a checkpoint over it"
    size, note = row
    return LogProof(entry, inclusion_proof(db, entry.leaf_index, size), note)


def inclusion_proof(db: Connection, index: int, size: int) -> list[bytes]:
    """RFC 6962 inclusion proof of a leaf in the tree of `size`.

    Raises:
        Refusal: BEYOND_LOG.
    """
    if size > size_of(db) or index >= size:
        raise Refusal("BEYOND_LOG", "there is no such leaf in a tree of this size")
    return list(inclusion_path(tile_source(db, size), index, size))


def consistency_proof(db: Connection, first: int, second: int) -> list[bytes]:
    """RFC 6962 consistency proof between two sizes.

    Raises:
        Refusal: BEYOND_LOG.
    """
    if not 1 <= first <= second or second > size_of(db):
        raise Refusal("BEYOND_LOG", "sizes must be ordered and within the log")
    return list(consistency_path(tile_source(db, second), first, second))


def tile(db: Connection, level: int, index: int) -> bytes:
    """A tile's hashes, as many as it has.

    Raises:
        Refusal: BEYOND_LOG.
    """
    width = min(TILE, (size_of(db) >> (8 * level)) - index * TILE)
    if width <= 0:
        raise Refusal("BEYOND_LOG", "there is no such tile yet")
    return _hashes(db, level, index, width)


def tile_source(db: Connection, size: int) -> TileSource:
    """Where proofs in the tree of a size find the hashes of perfect subtrees."""
    return TileSource(lambda level, index, width: _hashes(db, level, index, width), size)


def _hashes(db: Connection, level: int, index: int, width: int) -> bytes:
    """The first `width` hashes of a tile; a tile still growing is put together
    from what is below it.
    """
    start = index * TILE
    if width == TILE and (row := db.one(q.full_tile, level=level, index=index)):
        return bytes(row[0])
    if level == 0:
        return b"".join(leaf_hash(data) for data in leaves(db, start, width))
    rows = db.all(q.tile_roots, level=level - 1, start=start, stop=start + width)
    return b"".join(row[0] for row in rows)


def _fill_tiles(db: Connection, old_size: int, new_size: int) -> None:
    """Stores the tiles that became full between two sizes, lowest level first."""
    level, old, new = 0, old_size // TILE, new_size // TILE
    while new > old:
        for index in range(old, new):
            hashes = _hashes(db, level, index, TILE)
            parts = [hashes[i : i + HASH] for i in range(0, len(hashes), HASH)]
            db.execute(
                q.add_tile, level=level, tile_index=index, hashes=hashes, root=root_of(parts)
            )
        level, old, new = level + 1, old // TILE, new // TILE
