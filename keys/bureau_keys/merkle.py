"""Merkle trees of RFC 6962 section 2.1, with the proofs of RFC 9162 section 2.1."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Protocol

from bureau_keys.errors import BadProof

HASH_BYTES = 32
EMPTY_ROOT = sha256().digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256(0x00 || data)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """Return the root of the tree over leaf hashes."""
    row = list(leaf_hashes)
    while len(row) > 1:
        pairs = zip(row[::2], row[1::2], strict=False)
        above = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
        # A node without a sibling goes up as it is: it covers the tree's right edge.
        row = above + row[2 * len(above) :]
    return row[0] if row else EMPTY_ROOT


def root_of_row(row: bytes) -> bytes:
    """Return the root of a perfect tree over concatenated leaf hashes."""
    width = 2 * HASH_BYTES
    while len(row) > HASH_BYTES:
        parts = [row[start : start + width] for start in range(0, len(row), width)]
        row = b"".join([sha256(b"\x01" + part).digest() for part in parts])
    return row


class Frontier:
    """The right edge of a growing tree: roots of its perfect subtrees, largest
    first. Enough to append, to know the root, and to prove what was appended.
    """

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if size.bit_count() != len(hashes):
            raise BadProof("a frontier has one hash for each bit of its size")
        self.size = size
        self.hashes = list(hashes)

    def copy(self) -> Frontier:
        """Return an independent copy."""
        return Frontier(self.size, self.hashes)

    def append(self, hashed: bytes) -> None:
        """Add a leaf by its hash."""
        self.extend((hashed,))

    def extend(self, leaf_hashes: Iterable[bytes]) -> None:
        """Add leaves by their hashes."""
        size, hashes = self.size, self.hashes
        for hashed in leaf_hashes:
            index, node = size, hashed
            while index & 1:
                node = sha256(b"\x01" + hashes.pop() + node).digest()
                index >>= 1
            hashes.append(node)
            size += 1
        self.size = size

    def root(self) -> bytes:
        """Return the tree's root; of the empty tree SHA-256 of nothing."""
        if not self.hashes:
            return EMPTY_ROOT
        return _fold(self.hashes)

    def extend_with_proofs(self, leaf_hashes: Sequence[bytes]) -> list[list[bytes]]:
        """Add leaves and prove each in the resulting tree.

        Needs nothing but the old edge and the new leaves: about two node hashes a
        leaf for the batch, and no hashing for a proof.

        Returns:
            For each leaf its inclusion proof, the leaf's sibling first.
        """
        first, rows, lefts = self.size, *_rows(self.size, self.hashes, leaf_hashes)
        self.extend(leaf_hashes)
        return [_siblings_in(rows, index) + lefts for index in range(first, self.size)]


class NodeSource(Protocol):
    """Source of the hashes in proofs."""

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of the perfect subtree over leaves index * 2^level and on."""


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int) -> list[bytes]:
    """Return the proof that a leaf is in the tree over leaf hashes, the leaf's sibling first.

    Raises:
        BadProof: There is no such leaf.
    """
    if not 0 <= index < len(leaf_hashes):
        raise BadProof(f"no leaf {index} in a tree of {len(leaf_hashes)}")
    rows, _ = _rows(0, (), leaf_hashes)
    return _siblings_in(rows, index)


# From the leaves up: where a row starts, and its hashes to the tree's end.
_Rows = list[tuple[int, list[bytes]]]


def _rows(
    size: int, edge: Sequence[bytes], leaf_hashes: Sequence[bytes]
) -> tuple[_Rows, list[bytes]]:
    """Return the rows of the tree that an old edge and new leaves make, up to the one node that
    covers all new leaves; and the left siblings from there to the root.

    A row starts with the old left sibling where its first new node has one. A node
    without a right sibling moves up unchanged, so the last hash of a row is the
    root of the subtree there, perfect or not.
    """
    lefts = list(edge)
    rows, start, row = [], size, list(leaf_hashes)
    while len(row) > 1:
        if start & 1:
            start -= 1
            row.insert(0, lefts.pop())
        rows.append((start, row))
        pairs = iter(row)
        above = [
            sha256(b"\x01" + left + right).digest()
            for left, right in zip(pairs, pairs, strict=False)
        ]
        if len(row) & 1:
            above.append(row[-1])
        start, row = start >> 1, above
    return rows, lefts[::-1]


def _siblings_in(rows: _Rows, index: int) -> list[bytes]:
    """Return a leaf's siblings, as far up as rows go."""
    path = []
    for start, row in rows:
        sibling = (index ^ 1) - start
        if sibling < len(row):
            path.append(row[sibling])
        index >>= 1
    return path


def inclusion_path(source: NodeSource, index: int, size: int) -> list[bytes]:
    """Return the inclusion proof of a leaf in the tree of `size` (RFC 9162 section 2.1.3.1).

    Raises:
        BadProof: There is no such leaf.
    """
    if not 0 <= index < size:
        raise BadProof(f"no leaf {index} in a tree of {size}")
    return _siblings(source, 0, index, size)


