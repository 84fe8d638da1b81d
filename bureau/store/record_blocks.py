"""The rows of records: consecutive records of a submission in one row, compressed together.

A row of the table `record` has the index and the account of its first record, and a block. By its
first byte, a block is

- empty: one record that was erased;
- `0x0a`, the tag of a record's first field: one record as it was signed;
- the number of a dictionary, which is neither 0 nor 10 (`0x0a`): other records. Their count and
  their salts follow, which are random, and a Zstandard frame: the lengths, the records without
  their salts, and the accounts, each as the difference from the one before.

A dictionary in `bureau/data/record_dictionaries` is never changed or removed: rows need it. A
better one gets the next number. `python -m tests.record_dictionary` made them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property
from importlib.resources import files
from itertools import accumulate, count, pairwise
from struct import Struct
from struct import error as StructError  # noqa: N812  (a class)
from typing import NamedTuple

import zstandard

# Bytes of a row, as far as they can be known before it is compressed: a record takes half of its
# length, and 20 bytes, as its salt stays as it is. SQLite puts what a row has over 1,002 bytes into
# pages that it shares with no other row.
BLOCK_BYTES = 925
RECORD_BYTES = 20
# The dictionary that blocks are written with.
NEWEST_DICTIONARY = 1
# 1 changes a batch of 10,000 records in 6 ms, 3 in 9 and to 0.2 % fewer bytes.
LEVEL = 1

# The first byte of a signed record, and the first two of one whose salt has 32 bytes.
SIGNED = 0x0A
SALTED = b"\x0a\x20"
SALT_BYTES = 32
HEAD_BYTES = len(SALTED) + SALT_BYTES
# The bit of a length that says that the record is whole, without a salt apart; and the other bits.
IS_WHOLE = 1 << 15
LENGTH = IS_WHOLE - 1
NO_SALT = bytes(SALT_BYTES)
# The descriptors of a frame that says the size of its content in one byte or in two: at most
# 65,791 bytes. The library allocates as much memory as any frame says.
FRAME_DESCRIPTORS = (0x20, 0x60)

NOT_WRITTEN = "a block of records is not one that a bureau writes"


class DamagedBlockError(ValueError):
    """A block is not one that was written, or has no record at a position."""


class BlockRecord(NamedTuple):
    """A record of a block.

    Attributes:
        record_index: Index of the record in its submission.
        body: The record as it was signed; empty if it was erased.
    """

    record_index: int
    tradeline_key: int
    body: bytes


class RecordBlock(NamedTuple):
    """A row of records, without the key of its submission.

    Attributes:
        record_index: Index of the first record in its submission.
        tradeline_key: Account of the first record.
    """

    record_index: int
    tradeline_key: int
    block: bytes

    def records(self) -> list[BlockRecord]:
        """Read all records.

        Raises:
            DamagedBlockError: The block is not one that was written.
        """
        if not _is_packed(self.block):
            return [BlockRecord(*self)]
        return _records_in(self)

    def bodies(self) -> list[bytes]:
        """Read all records as they were signed; an erased one is empty.

        Raises:
            DamagedBlockError: The block is not one that was written.
        """
        if not _is_packed(self.block):
            return [self.block]
        return _bodies(self.block, *_opened(self.block))

    def without(self, record_index: int) -> RecordBlock:
        """Return the row with one record erased.

        Raises:
            DamagedBlockError: The block is not one that was written, or does not have the record.
        """
        records, position = self.records(), record_index - self.record_index
        _check_position(position, len(records))
        records[position] = records[position]._replace(body=b"")
        return _block_of(records)


def blocks_of(records: Iterable[tuple[int, int, bytes]]) -> list[RecordBlock]:
    """Put records of one submission, in order of their index, into rows.

    Args:
        records: `BlockRecord`s, or tuples like them: batches are large.
    """
    return list(map(_block_of, groups_of(records)))


def body_at(block: bytes, position: int) -> bytes:
    """Read the record at a position of a block.

    Raises:
        DamagedBlockError: The block is not one that was written, or has no record there.
    """
    if not _is_packed(block):
        _check_position(position, 1)
        return block
    plain, lengths = _opened(block)
    _check_position(position, len(lengths))
    return _body(block, plain, lengths, position)


def _is_packed(block: bytes) -> bool:
    return bool(block) and block[0] != SIGNED


def _check_position(position: int, count: int) -> None:
    if not 0 <= position < count:
        raise DamagedBlockError(f"a block of {count} records has none at position {position}")


def groups_of(
    records: Iterable[tuple[int, int, bytes]],
) -> Iterator[list[tuple[int, int, bytes]]]:
    """Split records into groups of consecutive ones that fit into a block."""
    group: list[tuple[int, int, bytes]] = []
    size = following = 0
    for record in records:
        index, _, body = record
        estimate = len(body) // 2 + RECORD_BYTES
        if group and (size + estimate > BLOCK_BYTES or index != following):
            yield group
            group, size = [], 0
        group.append(record)
        size += estimate
        following = index + 1
    if group:
        yield group


def _block_of(records: Sequence[tuple[int, int, bytes]]) -> RecordBlock:
    """Put the records of a group into a row."""
    first_index, first_key, first = records[0]
    if len(records) == 1 and not _is_packed(first):
        return RecordBlock(first_index, first_key, first)
    salts, plain = plain_block(records)
    frame = _CODERS.compressor.compress(plain)
    block = b"".join((bytes((NEWEST_DICTIONARY, len(records))), salts, frame))
    return RecordBlock(first_index, first_key, block)


def plain_block(records: Sequence[tuple[int, int, bytes]]) -> tuple[bytes, bytes]:
    """Return the salts of the records of a block, and the rest as it is before it is compressed."""
    salts, lengths, rests = [], [], []
    for _, _, body in records:
        if body[:2] == SALTED and len(body) >= HEAD_BYTES:
            salts.append(body[2:HEAD_BYTES])
            rests.append(body[HEAD_BYTES:])
            lengths.append(len(body) - HEAD_BYTES)
        else:
            salts.append(NO_SALT)
            rests.append(body)
            lengths.append(len(body) | IS_WHOLE)
    steps = [after[1] - before[1] for before, after in pairwise(records)]
    head, tail = _lengths(len(lengths)).pack(*lengths), _steps(len(steps)).pack(*steps)
    return b"".join(salts), b"".join((head, *rests, tail))


def _records_in(row: RecordBlock) -> list[BlockRecord]:
    """Return the records of a row of several.

    Raises:
        DamagedBlockError: The block is not one that was written.
    """
    plain, lengths = _opened(row.block)
    steps = _steps(len(lengths) - 1)
    differences = steps.unpack_from(plain, len(plain) - steps.size)
    keys = accumulate(differences, initial=row.tradeline_key)
    bodies = _bodies(row.block, plain, lengths)
    return list(map(BlockRecord, count(row.record_index), keys, bodies))


def _opened(block: bytes) -> tuple[bytes, tuple[int, ...]]:
    """Open a block of several records: return its bytes without the salts, and the lengths.

    Raises:
        DamagedBlockError: The block is not one that was written.
    """
    try:
        count = block[1]
        start = 2 + count * SALT_BYTES
        if not count or block[start] not in FRAME_DESCRIPTORS:
            raise DamagedBlockError(NOT_WRITTEN)
        decompressor = _CODERS.decompressors[block[0]]
        plain = decompressor.decompress(block[start:], allow_extra_data=False)
        lengths = _lengths(count).unpack_from(plain)
    except (IndexError, StructError, zstandard.ZstdError) as error:
        raise DamagedBlockError(f"a block of records cannot be read: {error}") from error
    if _start(lengths, count) + _steps(count - 1).size != len(plain):
        raise DamagedBlockError(NOT_WRITTEN)
    return plain, lengths


def _start(lengths: tuple[int, ...], position: int) -> int:
    """Return where the record at a position of an opened block starts; after the last one, where
    the differences between accounts do.
    """
    # The bits IS_WHOLE of a sum are above those of any length.
    return 2 * len(lengths) + (sum(lengths[:position]) & LENGTH)


def _body(block: bytes, plain: bytes, lengths: tuple[int, ...], position: int) -> bytes:
    """Return the record at a position of an opened block."""
    start, length = _start(lengths, position), lengths[position]
    if length & IS_WHOLE:
        return plain[start : start + (length & LENGTH)]
    salt = 2 + position * SALT_BYTES
    return SALTED + block[salt : salt + SALT_BYTES] + plain[start : start + length]


def _bodies(block: bytes, plain: bytes, lengths: tuple[int, ...]) -> list[bytes]:
    """Return all records of an opened block."""
    bodies = []
    start, salt = _start(lengths, 0), 2
    for length in lengths:
        end = start + (length & LENGTH)
        body = plain[start:end]
        if not length & IS_WHOLE:
            body = SALTED + block[salt : salt + SALT_BYTES] + body
        bodies.append(body)
        start, salt = end, salt + SALT_BYTES
    return bodies


@cache
def _lengths(count: int) -> Struct:
    """Return the form of the lengths of a number of records."""
    return Struct(f"<{count}H")


@cache
def _steps(count: int) -> Struct:
    """Return the form of a number of differences between accounts."""
    return Struct(f"<{count}q")


@cache
def _dictionary(number: int) -> zstandard.ZstdCompressionDict:
    """Load a dictionary.

    Raises:
        DamagedBlockError: There is none of this number.
    """
    file = files("bureau") / "data" / "record_dictionaries" / f"{number}.zstd"
    try:
        return zstandard.ZstdCompressionDict(file.read_bytes())
    except FileNotFoundError:
        raise DamagedBlockError(
            f"a block of records is of dictionary {number}, which this version does not have"
        ) from None


class _Decompressors(dict[int, zstandard.ZstdDecompressor]):
    """The decompressors of one thread, by the number of their dictionary."""

    def __missing__(self, number: int) -> zstandard.ZstdDecompressor:
        """Make the decompressor with a dictionary.

        Raises:
            DamagedBlockError: There is no dictionary of this number.
        """
        decompressor = self[number] = zstandard.ZstdDecompressor(
            dict_data=_dictionary(number), format=zstandard.FORMAT_ZSTD1_MAGICLESS
        )
        return decompressor


class _Coders(threading.local):
    """The library's objects of one thread: two threads must not use one at the same time."""

    def __init__(self) -> None:
        self.decompressors = _Decompressors()

    @cached_property
    def compressor(self) -> zstandard.ZstdCompressor:
        """The compressor with the newest dictionary."""
        parameters = zstandard.ZstdCompressionParameters.from_level(
            LEVEL,
            format=zstandard.FORMAT_ZSTD1_MAGICLESS,
            write_checksum=False,
            write_content_size=True,
            write_dict_id=False,
        )
        dictionary = _dictionary(NEWEST_DICTIONARY)
        return zstandard.ZstdCompressor(dict_data=dictionary, compression_params=parameters)


_CODERS = _Coders()
