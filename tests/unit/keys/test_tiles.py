"""Where hashes lie in tiles, and proofs from tiles."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bureau_keys.errors import BadProof
from bureau_keys.merkle import consistency_path, inclusion_path, root_of
from bureau_keys.tiles import TileMemory, TileSource, rows_over, tile_width
from tests.unit.keys import trees

BIG = 70_000


class Tiles:
    """A tree's tiles, and a list of what was fetched."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.levels = [leaves]
        while len(self.levels[-1]) >= 256:
            row = self.levels[-1]
            full = range(0, len(row) // 256 * 256, 256)
            self.levels.append([root_of(row[start : start + 256]) for start in full])
        self.fetched: list[tuple[int, int, int]] = []

    def fetch(self, level: int, index: int, width: int) -> bytes:
        self.fetched.append((level, index, width))
        hashes = self.levels[level][index * 256 : index * 256 + width]
        assert len(hashes) == width, "no tile is asked for beyond its hashes"
        return b"".join(hashes)


@pytest.fixture(scope="module")
def leaves() -> list[bytes]:
    return trees.leaves(BIG)


def test_the_specifications_example() -> None:
    # C2SP tlog-tiles, "Partial Tiles": a tree of 70,000, and one of 256.
    assert [tile_width(0, index, 70_000) for index in (0, 272, 273, 274)] == [256, 256, 112, 0]
    assert [tile_width(1, index, 70_000) for index in (0, 1, 2)] == [256, 17, 0]
    assert [tile_width(2, index, 70_000) for index in (0, 1)] == [1, 0]
    assert [tile_width(level, 0, 256) for level in (0, 1, 2)] == [256, 1, 0]


@pytest.mark.parametrize(
    ("level", "index", "tile"),
    [
        (0, 0, (0, 0, 1)),
        (0, 257, (0, 1, 2)),
        (3, 31, (0, 0, 256)),
        (7, 3, (0, 1, 256)),
        (8, 200, (1, 0, 201)),
        (9, 120, (1, 0, 242)),
        (16, 0, (2, 0, 1)),
    ],
)
def test_a_node_is_read_from_one_tile(
    leaves: list[bytes], level: int, index: int, tile: tuple[int, int, int]
) -> None:
    tiles = Tiles(leaves)
    start, stop = index << level, (index + 1) << level
    assert TileSource(tiles.fetch).node(level, index) == root_of(leaves[start:stop])
    assert tiles.fetched == [tile]


@settings(max_examples=30)
@given(st.integers(1, BIG), st.data())
def test_proofs_from_tiles(leaves: list[bytes], size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    tiles = Tiles(leaves[:size])
    expected = trees.path(index, leaves[:size])
    assert inclusion_path(TileSource(tiles.fetch), index, size) == expected
    tiles.fetched.clear()
    assert inclusion_path(TileSource(tiles.fetch, size), index, size) == expected
    # Each tile once, as wide as the tree has it.
    assert len({tile[:2] for tile in tiles.fetched}) == len(tiles.fetched)
    for level, tile, width in tiles.fetched:
        assert width == tile_width(level, tile, size)


@settings(max_examples=30)
@given(st.integers(1, BIG), st.data())
def test_consistency_from_tiles(leaves: list[bytes], second: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, second))
    source = TileSource(Tiles(leaves[:second]).fetch, second)
    assert consistency_path(source, first, second) == trees.proof(first, leaves[:second])


@settings(max_examples=30)
@given(st.lists(st.integers(1, BIG), min_size=1, max_size=4), st.integers(1, 5), st.data())
def test_proofs_with_a_memory(
    leaves: list[bytes], sizes: list[int], limit: int, data: st.DataObject
) -> None:
    """A growing tree and another beside it, in a memory that forgets most tiles."""
    memory = TileMemory(limit)
    other = leaves[::-1]
    for size in sorted(sizes):
        index = data.draw(st.integers(0, size - 1))
        for tree, hashes in enumerate((leaves, other)):
            source = TileSource(Tiles(hashes[:size]).fetch, size, memory, tree)
            assert inclusion_path(source, index, size) == trees.path(index, hashes[:size])
        assert len(memory._rows) <= limit


def test_a_memory_keeps_what_was_used_last() -> None:
    memory = TileMemory(2)
    rows = {index: rows_over(bytes([index]) * 32 * 256) for index in range(3)}
    memory.keep(0, 0, 0, rows[0])
    memory.keep(0, 0, 1, rows[1])
    assert memory.find(0, 0, 0, 256) == rows[0]
    memory.keep(0, 0, 2, rows[2])
    assert memory.find(0, 0, 1, 1) is None
    assert memory.find(0, 0, 0, 257) is None, "narrower than asked for"


def test_a_tile_that_is_short_is_not_believed() -> None:
    def fetch(_level: int, _index: int, width: int) -> bytes:
        return bytes(32 * (width - 1))

    for size in (None, 256):
        source = TileSource(fetch, size)
        with pytest.raises(BadProof):
            source.node(4, 0)
