"""Tiles: a tree cut into blocks of 256 hashes (C2SP tlog-tiles).

A tile at level L holds roots of perfect subtrees of height 8 L. What lies between
is computed from the tile.
"""

from __future__ import annotations

from collections.abc import Callable

from bureau_keys.merkle import HASH_BYTES, root_of

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT

Fetch = Callable[[int, int, int], bytes]


class TileSource:
    """Finds the hashes of perfect subtrees in tiles, each fetched once."""

    def __init__(self, fetch: Fetch) -> None:
        """Args:
        fetch: Given tile level, tile index and width (how many hashes are
            needed, from the first on), returns at least so many hashes, one
            after another.
        """
        self._fetch = fetch
        self._tiles: dict[tuple[int, int], bytes] = {}

    def node(self, level: int, index: int) -> bytes:
        """Hash of the perfect subtree over leaves index * 2^level and on."""
        tile_level, height = divmod(level, TILE_HEIGHT)
        first = index << height
        tile_index, place = divmod(first, TILE_WIDTH)
        stop = place + (1 << height)
        hashes = self._tile(tile_level, tile_index, stop)
        return root_of([hashes[i * HASH_BYTES : (i + 1) * HASH_BYTES] for i in range(place, stop)])

    def _tile(self, level: int, index: int, width: int) -> bytes:
        known = self._tiles.get((level, index), b"")
        if len(known) < width * HASH_BYTES:
            known = self._tiles[level, index] = self._fetch(level, index, width)
        return known
