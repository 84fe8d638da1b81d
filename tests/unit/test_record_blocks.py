"""Records come out of their rows as they were signed, and a damaged row is told."""

from __future__ import annotations

import hashlib
import random
import sys
import threading
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bureau.journeys.submit import MAX_RECORD_BYTES
from bureau.store.record_blocks import (
    BLOCK_BYTES,
    NEWEST_DICTIONARY,
    BlockRecord,
    DamagedBlockError,
    RecordBlock,
    blocks_of,
    body_at,
)
from creditbureau.v1.record_pb2 import Deletion, FacilityAction, Record, TradelineSnapshot

# SHA-256 of every dictionary that rows may need.
DICTIONARIES = {
    1: "df99765170c8abaa733ef50ca13c0afa13b2269b3619909cfdbb06bdb70f565a",
}

KEYS = st.integers(0, (1 << 63) - 1)
SALTS = st.binary(min_size=32, max_size=32)
TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=64)
AMOUNTS = st.integers(0, 10**15)
SNAPSHOTS = st.builds(
    TradelineSnapshot,
    month=st.integers(190001, 299912),
    account_type=TEXTS,
    currency=st.sampled_from(["", "USD", "CNY"]),
    balance_minor=st.integers(-(10**15), 10**15),
    credit_limit_minor=AMOUNTS,
    amount_due_minor=AMOUNTS,
    original_creditor=st.text(max_size=64),
)
MESSAGES = st.one_of(
    st.builds(Record, salt=SALTS, account_ref=TEXTS, snapshot=SNAPSHOTS),
    st.builds(Record, salt=SALTS, account_ref=TEXTS, deletion=st.just(Deletion())),
    st.builds(
        Record,
        salt=SALTS,
        account_ref=TEXTS,
        action=st.builds(FacilityAction, appeal_route=st.text(max_size=256)),
    ),
)
BODIES = st.one_of(
    MESSAGES.map(lambda record: record.SerializeToString(deterministic=True)),
    # Longer than all others, and nothing that could be made shorter.
    st.binary(min_size=MAX_RECORD_BYTES - 40, max_size=MAX_RECORD_BYTES - 40).map(
        lambda noise: Record(salt=noise[:32], account_ref=noise.hex()[:4000]).SerializeToString()
    ),
    st.just(b""),
)
RECORDS = st.lists(st.tuples(st.booleans(), KEYS, BODIES), max_size=80)


def listed(records: list[tuple[bool, int, bytes]]) -> list[BlockRecord]:
    """Number records; some of them come after a gap."""
    numbered, index = [], 0
    for follows_gap, key, body in records:
        index += follows_gap
        numbered.append(BlockRecord(index, key, body))
        index += 1
    return numbered


def month(index: int, salt: bytes = b"s" * 32) -> bytes:
    snapshot = TradelineSnapshot(month=202605, currency="USD", balance_minor=index * 977)
    return Record(salt=salt, account_ref=f"account-{index}", snapshot=snapshot).SerializeToString()


def months(count: int) -> list[BlockRecord]:
    return [BlockRecord(index, 7 + index, month(index)) for index in range(count)]


@given(RECORDS)
@settings(deadline=None)
def test_records_come_out_as_they_went_in(records: list[tuple[bool, int, bytes]]) -> None:
    stored = listed(records)
    blocks = blocks_of(stored)
    assert [record for block in blocks for record in block.records()] == stored
    assert [body for block in blocks for body in block.bodies()] == [each.body for each in stored]
    for block in blocks:
        for record in block.records():
            assert body_at(block.block, record.record_index - block.record_index) == record.body


@given(RECORDS, st.data())
@settings(deadline=None)
def test_an_erased_record_leaves_the_others(
    records: list[tuple[bool, int, bytes]], data: st.DataObject
) -> None:
    stored = listed(records) or months(3)
    gone = data.draw(st.sampled_from(stored))
    blocks = [
        block.without(gone.record_index) if gone in block.records() else block
        for block in blocks_of(stored)
    ]
    left = [record._replace(body=b"") if record == gone else record for record in stored]
    assert [record for block in blocks for record in block.records()] == left


def test_a_record_by_itself_is_stored_as_it_was_signed() -> None:
    assert blocks_of(months(1)) == [RecordBlock(0, 7, month(0))]
    body = month(0) + b"x" * 2 * BLOCK_BYTES
    assert blocks_of([BlockRecord(3, 9, body)]) == [RecordBlock(3, 9, body)]
    assert RecordBlock(0, 7, b"").records() == [BlockRecord(0, 7, b"")]


