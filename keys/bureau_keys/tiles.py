"""Tiles: a tree cut into blocks of 256 hashes (C2SP tlog-tiles).

A tile at level L holds roots of perfect subtrees of height 8 L. What lies between
is computed from the tile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

from bureau_keys.errors import BadProof
from bureau_keys.merkle import HASH_BYTES, root_of

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
_PAIR = 2 * HASH_BYTES

Fetch = Callable[[int, int, int], bytes]


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


# A tile's hashes, and above them, for each height below the next tile's, the roots of the perfect
# subtrees of that height; each row one after another.
Rows = tuple[bytes, ...]


def rows_over(tile: bytes) -> Rows:
    """Return the rows of a tile of up to 256 hashes, from its own hashes up."""
    rows, row = [tile], tile
    for _ in range(1, TILE_HEIGHT):
        pairs = range(0, len(row) // _PAIR * _PAIR, _PAIR)
        row = b"".join([sha256(b"\x01" + row[start : start + _PAIR]).digest() for start in pairs])
        rows.append(row)
    return tuple(rows)


class TileMemory:
    """The rows of tiles that were read last, for several threads.

    The hashes of a tile never change once they are in a tree: a tile at the right edge of a growing
    one is only replaced by a wider one.
    """

    def __init__(self, limit: int) -> None:
        """Begin empty.

        Args:
            limit: Number of tiles; each has up to 16 kB.
        """
        self._limit = limit
        self._rows: dict[tuple[int, int, int], Rows] = {}
        self._lock = threading.Lock()

    def find(self, tree: int, level: int, index: int, width: int) -> Rows | None:
        """Return the rows of a tile if they are kept, and at least so wide."""
        name = (tree, level, index)
        with self._lock:
            rows = self._rows.pop(name, None)
            if rows is not None:
                self._rows[name] = rows  # the last used goes last
        return rows if rows and len(rows[0]) >= width * HASH_BYTES else None

    def keep(self, tree: int, level: int, index: int, rows: Rows) -> None:
        """Keep the rows of a tile in place of those that were used the longest time ago."""
        with self._lock:
            self._rows[tree, level, index] = rows
            if len(self._rows) > self._limit:
                del self._rows[next(iter(self._rows))]


class TileSource:
    """Finds the hashes of perfect subtrees in tiles, and remembers the tiles."""

    def __init__(
        self,
        fetch: Fetch,
        size: int | None = None,
        memory: TileMemory | None = None,
        tree: int = 0,
    ) -> None:
        """Read the tiles of one tree through a fetch function.

        Args:
            fetch: Given tile level, tile index and width (how many hashes are
                needed, from the first on), returns at least that many hashes, one
                after another.
            size: The tree's. Then each tile is fetched once, as wide as it is in
                that tree; else as wide as a hash needs, again for one farther on.
            memory: Has tiles of before, and keeps those that are fetched.
            tree: The name of the tree in the memory.
        """
        self._fetch = fetch
        self._size = size
        self._memory = memory
        self._tree = tree
        self._tiles: dict[tuple[int, int], Rows] = {}

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of the perfect subtree over leaves index * 2^level and on.

        Raises:
            BadProof: The tile was fetched short.
        """
        tile_level, height = level // TILE_HEIGHT, level % TILE_HEIGHT
        tile_index, first = divmod(index << height, TILE_WIDTH)
        stop = first + (1 << height)
        rows = self._tiles.get((tile_level, tile_index))
        if rows is None or len(rows[0]) < stop * HASH_BYTES:
            rows = self._rows(tile_level, tile_index, stop)
        start = (first >> height) * HASH_BYTES
        return rows[height][start : start + HASH_BYTES]

    def _rows(self, level: int, index: int, stop: int) -> Rows:
        width = stop if self._size is None else tile_width(level, index, self._size)
        rows = self._tiles[level, index] = self._read(level, index, max(width, stop))
        return rows

    def _read(self, level: int, index: int, width: int) -> Rows:
        memory, tree = self._memory, self._tree
        if memory and (kept := memory.find(tree, level, index, width)):
            return kept
        tile = self._fetch(level, index, width)
        if len(tile) < width * HASH_BYTES:
            raise BadProof(f"tile {index} of level {level} is too short")
        rows = rows_over(tile)
        if memory:
            memory.keep(tree, level, index, rows)
        return rows
