"""Evidence of a fork: two signed checkpoints, and the conclusion that anyone draws from them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureau_keys import merkle
from bureau_keys.checkpoint import Checkpoint, sign_checkpoint
from bureau_keys.errors import BadProof, MalformedMessage
from bureau_keys.fork_evidence import Finding, ForkEvidence
from bureau_keys.log_memory import LogMemory, MemoryFolder
from bureau_keys.note import note_vkey
from bureau_keys.profile import Trust
from bureau_keys.signing import SigningKey

ORIGIN = "log.example/log"
KEY = SigningKey.generate()
TRUST = Trust(ORIGIN, note_vkey(ORIGIN, KEY.verify_key), b"", (), b"")
LEAVES = [merkle.leaf_hash(bytes([index])) for index in range(40)]
OTHERS = [*LEAVES[:2], *(merkle.leaf_hash(bytes([index, 1])) for index in range(2, 40))]


class Nodes:
    def __init__(self, leaves: list[bytes]) -> None:
        self._leaves = leaves

    def node(self, level: int, index: int) -> bytes:
        return merkle.root_of(self._leaves[index << level : (index + 1) << level])


def note(size: int, leaves: list[bytes] = LEAVES) -> str:
    return sign_checkpoint(Checkpoint(ORIGIN, size, merkle.root_of(leaves[:size])), KEY)


def proof(first: int, second: int, leaves: list[bytes] = LEAVES) -> tuple[bytes, ...]:
    return tuple(merkle.consistency_path(Nodes(leaves), first, second))


@pytest.mark.parametrize(
    ("evidence", "finding"),
    [
        (ForkEvidence(note(5), note(5)), Finding.CONSISTENT),
        (ForkEvidence(note(0), note(5)), Finding.CONSISTENT),
        (ForkEvidence(note(5), note(9), proof(5, 9)), Finding.CONSISTENT),
        (ForkEvidence(note(9), note(5), proof(5, 9)), Finding.CONSISTENT),
        (ForkEvidence(note(5), note(5, OTHERS)), Finding.FORKED),
        (ForkEvidence(note(5), note(9, OTHERS), proof(5, 9, OTHERS)), Finding.FORKED),
        (ForkEvidence(note(9, OTHERS), note(5), proof(5, 9, OTHERS)), Finding.FORKED),
        (ForkEvidence(note(5), note(9, OTHERS)), Finding.OPEN),
        (ForkEvidence(note(5), note(9)), Finding.OPEN),
        (ForkEvidence(note(5), note(9), (bytes(32),) * 4), Finding.OPEN),
        # A proof from a perfect tree does not say its root.
        (ForkEvidence(note(4), note(9, OTHERS), proof(4, 9, OTHERS)), Finding.OPEN),
    ],
)
def test_anyone_draws_the_conclusion(evidence: ForkEvidence, finding: Finding) -> None:
    assert evidence.check(TRUST) is finding
    assert ForkEvidence.from_json(evidence.to_json()) == evidence


def test_what_the_log_has_not_signed_is_no_evidence() -> None:
    other = sign_checkpoint(Checkpoint(ORIGIN, 5, bytes(32)), SigningKey.generate())
    for evidence in (ForkEvidence(other, note(5)), ForkEvidence(note(5), other)):
        with pytest.raises(BadProof):
            evidence.check(TRUST)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b" " * 300_000,
        b'{"format": "creditbureau/fork-evidence/v1", "kept": 1, "seen": "", "proof": []}',
        b'{"format": "another", "kept": "", "seen": "", "proof": []}',
        b'{"format": "creditbureau/fork-evidence/v1", "kept": "", "seen": "", "proof": ["?"]}',
    ],
)
def test_a_file_that_is_no_evidence_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        ForkEvidence.from_json(data)


@given(st.integers(1, 40), st.data())
def test_an_inclusion_proof_gives_the_root_before(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    path = merkle.inclusion_proof(LEAVES[:size], index)
    assert merkle.root_before(index, size, path) == merkle.root_of(LEAVES[:index])


def test_a_memory_is_kept_and_forgotten(tmp_path: Path) -> None:
    folder = MemoryFolder(tmp_path)
    assert folder.read() == LogMemory()
    memory = LogMemory("newest", ("one", "two"), ("three",))
    folder.write(memory)
    assert folder.read() == memory
    assert folder.path.stat().st_mode & 0o777 == 0o600
    first = ForkEvidence("a", "b")
    folder.save_evidence(first)
    folder.save_evidence(ForkEvidence("c", "d"))
    assert ForkEvidence.from_json(folder.evidence_path.read_bytes()) == first, "the first is kept"
    (aside,) = folder.forget(datetime(2026, 3, 1, tzinfo=UTC))
    assert ForkEvidence.from_json(aside.read_bytes()) == first
    assert folder.read() == LogMemory()
    assert folder.forget(datetime(2026, 3, 1, tzinfo=UTC)) == []
