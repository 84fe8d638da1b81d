"""Records in a file: each with its descriptor word, with or without blocks.

A record begins with its record descriptor word (RDW), its length including the
word: four digits, or in the packed format two bytes big-endian and two zero bytes. In a
blocked file a block descriptor word (BDW) of the same form precedes one or more records.
Files of characters may have line ends between records.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from bureau_client.files.metro2.findings import Broken
from bureau_client.files.metro2.layout import BASE, layouts
from bureau_client.files.metro2.values import BadValue

WORD = 4
# Bytes. The longest variable block of the format.
MAX_BLOCK = 32_760
_BARE = (b"HEADER", b"TRAILER")
_LINE_ENDS = b"\r\n\x1a"
_EBCDIC_DIGITS = set(range(0xF0, 0xFA))
_EBCDIC_HEADER = "HEADER".encode("cp037")
_FIX_WORD = "Write the length of the record, the descriptor word included"


@dataclass(frozen=True, slots=True)
class Framing:
    """Framing of the records in a file.

    Attributes:
        packed: The packed format: binary descriptor words, packed decimals.
        blocked: Block descriptor words precede the records.
    """

    packed: bool = False
    blocked: bool = False

    @property
    def longest(self) -> int:
        """The largest length that a descriptor word can hold."""
        return 0xFFFF if self.packed else 9999

    def word(self, length: int) -> bytes:
        """Return the descriptor word of a record or block; `length` includes the word.

        Raises:
            BadValue: The length does not fit into a descriptor word.
        """
        if length > self.longest:
            raise BadValue("M2-LENGTH", f"a record or block of at most {self.longest} bytes")
        if self.packed:
            return length.to_bytes(2) + b"\0\0"
        return f"{length:04d}".encode("ascii")

    def length(self, word: bytes) -> int | None:
        """Return the length in a descriptor word; None for other bytes."""
        if len(word) < WORD:
            return None
        if self.packed:
            return int.from_bytes(word[:2]) if word[2:] == b"\0\0" else None
        return int(word) if word.isdigit() else None


@dataclass(frozen=True, slots=True)
class Frame:
    """One record of a file.

    Attributes:
        number: Number of the record in the file, from 1.
        raw: Bytes of the record, descriptor word included.
        block: Descriptor word of the block that the record begins; empty if it begins none.
    """

    number: int
    raw: bytes
    block: bytes = b""


class Frames:
    """The records of a file one after another, at most one block in memory.

    Attributes:
        framing: Framing of the records.
    """

    def __init__(self, stream: BinaryIO) -> None:
        """Read the beginning of the file and recognise its framing.

        Raises:
            Broken: The file does not begin with a descriptor word.
        """
        self._stream = stream
        self._ahead = stream.read(2 * MAX_BLOCK)
        self._at = 0
        self.framing = _framing_of(self._ahead)

    def __iter__(self) -> Iterator[Frame]:
        """Yield every record.

        Raises:
            Broken: A record cannot be read, and so neither can those after it.
        """
        number = 0
        while True:
            self._skip_line_ends()
            if not self._reach(1):
                return
            block = self._take(number + 1)
            # Some writers omit the block's word before header or trailer.
            if not self.framing.blocked or block[WORD:].startswith(_BARE):
                number += 1
                yield Frame(number, block)
                continue
            for word, raw in self._records(block, number):
                number += 1
                yield Frame(number, raw, word)

    def _records(self, block: bytes, number: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield the records of a block, the first with the block's word."""
        word, rest = block[:WORD], block[WORD:]
        while rest:
            number += 1
            length = self._checked(rest, number)
            if length > len(rest):
                raise Broken(
                    "M2-BLOCK",
                    number,
                    f"a record of {length} bytes with {len(rest)} bytes left in its block",
                    "records that fill their block",
                    "Write the length of the block, its descriptor word included",
                )
            yield word, rest[:length]
            word, rest = b"", rest[length:]

    def _take(self, number: int) -> bytes:
        self._reach(WORD)
        length = self._checked(self._ahead[self._at : self._at + WORD], number)
        if not self._reach(length):
            raise Broken(
                "M2-TRUNCATED",
                number,
                f"{len(self._ahead) - self._at} bytes",
                f"{length} bytes, as its descriptor word says",
                "Send the whole file",
            )
        block = self._ahead[self._at : self._at + length]
        self._at += length
        return block

    def _checked(self, ahead: bytes, number: int) -> int:
        length = self.framing.length(ahead[:WORD])
        if length is None or length <= WORD:
            raise Broken(
                "M2-WORD", number, "0x" + ahead[:WORD].hex(), "a descriptor word", _FIX_WORD
            )
        return length

    def _skip_line_ends(self) -> None:
        while not self.framing.packed and self._reach(1) and self._ahead[self._at] in _LINE_ENDS:
            self._at += 1

    def _reach(self, count: int) -> bool:
        """Return True if this number of bytes is left; read ahead as needed."""
        while len(self._ahead) - self._at < count:
            more = self._stream.read(2 * MAX_BLOCK)
            if not more:
                return False
            self._ahead = self._ahead[self._at :] + more
            self._at = 0
        return True


def _framing_of(head: bytes) -> Framing:
    if not head:
        raise Broken("M2-EMPTY", 0, "nothing", "a header, accounts and a trailer", "Send the file")
    if head.startswith(BOM_UTF8):
        raise Broken(
            "M2-MARK", 0, "a byte order mark", "a descriptor word", "Save the file without the mark"
        )
    # The header's name follows its descriptor word, in a blocked file after the block's.
    if set(head[:WORD]) <= _EBCDIC_DIGITS or _EBCDIC_HEADER in head[WORD : 2 * WORD + 6]:
        raise Broken("M2-EBCDIC", 0, "EBCDIC", "ASCII", "Convert the file to ASCII")
    framing = Framing(packed=not head[:WORD].isdigit())
    if framing.length(head[:WORD]) is None:
        raise Broken("M2-WORD", 0, "0x" + head[:WORD].hex(), "a descriptor word", _FIX_WORD)
    return Framing(framing.packed, blocked=_is_block(head, framing))


def _is_block(head: bytes, framing: Framing) -> bool:
    """Return True if the first word is a block's: records fill the block to its end."""
    layout = layouts()[BASE]
    shortest = layout.packed_length if framing.packed else layout.length
    end = framing.length(head[:WORD]) or 0
    offset = WORD
    while offset < end:
        length = framing.length(head[offset : offset + WORD])
        if length is None or length < shortest:
            return False
        offset += length
    return offset == end