def consistency_path(source: NodeSource, first: int, second: int) -> list[bytes]:
    """Return the consistency proof between two sizes (RFC 9162 section 2.1.4.1).

    Raises:
        BadProof: The sizes are not 1 <= first <= second.
    """
    if not 1 <= first <= second:
        raise BadProof("sizes must be ordered and not zero")
    if first == second:
        return []
    # The largest perfect subtree that ends at `first` is where the proof starts.
    level = (first & -first).bit_length() - 1
    index = (first >> level) - 1
    # Where that is the whole first tree, the verifier has its root already.
    own = [source.node(level, index)] if index else []
    return own + _siblings(source, level, index, second)


def _siblings(source: NodeSource, level: int, index: int, size: int) -> list[bytes]:
    """Return the siblings of a node and of those above it, in the tree of `size`."""
    path = []
    node, last = source.node, (size - 1) >> level
    while last:
        sibling = index ^ 1
        if sibling < last:
            path.append(node(level, sibling))
        elif sibling == last:
            path.append(_edge(source, sibling << level, size))
        index, last, level = index >> 1, last >> 1, level + 1
    return path


def _edge(source: NodeSource, start: int, size: int) -> bytes:
    """Return the root over leaves from `start` to the end of a tree: its last subtree of some
    height, which may be incomplete.
    """
    parts = []
    while start < size:
        level = (size - start).bit_length() - 1
        parts.append(source.node(level, start >> level))
        start += 1 << level
    return _fold(parts)


def _fold(parts: Sequence[bytes]) -> bytes:
    """Return the root over neighbouring perfect subtrees, largest first; at least one."""
    root = parts[-1]
    for part in parts[-2::-1]:
        root = node_hash(part, root)
    return root


def verify_inclusion(
    hashed: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check an inclusion proof (RFC 9162 section 2.1.3.2).

    Raises:
        BadProof: It does not lead to the root.
    """
    if not 0 <= index < size:
        raise BadProof(f"no leaf {index} in a tree of {size}")
    _check_hashes(hashed, *proof)
    # Below, siblings on either side; above, where the path is the right edge, left ones.
    inner = (index ^ (size - 1)).bit_length()
    if len(proof) != inner + (index >> inner).bit_count():
        raise BadProof("the inclusion proof is too long or too short")
    if _climb(hashed, index, proof[:inner], proof[inner:]) != root:
        raise BadProof("the inclusion proof does not lead to the root")


def root_before(index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """Return the root of the tree of the leaves before `index`, from the leaf's verified
    inclusion proof: its left siblings are the subtrees of that tree.
    """
    inner = (index ^ (size - 1)).bit_length()
    lefts = [part for height, part in enumerate(proof[:inner]) if index >> height & 1]
    lefts += proof[inner:]
    return _fold(lefts[::-1]) if lefts else EMPTY_ROOT


def verify_consistency(
    first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check a consistency proof (RFC 9162 section 2.1.4.2).

    Raises:
        BadProof: The first tree is not shown to be a prefix of the second.
    """
    if not 1 <= first <= second:
        raise BadProof("sizes must be ordered and not zero")
    if first == second:
        if proof or first_root != second_root:
            raise BadProof("two roots for one size")
        return
    if _both_roots(first, second, first_root, proof) != (first_root, second_root):
        raise BadProof("the consistency proof does not lead to both roots")


def prefix_root(first: int, second: int, second_root: bytes, proof: Sequence[bytes]) -> bytes:
    """Return the root of the tree of `first` that a consistency proof shows to be the start of
    another tree.

    Raises:
        BadProof: It does not lead to the other tree's root, or it does not say: where
            the first tree is perfect, a proof takes its root as known.
    """
    if not 1 <= first < second or not first & (first - 1) or not proof:
        raise BadProof("the consistency proof does not give the first root")
    old, new = _both_roots(first, second, proof[0], proof)
    if new != second_root:
        raise BadProof("the consistency proof does not lead to the second root")
    return old


def _both_roots(
    first: int, second: int, first_root: bytes, proof: Sequence[bytes]
) -> tuple[bytes, bytes]:
    """Return the roots that a consistency proof leads to, where `first` is smaller."""
    _check_hashes(first_root, *proof)
    # The proof starts at the largest perfect subtree that ends at `first`.
    level = (first & -first).bit_length() - 1
    index = (first >> level) - 1
    # Where that is the whole first tree, its root is known.
    seed, path = (proof[0], proof[1:]) if index and proof else (first_root, proof)
    inner = (index ^ ((second - 1) >> level)).bit_length()
    if len(proof) != bool(index) + inner + (index >> inner).bit_count():
        raise BadProof("the consistency proof is too long or too short")
    siblings, edge = path[:inner], path[inner:]
    lefts = [part for height, part in enumerate(siblings) if index >> height & 1]
    return _climb(seed, 0, (), [*lefts, *edge]), _climb(seed, index, siblings, edge)


def _climb(hashed: bytes, index: int, siblings: Sequence[bytes], lefts: Sequence[bytes]) -> bytes:
    """Return the root that a node leads to, by its siblings and then by left ones only."""
    for part in siblings:
        if index & 1:
            hashed = sha256(b"\x01" + part + hashed).digest()
        else:
            hashed = sha256(b"\x01" + hashed + part).digest()
        index >>= 1
    for part in lefts:
        hashed = sha256(b"\x01" + part + hashed).digest()
    return hashed


def _check_hashes(*hashes: bytes) -> None:
    # Of other lengths, two pairs of hashes could be the same bytes.
    if set(map(len, hashes)) != {HASH_BYTES}:
        raise BadProof("every hash has 32 bytes")
