"""Reads files: header, accounts, trailer, each record with the findings on its form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from bureau_client.files.metro2.alignment import is_off_place, is_on_place
from bureau_client.files.metro2.blocks import WORD, Frame, Frames, Framing
from bureau_client.files.metro2.findings import Broken, Finding
from bureau_client.files.metro2.layout import BASE, HEADER, layouts
from bureau_client.files.metro2.record_lines import kind_in, length_in
from bureau_client.files.metro2.segments import Segment, kind_of, numbers_of, split
from bureau_client.files.metro2.values import Numbers
from bureau_keys.contradictions import Severity

_FIX_LINE = "Write the record without characters too many or too few, and its length in the word"


@dataclass(frozen=True, slots=True)
class Metro2Record:
    """One record of a file.

    Attributes:
        number: Number of the record in the file, from 1; 0 for findings on the whole file.
        kind: HEADER, BASE, TRAILER; empty for an unreadable record.
        segments: Segments of the record, the base segment first.
        findings: Findings on the form of the record.
        raw: Bytes of the record, descriptor word included.
        block: Descriptor word of the block that the record begins; empty if it begins none.
        line: Line of the record in the file, from 1; 0 in a file without line ends.
        start: Byte at which the record begins, from 0: of its line, or of the file if it has no
            line ends.
    """

    number: int
    kind: str
    segments: tuple[Segment, ...]
    findings: tuple[Finding, ...] = ()
    raw: bytes = b""
    block: bytes = b""
    line: int = 0
    start: int = 0

    @property
    def first(self) -> Segment:
        """The header, the trailer or the base segment."""
        return self.segments[0]

    def all(self, *kinds: str) -> list[Segment]:
        """Return the segments of some kinds."""
        return [segment for segment in self.segments if segment.kind in kinds]


class Reader:
    """The records of a file, one in memory at a time.

    Attributes:
        framing: Framing of the records; None for an unreadable file.
    """

    def __init__(self, stream: BinaryIO) -> None:
        """Read the beginning of the file; a file that is broken there has one finding.

        Args:
            stream: The file, opened for reading bytes.
        """
        self.framing: Framing | None = None
        self._broken: Broken | None = None
        self._numbers: Numbers | None = None
        try:
            self._frames = Frames(stream)
            self.framing = self._frames.framing
        except Broken as broken:
            self._broken = broken

    def __iter__(self) -> Iterator[Metro2Record]:
        """Yield every record; where the file breaks off, a last one with the finding."""
        try:
            if self._broken is not None:
                raise self._broken
            for frame in self._frames:
                yield self._record(frame)
        except Broken as broken:
            yield Metro2Record(broken.finding.record, "", (), (broken.finding,))

    def _record(self, frame: Frame) -> Metro2Record:
        if not frame.fills_line:
            return self._unfilled(frame)
        kind = kind_of(frame.raw)
        numbers = self._numbers_of(kind, frame.raw)
        if numbers is None:
            finding = Finding(
                "M2-PACKED",
                Severity.ERROR,
                frame.number,
                kind,
                "neither packed decimals nor binary numbers",
                "packed decimals",
                "Write the numbers as packed decimals",
            )
            return _made(frame, kind, (), (finding,))
        items = list(split(frame.raw, numbers, frame.number))
        segments = tuple(item for item in items if isinstance(item, Segment))
        if off_place := next(filter(is_off_place, segments), None):
            return _made(frame, kind, (), (_off_place(frame.number, off_place),))
        findings = tuple(item for item in items if isinstance(item, Finding))
        return _made(frame, kind, segments, findings)

    def _unfilled(self, frame: Frame) -> Metro2Record:
        """Return the record of a line that its descriptor word does not fill.

        It is read if only blanks at its end are too many or too few, and all is on its place; a
        header or trailer also with another word. Otherwise no value of it is trusted, or shown.
        """
        kind = kind_in(frame.raw)
        raw = _as_its_word_says(frame.raw) if kind == BASE else _named_record(frame.raw, kind)
        items = list(split(raw, Numbers.CHARACTER, frame.number)) if raw else []
        segments = tuple(item for item in items if isinstance(item, Segment))
        is_read = bool(segments) and segments == tuple(items) and all(map(is_on_place, segments))
        if len(raw) > len(frame.raw) and is_read:
            # Blanks are missing at the end, but no whole segment.
            is_read = segments[-1].start + len(segments[-1].raw) == len(raw)
        finding = Finding(
            "M2-WORD",
            Severity.WARNING if is_read else Severity.ERROR,
            frame.number,
            kind,
            f"a line of {len(frame.raw)} bytes",
            "a line that its descriptor word gives the length of",
            _FIX_LINE,
        )
        return _made(frame, kind, segments if is_read else (), (finding,))

    def _numbers_of(self, kind: str, raw: bytes) -> Numbers | None:
        """Return the form of a record's numbers, the same for all records of a file."""
        if not self._frames.framing.packed:
            return Numbers.CHARACTER
        if kind == HEADER:
            # A header has no numbers.
            return Numbers.DECIMAL
        if self._numbers is None and len(raw) >= layouts()[kind].packed_length:
            self._numbers = numbers_of(kind, raw)
        return self._numbers


def _made(
    frame: Frame, kind: str, segments: tuple[Segment, ...], findings: tuple[Finding, ...]
) -> Metro2Record:
    return Metro2Record(
        frame.number, kind, segments, findings, frame.raw, frame.block, frame.line, frame.start
    )


def _off_place(record: int, segment: Segment) -> Finding:
    return Finding(
        "M2-PLACE",
        Severity.ERROR,
        record,
        segment.kind,
        "fields that are off their place",
        "each field at its own bytes",
        "Look for a character too many or too few before the fields; their values are not shown",
        byte=segment.start + 1,
    )


def _as_its_word_says(line: bytes) -> bytes:
    """Return a line with as many blanks at its end as its word says; empty if others differ."""
    length = length_in(line)
    return line[:length].ljust(length) if length and not line[length:].strip(b" ") else b""


def _named_record(line: bytes, kind: str) -> bytes:
    """Return a header or trailer with the right word, from its name on; empty without the name."""
    length = layouts()[kind].length
    _, name, rest = line.partition(kind.encode())
    body = (name + rest).rstrip(b" ").ljust(length - WORD) if name else b""
    return Framing().word(length) + body if len(body) == length - WORD else b""
