"""Reads files: header, accounts, trailer, each record with the findings on its form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from bureau_client.files.metro2.blocks import Frame, Frames, Framing
from bureau_client.files.metro2.findings import Broken, Finding
from bureau_client.files.metro2.layout import HEADER, layouts
from bureau_client.files.metro2.segments import Segment, kind_of, numbers_of, split
from bureau_client.files.metro2.values import Numbers
from bureau_keys.contradictions import Severity


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
    """

    number: int
    kind: str
    segments: tuple[Segment, ...]
    findings: tuple[Finding, ...] = ()
    raw: bytes = b""
    block: bytes = b""

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
            return Metro2Record(frame.number, kind, (), (finding,), frame.raw, frame.block)
        items = list(split(frame.raw, numbers, frame.number))
        segments = tuple(item for item in items if isinstance(item, Segment))
        findings = tuple(item for item in items if isinstance(item, Finding))
        return Metro2Record(frame.number, kind, segments, findings, frame.raw, frame.block)

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
