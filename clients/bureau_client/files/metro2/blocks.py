"""Records in a file: descriptor words in front of them, in blocks or without.

A record begins with its record descriptor word (RDW), its length with the word itself:
four digits, or in the packed format two bytes big-endian and two of zero. In a blocked file
a block descriptor word (BDW) of the same form stands in front of one or more records.
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
# The longest block that a variable block can have.
MAX_BLOCK = 32_760
_BARE = (b"HEADER", b"TRAILER")
_LINE_ENDS = b"\r\n\x1a"
_EBCDIC_DIGITS = set(range(0xF0, 0xFA))
_EBCDIC_HEADER = "HEADER".encode("cp037")
_FIX_WORD = "Write the length of the record, the descriptor word included"


@dataclass(frozen=True, slots=True)
class Framing:
    """How a file holds its records.

    Attributes:
        packed: The packed format: binary descriptor words, packed decimals.
        blocked: Block descriptor words stand in front of the records.
    """

    packed: bool = False
    blocked: bool = False

    @property
    def longest(self) -> int:
        """What a descriptor word can say at most."""
        return 0xFFFF if self.packed else 9999

    def word(self, length: int) -> bytes:
        """The descriptor word of a record or block; `length` includes the word.

        Raises:
            BadValue: It is too long for a descriptor word.
        """
        if length > self.longest:
            raise BadValue("M2-LENGTH", f"a record or block of at most {self.longest} bytes")
        if self.packed:
            return length.to_bytes(2) + b"\0\0"
        return f"{length:04d}".encode("ascii")

    def length(self, word: bytes) -> int | None:
        """What a descriptor word says; None if it is none."""
        if len(word) < WORD:
            return None
        if self.packed:
            return int.from_bytes(word[:2]) if word[2:] == b"\0\0" else None
        return int(word) if word.isdigit() else None


@dataclass(frozen=True, slots=True)
class Frame:
    """One record of a file.

    Attributes:
        number: Its place in the file, from 1.
        raw: Its bytes, descriptor word included.
        block: The word of the block that it begins; empty where it begins none.
    """

    number: int
    raw: bytes
    block: bytes = b""


class Frames:
    """The records of a file one after the other, never more than one block in memory.

    Attributes:
        framing: How the file holds its records.
    """

    def __init__(self, stream: BinaryIO) -> None:
        """Looks at the file's beginning.

        Raises:
            Broken: It does not begin with a descriptor word.
        """
        self._stream = stream
        self._ahead = stream.read(2 * MAX_BLOCK)
        self._at = 0
        self.framing = _framing_of(self._ahead)

    def __iter__(self) -> Iterator[Frame]:
        """Every record.

        Raises:
            Broken: A record cannot be read; nor can what comes behind it.
        """
        number = 0
        while True:
            self._skip_line_ends()
            if not self._reach(1):
                return
            taken = self._take(number + 1)
            # Some writers leave the block's word out in front of header or trailer.
            if not self.framing.blocked or taken[WORD:].startswith(_BARE):
                number += 1
                yield Frame(number, taken)
                continue
            for word, raw in self._records(taken, number):
                number += 1
                yield Frame(number, raw, word)

    def _records(self, block: bytes, number: int) -> Iterator[tuple[bytes, bytes]]:
        """The records of a block; the first with the block's word."""
        word, rest = block[:WORD], block[WORD:]
        while rest:
            number += 1
            length = self._checked(rest, number)
            if length > len(rest):
                raise Broken(
                    "M2-BLOCK",
                    number,
                    f"a record of {length} bytes in the {len(rest)} that its block has left",
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
        taken = self._ahead[self._at : self._at + length]
        self._at += length
        return taken

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
        """Whether so many bytes are there, read ahead if need be."""
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
    # The header's name stands behind its descriptor word, and a block's if there is one.
    if set(head[:WORD]) <= _EBCDIC_DIGITS or _EBCDIC_HEADER in head[WORD : 2 * WORD + 6]:
        raise Broken("M2-EBCDIC", 0, "EBCDIC", "ASCII", "Convert the file to ASCII")
    framing = Framing(packed=not head[:WORD].isdigit())
    if framing.length(head[:WORD]) is None:
        raise Broken("M2-WORD", 0, "0x" + head[:WORD].hex(), "a descriptor word", _FIX_WORD)
    return Framing(framing.packed, blocked=_is_block(head, framing))


def _is_block(head: bytes, framing: Framing) -> bool:
    """Whether the first word is of a block: records fill it to its end."""
    layout = layouts()[BASE]
    shortest = layout.packed_length if framing.packed else layout.length
    end = framing.length(head[:WORD]) or 0
    at = WORD
    while at < end:
        length = framing.length(head[at : at + WORD])
        if length is None or length < shortest:
            return False
        at += length
    return at == end
