"""Sealed streams open whole and unchanged, or not at all."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bureau_keys import encrypted_stream
from bureau_keys.errors import LockedKey, MalformedMessage

KEY = b"a passphrase"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encrypted_stream, "CHUNK_BYTES", 64)
    monkeypatch.setattr(encrypted_stream, "SCRYPT", {"n": 2, "r": 8, "p": 1})


def sealed(pieces: list[bytes]) -> bytes:
    target = io.BytesIO()
    encrypted_stream.seal_stream(pieces, target, KEY, {"what": "a test"})
    return target.getvalue()


def opened(data: bytes, key: bytes = KEY) -> bytes:
    return b"".join(encrypted_stream.open_stream(io.BytesIO(data), key))


@settings(max_examples=100)
@given(st.lists(st.binary(max_size=150), max_size=8))
def test_what_is_sealed_opens(pieces: list[bytes]) -> None:
    assert opened(sealed(pieces)) == b"".join(pieces)


def test_chunks_cannot_be_cut_off_swapped_or_repeated() -> None:
    data = sealed([bytes(200)])
    start = data.index(b"\n") + 1
    size = 4 + 64 + encrypted_stream.TAG_BYTES
    head, chunks = (
        data[:start],
        [data[offset : offset + size] for offset in range(start, len(data), size)],
    )
    assert len(chunks) == 4
    for wrong in (
        chunks[:3],
        [],
        [chunks[1], chunks[0], *chunks[2:]],
        [chunks[0], *chunks],
        [*chunks, chunks[3]],
    ):
        with pytest.raises(MalformedMessage):
            opened(head + b"".join(wrong))
    with pytest.raises(MalformedMessage):
        opened(data + b"\0")


def test_each_byte_counts() -> None:
    data = sealed([b"x" * 100])
    for offset in range(len(data)):
        changed = data[:offset] + bytes([data[offset] ^ 1]) + data[offset + 1 :]
        with pytest.raises((MalformedMessage, LockedKey)):
            opened(changed)


def test_another_passphrase_does_not_open() -> None:
    with pytest.raises(LockedKey):
        opened(sealed([b"x"]), b"another")


@pytest.mark.parametrize("data", [b"", b"\n", b"{}\n", b"[]\n", b"\xff\xfe\n", b"SQLite format 3"])
def test_other_files_are_named_as_such(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        opened(data)
