"""Tiles: a tree cut into blocks of 256 hashes (C2SP tlog-tiles).

A tile at level L holds roots of perfect subtrees of height 8 L. What lies between
is computed from the tile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from bureau_keys.errors import BadProof
from bureau_keys.merkle import HASH_BYTES, root_of, root_of_row

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT

Fetch = Callable[[int, int, int], bytes]


class Span(NamedTuple):
    """Hashes of one tile: the node over them is their root.

    Attributes:
        level: The tile's level.
        tile: Its index within the level.
        first: The first hash, 0 to 255.
        stop: One past the last, 1 to 256.
    """

    level: int
    tile: int
    first: int
    stop: int


def span_of(level: int, index: int) -> Span:
    """Return the place of the perfect subtree over leaves index * 2^level and on."""
    tile_level, height = divmod(level, TILE_HEIGHT)
    tile_index, first = divmod(index << height, TILE_WIDTH)
    return Span(tile_level, tile_index, first, first + (1 << height))


def tile_width(level: int, index: int, size: int) -> int:
    """Return the number of hashes that a tile has in a tree of `size`; 0: there is no such tile."""
    return max(0, min(TILE_WIDTH, (size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH))


class Tiles(NamedTuple):
    """A small tree's leaf hashes in tiles of 256, and the root of each; the root
    over these is the root over all.
    """

    hashes: list[bytes]
    roots: list[bytes]

    @classmethod
    def over(cls, leaves: list[bytes]) -> Tiles:
        """Return the tiles over leaf hashes."""
        parts = [leaves[start : start + TILE_WIDTH] for start in range(0, len(leaves), TILE_WIDTH)]
        return cls([b"".join(part) for part in parts], [root_of(part) for part in parts])


class TileSource:
    """Finds the hashes of perfect subtrees in tiles, and remembers the tiles."""

    def __init__(self, fetch: Fetch, size: int | None = None) -> None:
        """Read the tiles of one tree through a fetch function.

        Args:
            fetch: Given tile level, tile index and width (how many hashes are
                needed, from the first on), returns at least that many hashes, one
                after another.
            size: The tree's. Then each tile is fetched once, as wide as it is in
                that tree; else as wide as a hash needs, again for one farther on.
        """
        self._fetch = fetch
        self._size = size
        self._tiles: dict[tuple[int, int], bytes] = {}

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of the perfect subtree over leaves index * 2^level and on.

        Raises:
            BadProof: The tile was fetched short.
        """
        span = span_of(level, index)
        tile = self._tile(span)
        return root_of_row(tile[span.first * HASH_BYTES : span.stop * HASH_BYTES])

    def _tile(self, span: Span) -> bytes:
        level, index, _, stop = span
        known = self._tiles.get((level, index), b"")
        if len(known) < stop * HASH_BYTES:
            width = stop if self._size is None else tile_width(level, index, self._size)
            known = self._tiles[level, index] = self._fetch(level, index, width)
            if len(known) < max(width, stop) * HASH_BYTES:
                raise BadProof(f"tile {index} of level {level} is too short")
        return known