@pytest.mark.parametrize("body", [b"\x01", b"\x12\x03abc", b"\x01\x01" + bytes(90)])
def test_a_record_by_itself_is_never_taken_for_a_block(body: bytes) -> None:
    """The contract gives every record a salt first; no row relies on it."""
    record = BlockRecord(3, 9, body)
    (block,) = blocks_of([record])
    assert block.records() == [record]
    assert body_at(block.block, 0) == body


def test_rows_fit_into_the_pages_of_sqlite() -> None:
    """Beside a block, a row has two keys of 8 bytes, an index of 2 and a head of 6."""
    dice = random.Random(1)
    blocks = blocks_of(
        BlockRecord(index, 7 + index, month(index, dice.randbytes(32))) for index in range(1_000)
    )
    assert len(blocks) < 100
    assert max(len(block.block) for block in blocks) < 1_002 - 24


@pytest.mark.parametrize("position", [-1, 3, 1 << 40])
def test_a_record_that_a_block_does_not_have_is_refused(position: int) -> None:
    (row,) = blocks_of(months(3))
    for read in (body_at, lambda _, index: row.without(index)):
        with pytest.raises(DamagedBlockError, match="has none at position"):
            read(row.block, position)
    with pytest.raises(DamagedBlockError, match="a block of 1 records has none"):
        body_at(month(0), 1)


@given(st.binary(min_size=1, max_size=200))
@settings(deadline=None)
def test_other_bytes_are_a_damaged_block_or_one_record(block: bytes) -> None:
    if block[:1] == b"\x0a":
        assert body_at(block, 0) == block
    else:
        with pytest.raises(DamagedBlockError):
            body_at(block, 0)


@given(st.data())
@settings(deadline=None)
def test_a_changed_block_is_damaged_or_gives_few_bytes(data: st.DataObject) -> None:
    """A changed frame may say another length; the format bounds what it decompresses to."""
    (row,) = blocks_of(months(5))
    changed = bytearray(row.block)
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        records = RecordBlock(0, 7, bytes(changed)).records()
    except DamagedBlockError:
        return
    assert sum(len(record.body) for record in records) <= (1 << 16) + 34 * len(records)


def test_bytes_after_a_block_are_damage() -> None:
    (row,) = blocks_of(months(5))
    for block in (row.block + b"\0", row.block * 2, row.block[:-1], row.block[:2], row.block[:1]):
        with pytest.raises(DamagedBlockError):
            body_at(block, 0)


def test_a_frame_that_says_a_large_size_is_not_given_its_memory() -> None:
    (row,) = blocks_of(months(5))
    start = row.block[: 2 + 5 * 32]
    for descriptor in (b"\xa0\xff\xff\xff\x7f", b"\xe0" + b"\xff" * 8, b"\x00\x58"):
        with pytest.raises(DamagedBlockError, match="not one that a bureau writes"):
            body_at(start + descriptor + row.block[len(start) :], 0)


def test_an_unknown_dictionary_is_named() -> None:
    (row,) = blocks_of(months(5))
    with pytest.raises(DamagedBlockError, match="is of dictionary 9, which this version"):
        body_at(b"\x09" + row.block[1:], 0)


def test_a_dictionary_is_never_changed() -> None:
    folder = files("bureau") / "data" / "record_dictionaries"
    digests = {
        int(file.name.removesuffix(".zstd")): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
    }
    assert digests == DICTIONARIES
    assert max(digests) == NEWEST_DICTIONARY


def test_a_block_of_the_first_dictionary_is_still_read() -> None:
    block = bytes.fromhex(
        "0103737373737373737373737373737373737373737373737373737373737373737373737373737373737373"
        "7373737373737373737373737373737373737373737373737373737373737373737373737373737373737373"
        "73737373737373737373205ef50100d40216001900190012096163636f756e742d301a0908edae0c2a035553"
        "44311a0c68d10732a20f010000000000000005fc55140618e2b6d87892146bbe06"
    )
    assert RecordBlock(0, 7, block).records() == months(3)


def test_threads_read_and_write_at_once() -> None:
    stored = months(300)
    wrong: list[int] = []

    def work() -> None:
        for _ in range(20):
            records = [record for block in blocks_of(stored) for record in block.records()]
            if records != stored:
                wrong.append(threading.get_ident())

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    threads = [threading.Thread(target=work) for _ in range(4)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []
