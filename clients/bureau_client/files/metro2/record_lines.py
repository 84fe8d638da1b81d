"""Records on lines of their own: a line is a record, whatever its descriptor word says.

A wrong or missing descriptor word, blanks at the end or a typed character cost that record alone:
the next record begins on the next line. A line end that is lost or that was typed into a record is
recognised by the descriptor words around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from bureau_client.files.metro2.layout import BASE, HEADER, TRAILER, layouts

WORD = 4
# Bytes. The longest record that a descriptor word of four digits holds; a longer line is cut.
_LONGEST = 9999
# Bytes read at a time.
_READ = 65_536
# Lines of the beginning that decide.
_LOOKED_AT = 64
# Bytes between two records on one line: a line end that is damaged.
_DAMAGED_END = (0, 1, 2)
_CARRIAGE_RETURN, _LINE_FEED = b"\r", b"\n"
_FILLING = b"\r\n\x1a\0 "


@dataclass(frozen=True, slots=True)
class RecordLine:
    """One line of a file.

    Attributes:
        number: Number of the line in the file, from 1.
        raw: Bytes of the line without its end.
        end: Bytes of its end.
    """

    number: int
    raw: bytes
    end: bytes


def line_end(head: bytes) -> bytes:
    """Return the last byte of line ends if records are on lines; empty if they are not."""
    feeds = head.count(_LINE_FEED)
    returns = head.count(_CARRIAGE_RETURN) - head.count(_CARRIAGE_RETURN + _LINE_FEED)
    end = _CARRIAGE_RETURN if returns > feeds else _LINE_FEED
    if not (feeds or returns):
        return b""
    first = head.lstrip(_FILLING).split(end)[:_LOOKED_AT]
    lines = [line.rstrip(b"\r\n\x1a") for line in first]
    filled = any(is_filled(line) for line in lines)
    begun = sum(_begins_record(line) for line in lines)
    return end if filled or begun > 1 or lines[0].startswith(HEADER.encode()) else b""


def read_lines(ahead: bytes, stream: BinaryIO, end: bytes) -> Iterator[RecordLine]:
    """Yield the lines of a file that are not empty, those that are one record joined.

    Args:
        ahead: The beginning of the file, already read.
        stream: The rest of the file.
        end: Last byte of line ends.
    """
    lines = (line for line in _split(ahead, stream, end) if line.raw.strip(_FILLING))
    line = next(lines, None)
    while line is not None:
        following = next(lines, None)
        if following is not None and _is_continued(line, following):
            joined = line.raw + line.end + following.raw
            line, following = RecordLine(line.number, joined, following.end), next(lines, None)
        yield line
        line = following


def whole_records(line: bytes) -> list[tuple[int, int]]:
    """Return start and end of the records that fill a line by their words; empty if none do."""
    if is_filled(line):
        return [(0, len(line))]
    records: list[tuple[int, int]] = []
    start = 0
    while start < len(line):
        length = length_in(line[start:])
        if length < _shortest() or start + length > len(line):
            return []
        records.append((start, start + length))
        start += length
        if start == len(line):
            break
        start = next(
            (start + gap for gap in _DAMAGED_END if _begins_record(line[start + gap :])),
            len(line) + 1,
        )
    return records if start == len(line) else []


def is_filled(line: bytes) -> bool:
    """Return True if the line has the length that its descriptor word says."""
    return length_in(line) == len(line) > WORD


def length_in(line: bytes) -> int:
    """Return the length in the descriptor word at the beginning; 0 without a word."""
    word = line[:WORD]
    return int(word) if len(word) == WORD and word.isdigit() else 0


def kind_in(line: bytes) -> str:
    """Return HEADER or TRAILER for a line that begins with that name, otherwise BASE.

    One letter of the name may be another one, missing, or too many.
    """
    beginning = line[: 4 * WORD]
    for kind in (HEADER, TRAILER):
        name = kind.encode()
        if any(_resembles(beginning[start:], name) for start in range(len(beginning))):
            return kind
    return BASE


def _resembles(text: bytes, name: bytes) -> bool:
    """Return True if a text begins with a name in which one letter may be wrong."""
    pairs = enumerate(zip(text, name, strict=False))
    same = next((i for i, (one, other) in pairs if one != other), min(len(text), len(name)))
    rest = name[same + 1 :]
    return len(text) >= len(rest) and any(
        text[start:].startswith(after)
        for start, after in ((same + 1, rest), (same + 1, name[same:]), (same, rest))
    )


def _is_continued(line: RecordLine, following: RecordLine) -> bool:
    """Return True if a line end was typed into a record: two lines are one."""
    is_next_whole = len(following.raw) >= _shortest() and whole_records(following.raw)
    if whole_records(line.raw) or is_next_whole:
        return False
    # The line end took the place of another character, or was added.
    added = len(line.raw) + len(following.raw)
    if length_in(line.raw) in {added, added + len(line.end)}:
        return True
    if _begins_record(following.raw):
        return False
    if kind_in(following.raw) != BASE and len(line.raw) > WORD:
        return False
    return min(len(line.raw), len(following.raw)) < _shortest() - WORD


def _begins_record(line: bytes) -> bool:
    """Return True if a descriptor word and what follows one are at the beginning."""
    if length_in(line) < _shortest():
        return False
    rest = line[WORD:]
    # A block's descriptor word is followed by a record's.
    rest = rest[WORD:] if length_in(rest) == length_in(line) - WORD else rest
    if rest.startswith((HEADER.encode(), TRAILER.encode())):
        return True
    indicator, stamp = rest[:1], rest[1:15]
    return indicator in {b"1", b" "} and (stamp.isdigit() or stamp.isspace())


def _shortest() -> int:
    return layouts()[BASE].length


def _split(ahead: bytes, stream: BinaryIO, end: bytes) -> Iterator[RecordLine]:
    number, rest, more = 1, ahead, True
    while more or rest:
        before, divider, after = rest.partition(end)
        if not divider and more and len(rest) <= _LONGEST:
            read = stream.read(_READ)
            more, rest = bool(read), rest + read
            continue
        if len(before) > _LONGEST:
            before, divider, after = rest[:_LONGEST], b"", rest[_LONGEST:]
        raw = before.rstrip(b"\r\x1a")
        yield RecordLine(number, raw, before[len(raw) :] + divider)
        number += bool(divider)
        rest = after


def first_lines(head: bytes, end: bytes) -> list[bytes]:
    """Return the lines at the beginning of a file, without their ends."""
    return [line.rstrip(b"\r\n\x1a") for line in islice(head.split(end), _LOOKED_AT)]
