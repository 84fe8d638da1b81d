"""The protocol of witnesses, by C2SP tlog-witness: its example, its words, its codes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bureau_keys import witness
from bureau_keys.checkpoint import Checkpoint, sign_checkpoint
from bureau_keys.cosignature import cosign, cosignature_line, cosigners, parse_witness
from bureau_keys.errors import BadProof, KeysError, MalformedMessage
from bureau_keys.note import COSIGNATURE_V1, Verifier, note_vkey, sign_note
from bureau_keys.signing import SigningKey
from bureau_keys.witness import (
    AddCheckpoint,
    Refused,
    grown,
    is_fork,
    nothing_of,
    read_cosignature,
    read_size,
    write_size,
)
from tests.unit.keys.trees import leaves, proof, tree_hash

# The specification's request, and its answer.
REQUEST = """\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa \
Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa \
opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
"""
ORIGIN = "example.com/log"
LOG = SigningKey.from_seed(bytes(range(32)))
OTHER = SigningKey.from_seed(bytes([7]) * 32)
WITNESS = Verifier("witness.example/w1", LOG.verify_key, COSIGNATURE_V1)
SIZES = st.integers(0, 40)


@dataclass(frozen=True)
class Log:
    """A log by its leaf hashes."""

    hashes: tuple[bytes, ...]

    def checkpoint(self, size: int) -> Checkpoint:
        return Checkpoint(ORIGIN, size, tree_hash(self.hashes[:size]))

    def asks(self, old: int, size: int, key: SigningKey = LOG) -> AddCheckpoint:
        """A request as this log would send it."""
        path = proof(old, self.hashes[:size]) if 0 < old <= size else []
        return AddCheckpoint(old, tuple(path), sign_checkpoint(self.checkpoint(size), key))


def log(size: int = 40, changed: int | None = None) -> Log:
    hashes = leaves(size)
    if changed is not None:
        hashes[changed] = bytes(32)
    return Log(tuple(hashes))


def status_of(seen: Checkpoint, request: AddCheckpoint) -> tuple[int, int | None]:
    with pytest.raises(Refused) as refused:
        grown(seen, request, LOG.verify_key)
    return refused.value.status, refused.value.size


def test_the_specifications_request() -> None:
    request = AddCheckpoint.from_bytes(REQUEST.encode())
    assert (request.old_size, len(request.proof)) == (20852014, 4)
    assert request.checkpoint.origin == "example.com/behind-the-sofa"
    assert request.checkpoint.size == 20852163
    assert request.to_bytes() == REQUEST.encode()


@given(SIZES, SIZES)
def test_requests_come_back(old: int, size: int) -> None:
    request = log().asks(min(old, size), size)
    assert AddCheckpoint.from_bytes(request.to_bytes()) == request


@given(st.binary(max_size=400))
def test_garbage_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        AddCheckpoint.from_bytes(body)


@given(st.data())
@settings(max_examples=300)
def test_a_broken_request_is_malformed_or_still_one(data: st.DataObject) -> None:
    raw = bytearray(REQUEST.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(raw) - 1))
        stop = min(start + data.draw(st.integers(0, 30)), len(raw))
        raw[start:stop] = data.draw(st.binary(max_size=30))
    try:
        request = AddCheckpoint.from_bytes(bytes(raw))
    except MalformedMessage:
        return
    assert request.to_bytes() == bytes(raw)


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("old 20852014", "old 020852014"),
        ("old 20852014", "old -1"),
        ("old 20852014", "old  1"),
        ("old 20852014", "old"),
        ("old 20852014", "new 1"),
        ("old 20852014", "old 9223372036854775808"),
        ("PlRN", "PlR"),
        (
            "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=",
            "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZA==",
        ),
        ("/0=\n\nexample", "/0=\nexample"),
        ("20852163", "many"),
        ("\n— example.com/behind-the-sofa Az3", "\nAz3"),
        ("qbSzm9Q=\n", "qbSzm9Q="),
    ],
)
def test_malformed_requests(said: str, instead: str) -> None:
    assert said in REQUEST
    with pytest.raises(MalformedMessage):
        AddCheckpoint.from_bytes(REQUEST.replace(said, instead).encode())


def test_too_much_is_malformed() -> None:
    line = REQUEST.split("\n")[1] + "\n"
    for count, fits in ((63 - 4, True), (64 - 4, False)):
        body = REQUEST.replace(line, line * (count + 1)).encode()
        if fits:
            assert len(AddCheckpoint.from_bytes(body).proof) == 63
        else:
            with pytest.raises(MalformedMessage):
                AddCheckpoint.from_bytes(body)
    with pytest.raises(MalformedMessage):
        AddCheckpoint.from_bytes(b"old 0\n\n" + b"a" * witness.MAX_REQUEST)


@given(st.lists(SIZES, min_size=1, max_size=6).map(sorted))
def test_a_log_that_only_grows_is_followed(sizes: list[int]) -> None:
    honest = log()
    seen = nothing_of(ORIGIN)
    for size in sizes:
        seen = grown(seen, honest.asks(seen.size, size), LOG.verify_key)
        assert seen == honest.checkpoint(size)


def test_the_codes_of_the_specification() -> None:
    honest, seen = log(), log().checkpoint(9)
    # Not the log's signature: nobody's, or another's under its name.
    assert status_of(seen, honest.asks(9, 12, OTHER)) == (HTTPStatus.FORBIDDEN, None)
    stranger = sign_note(honest.checkpoint(12).body(), "somebody", LOG)
    unsigned = replace(honest.asks(9, 12), note=stranger)
    assert status_of(seen, unsigned) == (HTTPStatus.FORBIDDEN, None)
    # An old size above the new one.
    shrinking = replace(honest.asks(0, 5), old_size=9)
    assert status_of(seen, shrinking) == (HTTPStatus.BAD_REQUEST, None)
    # Another old size than the witness's.
    for old, size in ((0, 12), (8, 12), (0, 9), (10, 12), (0, 8), (5, 8)):
        assert status_of(seen, honest.asks(old, size)) == (HTTPStatus.CONFLICT, 9)
    # Another root of the same size.
    assert status_of(seen, log(changed=3).asks(9, 9)) == (HTTPStatus.CONFLICT, 9)
    # A proof that does not hold, is missing, or is not wanted.
    asked = honest.asks(9, 12)
    for path in ((), asked.proof[1:], asked.proof[::-1], (*asked.proof, bytes(32))):
        wrong = replace(asked, proof=path)
        assert status_of(seen, wrong) == (HTTPStatus.UNPROCESSABLE_ENTITY, None)
    for start in (nothing_of(ORIGIN), seen):
        wrong = replace(honest.asks(start.size, start.size or 4), proof=(bytes(32),))
        assert status_of(start, wrong) == (HTTPStatus.UNPROCESSABLE_ENTITY, None)


def test_the_empty_tree_has_one_root() -> None:
    nothing = nothing_of(ORIGIN)
    assert grown(nothing, log().asks(0, 0), LOG.verify_key) == nothing
    other = AddCheckpoint(0, (), sign_checkpoint(Checkpoint(ORIGIN, 0, bytes(32)), LOG))
    assert status_of(nothing, other) == (HTTPStatus.CONFLICT, 0)


@given(st.integers(1, 39), st.integers(1, 40), st.integers(0, 39))
def test_no_other_history_is_cosigned(seen_size: int, size: int, changed: int) -> None:
    """A log that changed something among what was seen is refused; with a proof of its
    own making it convicts itself, save where the old tree is perfect.
    """
    size, changed = max(size, seen_size), changed % seen_size
    seen, forked = log().checkpoint(seen_size), log(changed=changed)
    asked = forked.asks(seen_size, size)
    status, _ = status_of(seen, asked)
    assert status in {HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}
    perfect = seen_size & (seen_size - 1) == 0
    assert is_fork(seen, asked) == (size == seen_size or not perfect)


@given(SIZES, SIZES, st.lists(st.binary(min_size=32, max_size=32), max_size=8))
def test_nobody_convicts_an_honest_log(old: int, size: int, path: list[bytes]) -> None:
    honest = log()
    for proof_sent in (tuple(path), honest.asks(min(old, size), size).proof):
        asked = replace(honest.asks(old, size), proof=proof_sent)
        assert not is_fork(honest.checkpoint(old), asked)


def test_cosignatures_in_an_answer() -> None:
    note = log().asks(0, 9).note
    own = cosignature_line(note, WITNESS.name, LOG, 1679315147)
    stranger = cosignature_line(note, "witness.example/w2", OTHER, 1679315147)
    for answer in (own, stranger + own, own + stranger):
        assert read_cosignature(answer.encode(), note, WITNESS) == own
    late = cosignature_line(log().asks(0, 8).note, WITNESS.name, LOG, 1679315147)
    for answer in (stranger, late):
        with pytest.raises(BadProof):
            read_cosignature(answer.encode(), note, WITNESS)
    for answer in ("", "\n", own[:-1], own + "\n", "\n" + own, f"other\ntext\n\n{own}"):
        with pytest.raises(MalformedMessage):
            read_cosignature(answer.encode(), note, WITNESS)


@given(st.binary(max_size=200))
def test_garbage_in_answers(answer: bytes) -> None:
    with pytest.raises(KeysError):
        read_cosignature(answer, log().asks(0, 9).note, WITNESS)
    try:
        size = read_size(answer)
    except MalformedMessage:
        return
    assert write_size(size) == answer


def test_sizes_in_answers() -> None:
    assert read_size(b"20852014\n") == 20852014
    for answer in (b"", b"\n", b"1", b"01\n", b"-1\n", b"1\n\n", b" 1\n", b"\xff\n"):
        with pytest.raises(MalformedMessage):
            read_size(answer)


def test_each_witness_counts_once() -> None:
    note = log().asks(0, 9).note
    second = Verifier("witness.example/w2", OTHER.verify_key, COSIGNATURE_V1)
    absent = Verifier("witness.example/w3", OTHER.verify_key, COSIGNATURE_V1)
    assert cosigners(note, [WITNESS, second]) == []
    cosigned = cosign(cosign(note, WITNESS.name, LOG, 1), second.name, OTHER, 2)
    assert cosigners(cosigned, [WITNESS, second, absent]) == [WITNESS.name, second.name]
    # One key under two names is one witness.
    twice = cosign(cosigned, absent.name, OTHER, 2)
    assert cosigners(twice, [second, absent]) == [second.name]
    # One that does not verify does not count, and hides no other.
    forged = note + cosignature_line(log().asks(0, 8).note, WITNESS.name, LOG, 1)
    forged += cosignature_line(note, second.name, OTHER, 1)
    assert cosigners(forged, [WITNESS, second]) == [second.name]


def test_keys_of_witnesses() -> None:
    assert parse_witness(note_vkey(WITNESS.name, WITNESS.key, COSIGNATURE_V1)) == WITNESS
    with pytest.raises(MalformedMessage):
        parse_witness(note_vkey(WITNESS.name, WITNESS.key))
