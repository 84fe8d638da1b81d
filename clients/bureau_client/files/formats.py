"""Recognises the format of a file of records by its first bytes."""

from __future__ import annotations

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from bureau_client.errors import InvalidRequest

# Bytes that decide: a block's and a record's descriptor word, and the name of the header.
_DECIDING = 64
_EBCDIC_DIGITS = set(range(0xF0, 0xFA))
_WORD = 4
_SEPARATORS = b",;\t"
# Characters of a column name; the first line of Metro 2 has longer runs.
_LONGEST_NAME = 40


class Format(StrEnum):
    """Format of a file of records."""

    CSV = "csv"
    METRO2 = "metro2"


class Foreign(NamedTuple):
    """A format that is named and not read.

    Attributes:
        id: Last part of the rule that a file in it breaks: `M2-EBCDIC`.
        name: The format's name.
        fix: The remedy.
    """

    id: str
    name: str
    fix: str


UTF16 = Foreign("UTF16", "UTF-16", "Save the file as ASCII for Metro 2, in UTF-8 for CSV")
EBCDIC = Foreign("EBCDIC", "EBCDIC", "Convert the file to ASCII for Metro 2, to UTF-8 for CSV")
MARK = Foreign("MARK", "UTF-8 with a byte order mark", "Save the file without the mark")
CSV_TABLE = Foreign("CSV", "CSV", "Import it with --format csv, or send the Metro 2 file")


def foreign_format(head: bytes) -> Foreign | None:
    """Return the format of a file that is not Metro 2; None for one that may be."""
    if encoding := _foreign_encoding(head):
        return encoding
    if _is_table(head):
        return CSV_TABLE
    return MARK if head.startswith(BOM_UTF8) else None


def format_of(path: Path) -> Format:
    """Return the format of a file of records.

    Raises:
        InvalidRequest: The file is in an encoding that is not read; the message names it.
    """
    with path.open("rb") as stream:
        head = stream.read(4096)
    if encoding := _foreign_encoding(head):
        raise InvalidRequest(f"{path.name} is {encoding.name}", reason="BAD_TEXT", fix=encoding.fix)
    return Format.METRO2 if _is_metro2(head) else Format.CSV


def _is_metro2(head: bytes) -> bool:
    if _is_table(head):
        return False
    return (
        b"HEADER" in head[: 4 * _WORD]
        or head[:_WORD].isdigit()
        # The descriptor word of the packed format.
        or head[2:_WORD] == b"\0\0"
    )


def _foreign_encoding(head: bytes) -> Foreign | None:
    if head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or _is_half_zeros(head[:_DECIDING]):
        return UTF16
    # The header's name follows its descriptor word, in a blocked file after the block's.
    begins = head[_WORD : 4 * _WORD]
    if set(head[:_WORD]) <= _EBCDIC_DIGITS or "HEADER".encode("cp037") in begins:
        return EBCDIC if head else None
    return EBCDIC if _is_ebcdic_text(head[:_DECIDING]) else None


def _is_ebcdic_text(head: bytes) -> bool:
    """Return True for text whose letters and digits lie above those of ASCII."""
    try:
        # Without its end: the head may end within a character.
        getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        text = head.decode("cp037")
        return (
            sum(character.isalnum() and character.isascii() for character in text) > len(head) // 2
        )
    return False


def _is_half_zeros(head: bytes) -> bool:
    """Return True for characters of two bytes, one of them zero in ASCII."""
    pairs = len(head) // 2
    if pairs < _WORD:
        return False
    zeros = (head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0))
    return max(zeros) == pairs and min(zeros) == 0


def _is_table(head: bytes) -> bool:
    """Return True for a first line of column names with separators between them."""
    line = head.removeprefix(BOM_UTF8).partition(b"\n")[0].strip()
    names = [name.strip(b' "') for name in _cells(line)]
    named = all(
        name.replace(b"_", b"").replace(b" ", b"").isalnum() and len(name) <= _LONGEST_NAME
        for name in names
    )
    return len(names) > 1 and named and not line[:_WORD].isdigit()


def _cells(line: bytes) -> list[bytes]:
    for separator in _SEPARATORS:
        line = line.replace(bytes([separator]), b",")
    return line.split(b",")
