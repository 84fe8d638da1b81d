"""Records in a file: each with its descriptor word, with or without blocks.

A record begins with its record descriptor word (RDW), its length including the
word: four digits, or in the packed format two bytes big-endian and two zero bytes. In a
blocked file a block descriptor word (BDW) of the same form precedes one or more records.
Files of characters may have a line for each record or block (`record_lines.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from bureau_client.files.formats import foreign_format
from bureau_client.files.metro2 import record_lines
from bureau_client.files.metro2.findings import Broken
from bureau_client.files.metro2.layout import BASE, layouts
from bureau_client.files.metro2.values import BadValue

WORD = 4
# Bytes. The longest variable block of the format.
MAX_BLOCK = 32_760
_BARE = (b"HEADER", b"TRAILER")
_LINE_ENDS = b"\r\n\x1a"
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
        line: Line of the record, from 1; 0 in a file without line ends.
        start: Byte of the file at which the record begins, from 0; in a file with line ends the
            byte of its line.
        fills_line: False for a line that its descriptor words do not fill; `raw` is the line.
    """

    number: int
    raw: bytes
    block: bytes = b""
    line: int = 0
    start: int = 0
    fills_line: bool = True


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
        self._before = 0
        _check_format(self._ahead)
        self._line_end = record_lines.line_end(self._ahead)
        self.framing = _framing_of(self._ahead, self._line_end)

    def __iter__(self) -> Iterator[Frame]:
        """Yield every record.

        Raises:
            Broken: A record cannot be read, and so neither can those after it.
        """
        return self._on_lines() if self._line_end else self._by_words()

    def _on_lines(self) -> Iterator[Frame]:
        """Yield the records of lines: a line that its words do not fill costs itself alone."""
        number = 0
        for line in record_lines.read_lines(self._ahead, self._stream, self._line_end):
            parts = record_lines.whole_records(line.raw)
            if not parts:
                number += 1
                yield Frame(number, line.raw, line=line.number, fills_line=False)
            for start, end in parts:
                for word, first, raw in self._in_block(line.raw, start, end):
                    number += 1
                    yield Frame(number, raw, word, line.number, first)

    def _in_block(self, line: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, bytes]]:
        """Yield the records of a block on a line: the block's word, start and bytes of each."""
        block = line[start:end]
        if not self.framing.blocked or not _is_block(block, self.framing):
            yield b"", start, block
            return
        word, offset = block[:WORD], WORD
        while offset < len(block):
            length = record_lines.length_in(block[offset:])
            yield word, start + offset, block[offset : offset + length]
            word, offset = b"", offset + length

    def _by_words(self) -> Iterator[Frame]:
        """Yield the records that follow one another, each as long as its word says."""
        number = 0
        while True:
            self._skip_line_ends()
            if not self._reach(1):
                return
            start = self._before + self._at
            block = self._take(number + 1)
            # Some writers omit the block's word before header or trailer.
            if not self.framing.blocked or block[WORD:].startswith(_BARE):
                number += 1
                yield Frame(number, block, start=start)
                continue
            start += WORD
            for word, raw in self._records(block, number, start):
                number += 1
                yield Frame(number, raw, word, start=start)
                start += len(raw)

    def _records(self, block: bytes, number: int, start: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield the records of a block, the first with the block's word."""
        word, rest = block[:WORD], block[WORD:]
        while rest:
            number += 1
            length = self._checked(rest, number, start)
            if length > len(rest):
                raise Broken(
                    "M2-BLOCK",
                    number,
                    "a record that is longer than the rest of its block",
                    "records that fill their block",
                    "Write the length of the block, its descriptor word included",
                    byte=start + 1,
                )
            yield word, rest[:length]
            word, rest = b"", rest[length:]
            start += length

    def _take(self, number: int) -> bytes:
        self._reach(WORD)
        start = self._before + self._at
        length = self._checked(self._ahead[self._at : self._at + WORD], number, start)
        if not self._reach(length):
            raise Broken(
                "M2-TRUNCATED",
                number,
                f"{len(self._ahead) - self._at} bytes",
                "as many bytes as the descriptor word says",
                "Send the whole file",
                byte=start + 1,
            )
        block = self._ahead[self._at : self._at + length]
        self._at += length
        return block

    def _checked(self, ahead: bytes, number: int, start: int) -> int:
        """Return the length that a descriptor word says; the bytes of another word are not shown.

        They may be personal data, if the word before was wrong.
        """
        length = self.framing.length(ahead[:WORD])
        if length is None or length <= WORD:
            raise Broken(
                "M2-WORD", number, "no length", "a descriptor word", _FIX_WORD, byte=start + 1
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
            self._before += self._at
            self._at = 0
        return True


def _check_format(head: bytes) -> None:
    """Raise an exception that names the format for a file of another format."""
    if not head:
        raise Broken("M2-EMPTY", 0, "nothing", "a header, accounts and a trailer", "Send the file")
    if foreign := foreign_format(head):
        raise Broken(f"M2-{foreign.id}", 0, foreign.name, "Metro 2 in ASCII", foreign.fix)


def _framing_of(head: bytes, line_end: bytes) -> Framing:
    if line_end:
        framing = Framing()
        lines = record_lines.first_lines(head, line_end)
        return Framing(blocked=any(_is_block(line, framing) for line in lines))
    framing = Framing(packed=not head[:WORD].isdigit())
    if framing.length(head[:WORD]) is None:
        raise Broken("M2-WORD", 0, "no length", "a descriptor word", _FIX_WORD, byte=1)
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
    return offset == end > 0
