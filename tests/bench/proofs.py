"""Proofs of the log: made and verified, beside the bare hashing that they need."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from hashlib import sha256

from bureau.store.database import MAX_TILES
from bureau_keys.merkle import Frontier, inclusion_path, leaf_hash, root_of, verify_inclusion
from bureau_keys.tiles import TILE_WIDTH, TileMemory, TileSource
from tests.bench.fixture import LoadedBureau
from tests.bench.measure import Measure, Target, bench

SIZE = 1_000_000
COUNT = 4096
LEDGER_BATCH = 256
ROUNDS = 7


@bench("proofs")
def proofs(_house: LoadedBureau) -> Iterator[Measure]:
    """In a log of a million leaves: a path has 20 hashes."""
    leaves = [leaf_hash(number.to_bytes(8, "big")) for number in range(SIZE)]
    tiles = _tiles(leaves)
    root = root_of(leaves)
    picked = [number * 7919 % SIZE for number in range(COUNT)]

    def fetch(level: int, index: int, _width: int) -> bytes:
        return tiles[level][index]

    source = TileSource(fetch, SIZE)
    paths = {index: inclusion_path(source, index, SIZE) for index in picked}
    memory = TileMemory(MAX_TILES)

    def make_one_by_one() -> None:
        for index in picked[:256]:
            inclusion_path(TileSource(fetch, SIZE), index, SIZE)

    def make_with_memory() -> None:
        for index in range(COUNT):
            inclusion_path(TileSource(fetch, SIZE, memory), index, SIZE)

    def make_as_the_ledger_does() -> None:
        frontier = Frontier()
        for start in range(0, COUNT, LEDGER_BATCH):
            frontier.extend_with_proofs(leaves[start : start + LEDGER_BATCH])

    def verify() -> None:
        for index in picked:
            verify_inclusion(leaves[index], index, SIZE, paths[index], root)

    def hashing(hashes: int) -> Callable[[], None]:
        pair = leaves[0] + leaves[1]

        def run() -> None:
            for _ in range(hashes):
                sha256(b"\x01" + pair).digest()

        return run

    per_proof = len(paths[picked[0]])
    # From tiles each proof hashes two tiles' worth of nodes; appended, two a leaf.
    yield against("proofs made from tiles", 256, make_one_by_one, hashing(256 * 2 * TILE_WIDTH))
    yield against(
        "proofs made from tiles in memory",
        COUNT,
        make_with_memory,
        hashing(COUNT),
        Target("value", "least", 30_000),
    )
    yield against("proofs made while appending", COUNT, make_as_the_ledger_does, hashing(2 * COUNT))
    yield against("proofs verified", COUNT, verify, hashing(COUNT * per_proof))


def against(
    name: str,
    count: int,
    work: Callable[[], None],
    bare: Callable[[], None],
    target: Target | None = None,
) -> Measure:
    """Measure how often a second some work is done, beside its bare form: the best of rounds
    in which the two take turns.
    """
    took: dict[Callable[[], None], list[float]] = {work: [], bare: []}
    for _ in range(ROUNDS):
        for run, times in took.items():
            started = time.process_time()
            run()
            times.append(time.process_time() - started)
    return Measure(
        name=name,
        value=count / min(took[work]),
        unit="1/s",
        baseline=count / min(took[bare]),
        target=target,
    )


def _tiles(leaves: list[bytes]) -> list[list[bytes]]:
    """All full tiles by level."""
    levels, row = [], leaves
    while row:
        groups = [row[i : i + TILE_WIDTH] for i in range(0, len(row), TILE_WIDTH)]
        levels.append([b"".join(group) for group in groups])
        row = [root_of(group) for group in groups] if len(row) > 1 else []
    return levels
