"""Trees and their proofs, against the standard's own words and published vectors."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureau_keys.errors import BadProof
from bureau_keys.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_path,
    inclusion_path,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    root_of_row,
    verify_consistency,
    verify_inclusion,
)
from tests.unit.keys import trees, vectors

# certificate-transparency's reference tree of eight leaves, and its roots by size.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
LEAVES += ["606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
HASHES = [leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES]


@pytest.mark.parametrize("size", range(9))
def test_known_roots(size: int) -> None:
    assert root_of(HASHES[:size]).hex() == ROOTS[size]


def test_known_hashes() -> None:
    # transparency-dev/merkle, rfc6962.
    leaf, node = leaf_hash(b"L123456"), node_hash(b"N123", b"N456")
    assert leaf.hex() == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    assert node.hex() == "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
    assert EMPTY_ROOT.hex() == ROOTS[0]


@pytest.mark.parametrize("path", vectors.files("rfc6962/testdata/inclusion"))
def test_published_inclusion(path: Path) -> None:
    case = json.loads(path.read_text("utf-8"))
    arguments = (
        _hash(case["leafHash"]),
        case["leafIdx"],
        case["treeSize"],
        _proof(case),
        _hash(case["root"]),
    )
    if case["wantErr"]:
        with pytest.raises(BadProof):
            verify_inclusion(*arguments)
    else:
        verify_inclusion(*arguments)


@pytest.mark.parametrize("path", vectors.files("rfc6962/testdata/consistency"))
def test_published_consistency(path: Path) -> None:
    case = json.loads(path.read_text("utf-8"))
    arguments = (
        case["size1"],
        case["size2"],
        _hash(case["root1"]),
        _hash(case["root2"]),
        _proof(case),
    )
    if case["wantErr"]:
        with pytest.raises(BadProof):
            verify_consistency(*arguments)
    else:
        verify_consistency(*arguments)


def _hash(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def _proof(case: dict[str, Any]) -> list[bytes]:
    return [_hash(part) for part in case["proof"] or ()]


@given(trees.sizes)
def test_roots_are_the_standards(size: int) -> None:
    leaves = trees.leaves(size)
    assert root_of(leaves) == trees.tree_hash(leaves)


@pytest.mark.parametrize("height", range(9))
def test_the_root_of_a_row_is_that_of_its_hashes(height: int) -> None:
    leaves = trees.leaves(1 << height)
    assert root_of_row(b"".join(leaves)) == root_of(leaves)


@given(trees.sizes, st.data())
def test_inclusion_proofs_are_the_standards(size: int, data: st.DataObject) -> None:
    leaves, index = trees.leaves(size), data.draw(st.integers(0, size - 1))
    expected = trees.path(index, leaves)
    assert inclusion_proof(leaves, index) == expected
    assert inclusion_path(trees.Nodes(leaves), index, size) == expected
    verify_inclusion(leaves[index], index, size, expected, root_of(leaves))


@given(trees.sizes, st.data())
def test_consistency_proofs_are_the_standards(second: int, data: st.DataObject) -> None:
    leaves, first = trees.leaves(second), data.draw(st.integers(1, second))
    expected = trees.proof(first, leaves)
    assert consistency_path(trees.Nodes(leaves), first, second) == expected
    verify_consistency(first, second, root_of(leaves[:first]), root_of(leaves), expected)


@given(st.integers(0, 200), st.integers(0, 70))
def test_what_is_appended_is_proved_from_the_edge_alone(before: int, added: int) -> None:
    leaves = trees.leaves(before + added)
    frontier = Frontier()
    frontier.extend(leaves[:before])
    known = Frontier(frontier.size, frontier.hashes)
    proofs = known.extend_with_proofs(leaves[before:])
    assert proofs == [trees.path(index, leaves) for index in range(before, before + added)]
    frontier.extend(leaves[before:])
    assert (known.size, known.hashes) == (frontier.size, frontier.hashes)
    assert known.root() == trees.tree_hash(leaves)


@given(st.lists(st.integers(0, 40), max_size=6))
def test_batches_do_not_matter(counts: list[int]) -> None:
    leaves = trees.leaves(sum(counts))
    frontier, start = Frontier(), 0
    for count in counts:
        before = frontier.copy()
        frontier.extend_with_proofs(leaves[start : start + count])
        assert before.size == start
        start += count
    one_by_one = Frontier()
    for leaf in leaves:
        one_by_one.append(leaf)
    assert frontier.hashes == one_by_one.hashes


def test_a_copy_is_independent() -> None:
    frontier = Frontier()
    frontier.extend(trees.leaves(5))
    copy = frontier.copy()
    frontier.append(bytes(32))
    assert copy.root() == trees.tree_hash(trees.leaves(5))


def test_an_edge_has_a_hash_for_each_bit() -> None:
    with pytest.raises(BadProof):
        Frontier(3, [bytes(32)])


@given(trees.sizes, st.data())
def test_any_changed_byte_breaks_an_inclusion(size: int, data: st.DataObject) -> None:
    leaves, index = trees.leaves(size), data.draw(st.integers(0, size - 1))
    parts = [leaves[index], *trees.path(index, leaves), root_of(leaves)]
    position = data.draw(st.integers(0, len(parts) - 1))
    parts[position] = _changed(parts[position], data)
    with pytest.raises(BadProof):
        verify_inclusion(parts[0], index, size, parts[1:-1], parts[-1])


@given(st.integers(2, 300), st.data())
def test_any_changed_byte_breaks_a_consistency(second: int, data: st.DataObject) -> None:
    leaves, first = trees.leaves(second), data.draw(st.integers(1, second))
    parts = [root_of(leaves[:first]), root_of(leaves), *trees.proof(first, leaves)]
    position = data.draw(st.integers(0, len(parts) - 1))
    parts[position] = _changed(parts[position], data)
    with pytest.raises(BadProof):
        verify_consistency(first, second, parts[0], parts[1], parts[2:])


def _changed(hashed: bytes, data: st.DataObject) -> bytes:
    changed = bytearray(hashed)
    changed[data.draw(st.integers(0, 31))] ^= data.draw(st.integers(1, 255))
    return bytes(changed)


@given(trees.sizes, st.data())
def test_a_proof_holds_for_one_place(size: int, data: st.DataObject) -> None:
    leaves, index = trees.leaves(size), data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(-1, size).filter(lambda other: other != index))
    with pytest.raises(BadProof):
        verify_inclusion(leaves[index], other, size, trees.path(index, leaves), root_of(leaves))


@given(st.integers(2, 300), st.data())
def test_proofs_of_another_length_are_refused(size: int, data: st.DataObject) -> None:
    leaves, index = trees.leaves(size), data.draw(st.integers(0, size - 1))
    path, root = trees.path(index, leaves), root_of(leaves)
    for wrong in (path[:-1], [*path, bytes(32)], [bytes(32), *path]):
        with pytest.raises(BadProof):
            verify_inclusion(leaves[index], index, size, wrong, root)
    proof = trees.proof(index or 1, leaves)
    for wrong in (proof[:-1], [*proof, bytes(32)], []):
        with pytest.raises(BadProof):
            verify_consistency(index or 1, size, root_of(leaves[: index or 1]), root, wrong)


def test_hashes_have_32_bytes() -> None:
    # 31 and 33 bytes join to the bytes that were hashed.
    left, right = HASHES[:2]
    root = node_hash(left, right)
    assert node_hash(left + right[:1], right[1:]) == root
    for leaf, part in ((left + right[:1], right[1:]), (left[:31], left[31:] + right)):
        with pytest.raises(BadProof):
            verify_inclusion(leaf, 0, 2, [part], root)
        with pytest.raises(BadProof):
            verify_consistency(1, 2, leaf, root, [part])


def test_a_node_does_not_pass_for_a_leaf() -> None:
    root = root_of(HASHES[:4])
    with pytest.raises(BadProof):
        verify_inclusion(node_hash(*HASHES[:2]), 0, 4, [node_hash(*HASHES[2:4])], root)


def test_sizes_must_make_sense() -> None:
    nodes = trees.Nodes(HASHES)
    for first, second in ((0, 0), (0, 8), (5, 4), (-1, 8)):
        with pytest.raises(BadProof):
            consistency_path(nodes, first, second)
        with pytest.raises(BadProof):
            verify_consistency(first, second, b"", b"", [])
    for index, size in ((-1, 8), (8, 8), (0, 0)):
        with pytest.raises(BadProof):
            inclusion_path(nodes, index, size)
        with pytest.raises(BadProof):
            inclusion_proof(HASHES[:size], index)
        with pytest.raises(BadProof):
            verify_inclusion(HASHES[0], index, size, [], HASHES[0])


def test_a_tree_is_consistent_with_itself() -> None:
    # Roots of one size are compared, whatever they are: nothing is hashed.
    verify_consistency(1, 1, b"any", b"any", [])
    with pytest.raises(BadProof):
        verify_consistency(1, 1, b"any", b"other", [])
    with pytest.raises(BadProof):
        verify_consistency(8, 8, b"any", b"any", [bytes(32)])
    assert consistency_path(trees.Nodes(HASHES), 8, 8) == []
