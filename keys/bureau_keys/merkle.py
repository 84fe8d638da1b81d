"""Merkle trees of RFC 6962 section 2.1, with the proofs of RFC 9162 section 2.1."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Protocol

from bureau_keys.errors import BadProof

HASH_BYTES = 32
EMPTY_ROOT = sha256().digest()


def leaf_hash(data: bytes) -> bytes:
    """Hash of a leaf: SHA-256(0x00 || data)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of a node: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """Root of the tree over leaf hashes."""
    frontier = Frontier()
    frontier.extend(leaf_hashes)
    return frontier.root()


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
        """An independent copy."""
        return Frontier(self.size, self.hashes)

    def append(self, hashed: bytes) -> None:
        """Adds a leaf by its hash."""
        size, hashes = self.size, self.hashes
        while size & 1:
            hashed = sha256(b"\x01" + hashes.pop() + hashed).digest()
            size >>= 1
        hashes.append(hashed)
        self.size += 1

    def extend(self, leaf_hashes: Sequence[bytes]) -> None:
        """Adds leaves by their hashes."""
        for hashed in leaf_hashes:
            self.append(hashed)

    def root(self) -> bytes:
        """The tree's root; of the empty tree SHA-256 of nothing."""
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for hashed in reversed(self.hashes[:-1]):
            root = node_hash(hashed, root)
        return root

    def extend_with_proofs(self, leaf_hashes: Sequence[bytes]) -> list[list[bytes]]:
        """Adds leaves and proves each in the tree that results.

        Needs nothing but the old edge and the new leaves: about two node hashes
        a leaf for the batch, and no hashing for a proof.

        Returns:
            For each leaf its inclusion proof, the leaf's sibling first.
        """
        old_size, nodes = self.size, _Nodes(self.size, self.hashes, leaf_hashes)
        self.extend(leaf_hashes)
        size = self.size
        return [inclusion_path(nodes, index, size) for index in range(old_size, size)]


class NodeSource(Protocol):
    """Where proofs find hashes."""

    def node(self, level: int, index: int) -> bytes:
        """Hash of the perfect subtree over leaves index * 2^level and on."""


class _Nodes:
    """Perfect subtrees of an old edge and new leaves."""

    def __init__(self, size: int, edge: Sequence[bytes], leaf_hashes: Sequence[bytes]) -> None:
        self._known: dict[tuple[int, int], bytes] = {}
        rest = size
        for hashed in reversed(edge):
            level = (rest & -rest).bit_length() - 1
            self._known[level, (rest >> level) - 1] = hashed
            rest &= rest - 1
        level, start, row = 0, size, list(leaf_hashes)
        while row:
            for place, hashed in enumerate(row, start):
                self._known[level, place] = hashed
            if start & 1:  # the left sibling is on the old edge
                start -= 1
                row.insert(0, self._known[level, start])
            row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
            level, start = level + 1, start >> 1

    def node(self, level: int, index: int) -> bytes:
        """See `NodeSource`."""
        return self._known[level, index]


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int) -> list[bytes]:
    """Proof that a leaf is in the tree over leaf hashes, the leaf's sibling first."""
    return inclusion_path(_Nodes(0, (), leaf_hashes), index, len(leaf_hashes))


def inclusion_path(source: NodeSource, index: int, size: int) -> list[bytes]:
    """Inclusion proof of a leaf in the tree of `size` (RFC 9162 section 2.1.3.1).

    Raises:
        BadProof: There is no such leaf.
    """
    if not 0 <= index < size:
        raise BadProof(f"no leaf {index} in a tree of {size}")
    # Levels at which the path has full siblings, then the right edge above.
    inner = (index ^ (size - 1)).bit_length()
    path = []
    for level in range(inner):
        sibling = (index >> level) ^ 1
        if sibling << level >= size:
            continue
        if (sibling + 1) << level <= size:
            path.append(source.node(level, sibling))
        else:
            path.append(_edge(source, sibling << level, size))
    place = index >> inner
    for level in range(inner, size.bit_length()):
        if place & 1:
            path.append(source.node(level, place - 1))
        place >>= 1
    return path


def consistency_path(source: NodeSource, first: int, second: int) -> list[bytes]:
    """Consistency proof between two sizes (RFC 9162 section 2.1.4.1).

    Raises:
        BadProof: The sizes are not 1 <= first <= second.
    """
    if not 1 <= first <= second:
        raise BadProof("sizes must be ordered and not zero")
    if first == second:
        return []
    # The largest perfect subtree that ends at `first` is where the proof starts.
    level = (first & -first).bit_length() - 1
    place = (first >> level) - 1
    proof = [] if first & (first - 1) == 0 else [source.node(level, place)]
    end = second - 1
    while end >> level != place or place:
        if end >> level == 0:
            break
        sibling = place ^ 1
        if sibling << level < second:
            if (sibling + 1) << level <= second:
                proof.append(source.node(level, sibling))
            else:
                proof.append(_edge(source, sibling << level, second))
        place >>= 1
        level += 1
    return proof


def _edge(source: NodeSource, start: int, size: int) -> bytes:
    """Root over leaves from `start` to the end of a tree, an incomplete subtree."""
    parts = []
    while start < size:
        level = (size - start).bit_length() - 1
        parts.append(source.node(level, start >> level))
        start += 1 << level
    root = parts.pop()
    while parts:
        root = node_hash(parts.pop(), root)
    return root


def verify_inclusion(
    hashed: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Checks an inclusion proof (RFC 9162 section 2.1.3.2).

    Raises:
        BadProof: It does not lead to the root.
    """
    if not 0 <= index < size:
        raise BadProof(f"no leaf {index} in a tree of {size}")
    if len(hashed) != HASH_BYTES or any(len(part) != HASH_BYTES for part in proof):
        raise BadProof("every hash has 32 bytes")
    node, last, found = index, size - 1, hashed
    for part in proof:
        if last == 0:
            raise BadProof("the inclusion proof is too long")
        if node & 1 or node == last:
            found = sha256(b"\x01" + part + found).digest()
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            found = sha256(b"\x01" + found + part).digest()
        node >>= 1
        last >>= 1
    if last != 0 or found != root:
        raise BadProof("the inclusion proof does not lead to the root")


def verify_consistency(
    first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]
) -> None:
    """Checks a consistency proof (RFC 9162 section 2.1.4.2).

    Raises:
        BadProof: The first tree is not shown to be a prefix of the second.
    """
    if not 1 <= first <= second:
        raise BadProof("sizes must be ordered and not zero")
    if first == second:
        if proof or first_root != second_root:
            raise BadProof("two roots for one size")
        return
    parts = list(proof)
    if first & (first - 1) == 0:
        parts.insert(0, first_root)
    if not parts or any(len(part) != HASH_BYTES for part in parts[1:]):
        raise BadProof("the consistency proof is empty or malformed")
    node, last = first - 1, second - 1
    while node & 1:
        node >>= 1
        last >>= 1
    old = new = parts[0]
    for part in parts[1:]:
        if last == 0:
            raise BadProof("the consistency proof is too long")
        if node & 1 or node == last:
            old, new = node_hash(part, old), node_hash(part, new)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            new = node_hash(new, part)
        node >>= 1
        last >>= 1
    if last != 0 or old != first_root or new != second_root:
        raise BadProof("the consistency proof does not lead to both roots")
