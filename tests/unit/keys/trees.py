"""Merkle trees as RFC 6962 section 2.1 writes them down: slow, and plainly right."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from hypothesis import strategies as st


def leaves(count: int) -> list[bytes]:
    """Leaf hashes of 0, 1, 2 …"""
    return [hashlib.sha256(b"\0%d" % number).digest() for number in range(count)]


def tree_hash(hashes: Sequence[bytes]) -> bytes:
    """MTH(D[n]) over leaf hashes."""
    if len(hashes) <= 1:
        return hashes[0] if hashes else hashlib.sha256().digest()
    k = _split(len(hashes))
    left, right = tree_hash(hashes[:k]), tree_hash(hashes[k:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def path(m: int, hashes: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n])."""
    if len(hashes) <= 1:
        return []
    k = _split(len(hashes))
    if m < k:
        return [*path(m, hashes[:k]), tree_hash(hashes[k:])]
    return [*path(m - k, hashes[k:]), tree_hash(hashes[:k])]


def proof(m: int, hashes: Sequence[bytes]) -> list[bytes]:
    """PROOF(m, D[n])."""
    return _subproof(m, hashes, known=True)


def _subproof(m: int, hashes: Sequence[bytes], *, known: bool) -> list[bytes]:
    if m == len(hashes):
        return [] if known else [tree_hash(hashes)]
    k = _split(len(hashes))
    if m <= k:
        return [*_subproof(m, hashes[:k], known=known), tree_hash(hashes[k:])]
    return [*_subproof(m - k, hashes[k:], known=False), tree_hash(hashes[:k])]


def _split(n: int) -> int:
    """The largest power of two below n."""
    return 1 << (n - 1).bit_length() - 1


class Nodes:
    """Hashes of perfect subtrees, and nothing else."""

    def __init__(self, hashes: Sequence[bytes]) -> None:
        self.hashes = hashes

    def node(self, level: int, index: int) -> bytes:
        start, stop = index << level, (index + 1) << level
        assert stop <= len(self.hashes), "only perfect subtrees are asked for"
        return tree_hash(self.hashes[start:stop])


sizes = st.integers(1, 300)
