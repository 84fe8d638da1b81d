"""Segments, and the splitting of records into segments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

from bureau_client.files.metro2 import values
from bureau_client.files.metro2.findings import Finding
from bureau_client.files.metro2.layout import (
    ASSOCIATED,
    BASE,
    HEADER,
    TRAILER,
    Field,
    Layout,
    codes,
    layouts,
)
from bureau_client.files.metro2.values import BadValue, Numbers, Value
from bureau_keys.contradictions import Severity

MASK = "•••"
# Number of unreadable fields of a segment from which on its values are not shown.
_DOUBTFUL = 2
# Letters in a field of digits that no typing error explains: part of a name.
_NAMELIKE = 3
_OF_DIGITS = frozenset({"digits", "money", "count", "date", "time"})
_DECIDING = ("time_stamp", "date_opened", "date_of_account_information")


@dataclass(frozen=True)
class Segment:
    """One segment, as its bytes in the file.

    Attributes:
        kind: HEADER, BASE, TRAILER, J1, J2, K1 to K4, L1, N1; empty for bytes that
            are kept unread.
        raw: Bytes of the segment, descriptor word included.
        numbers: Form of the numbers.
        start: Byte of the record at which the segment begins, from 0.
    """

    kind: str
    raw: bytes
    numbers: Numbers = Numbers.CHARACTER
    start: int = 0

    @property
    def layout(self) -> Layout:
        """Layout of the fields."""
        return layouts()[self.kind]

    @cached_property
    def parts(self) -> tuple[bytes, ...]:
        """The bytes of each field."""
        packed = self.numbers is not Numbers.CHARACTER
        cut = self.layout.packed if packed else self.layout.character
        return cut.unpack(self.raw)

    @cached_property
    def read(self) -> tuple[dict[str, Value], list[tuple[Field, bytes, BadValue]]]:
        """The values of the fields that can be read, and those that cannot."""
        read: dict[str, Value] = {}
        wrong: list[tuple[Field, bytes, BadValue]] = []
        if self.numbers is Numbers.CHARACTER and values.is_printable(self.raw):
            # Decoded once as text, which is faster: most files have this form.
            text = self.raw.decode("ascii")
            for field, start, end, of in _slices(self.kind):
                try:
                    read[field.name] = of(text[start:end].rstrip(" "))
                except BadValue as bad:
                    wrong.append((field, self.raw[start:end], bad))
            return read, wrong
        for field, raw in zip(self.layout.fields, self.parts, strict=True):
            if field.kind == "reserved":
                continue
            try:
                read[field.name] = values.read(field, raw, self.numbers)
            except BadValue as bad:
                wrong.append((field, raw, bad))
        return read, wrong

    @property
    def values(self) -> Mapping[str, Value]:
        """The value of every field that can be read."""
        return self.read[0]

    def with_values(self, **new: Value) -> Segment:
        """Return the segment with other values in some fields; the others keep their bytes.

        Raises:
            BadValue: A value does not fit.
            KeyError: The segment has no field of this name.
        """
        parts = list(self.parts)
        for name, value in new.items():
            index = self.layout.index[name]
            try:
                parts[index] = values.write(self.layout.fields[index], value, self.numbers)
            except BadValue as bad:
                raise BadValue(bad.rule, bad.expected, f"{self.kind}.{name}") from None
        return Segment(self.kind, b"".join(parts), self.numbers, self.start)

    def text_of(self, name: str) -> str:
        """Return a field's text in the file; personal data masked.

        Of a segment with several fields that cannot be read no value is shown: after a shift they
        are other fields', and may be personal.
        """
        index = self.layout.index[name]
        text = _shown(self.layout.fields[index], self.parts[index], self.numbers)
        return MASK if text and len(self.read[1]) >= _DOUBTFUL else text

    def byte_of(self, name: str) -> int:
        """Return the byte of the record at which a field begins, from 1, as the guide counts."""
        return self.start + sum(map(len, self.parts[: self.layout.index[name]])) + 1


@cache
def _slices(kind: str) -> list[tuple[Field, int, int, Callable[[str], Value]]]:
    """Return each field that is not reserved, with its start and end in the character form."""
    slices = []
    start = 0
    for field in layouts()[kind].fields:
        end = start + field.length
        if field.kind != "reserved":
            slices.append((field, start, end, values.READ[field.kind]))
        start = end
    return slices


def blank(kind: str, numbers: Numbers = Numbers.CHARACTER) -> Segment:
    """Return an empty segment: blanks, and zeros in its numbers."""
    layout = layouts()[kind]
    packed = numbers is not Numbers.CHARACTER
    parts = []
    for field in layout.fields:
        zero = field.kind in {"money", "count", "digits", "date", "time"}
        if zero:
            parts.append(values.write(field, None, numbers))
        else:
            parts.append(b" " * (field.packed_length if packed else field.length))
    named = {HEADER: {"record_identifier": HEADER}, TRAILER: {"record_identifier": TRAILER}}
    segment = Segment(kind, b"".join(parts), numbers)
    identifiers = named.get(kind, {} if kind == BASE else {"segment_identifier": kind})
    return segment.with_values(**identifiers)


def _shown(field: Field, raw: bytes, numbers: Numbers) -> str:
    """Return a field's bytes for people."""
    text = raw.decode("ascii", "backslashreplace").rstrip(" ")
    if any(byte < 0x20 or byte > 0x7E for byte in raw):
        text = "0x" + raw.hex()
    return MASK if text and (field.personal or _is_others(field, raw, numbers)) else text


def _is_others(field: Field, raw: bytes, numbers: Numbers) -> bool:
    """Return True for bytes that belong to another field: letters for digits, numbers for text."""
    if field.kind in _OF_DIGITS or field.name == "payment_history_profile":
        known = set() if field.kind in _OF_DIGITS else codes("payment_history")
        letters = [byte for byte in raw if byte < 0x80 and chr(byte).isalpha()]
        return sum(chr(byte) not in known for byte in letters) >= _NAMELIKE
    # In a packed file what is no text may be numbers of another field.
    end = 0x100 if numbers is Numbers.CHARACTER else 0x7F
    return any(not 0x20 <= byte < end for byte in raw)


def numbers_of(kind: str, raw: bytes) -> Numbers | None:
    """Return the form of a packed record's numbers; None if the record does not show it."""
    layout = layouts()[kind]
    parts = layout.packed.unpack(raw[: layout.packed_length])
    if kind == BASE:
        deciding = [parts[layout.index[name]] for name in _DECIDING]
        marks = {part[-1] for part in deciding if any(part) and not part.isspace()}
        if marks == {values.BINARY_MARK}:
            return Numbers.BINARY
        return Numbers.DECIMAL if _signs(marks) else None
    ends = {
        part[-1] for field, part in zip(layout.fields, parts, strict=True) if field.kind == "count"
    }
    if _signs(ends):
        return Numbers.DECIMAL
    return None if any(_signs({end}) for end in ends) else Numbers.BINARY


def _signs(ends: set[int]) -> bool:
    """Return True if all last bytes have the sign of a packed decimal."""
    return bool(ends) and all(end & 0x0F > 9 for end in ends)


def split(raw: bytes, numbers: Numbers, record: int) -> Iterator[Segment | Finding]:
    """Split a record into its segments; yield a finding for a rest that cannot be split.

    Args:
        raw: The record, descriptor word included.
        numbers: Form of the numbers.
        record: Number of the record in the file.
    """
    kind = kind_of(raw)
    packed = numbers is not Numbers.CHARACTER
    layout = layouts()[kind]
    length = layout.packed_length if packed else layout.length
    if len(raw) < length:
        yield Finding(
            "M2-LENGTH",
            Severity.ERROR,
            record,
            kind,
            "",
            f"at least {length} bytes",
            "Write the whole segment, blank filled",
        )
        return
    yield Segment(kind, raw[:length], numbers)
    offset = length
    while rest := raw[offset:].strip(b" \0"):
        # Records of one length have blanks in place of a segment that they do not need.
        offset = raw.index(rest, offset)
        name = raw[offset : offset + 2].decode("ascii", "replace")
        size = layouts()[name].length if name in ASSOCIATED and kind == BASE else 0
        if not size or offset + size > len(raw):
            # What stands here is not shown: it may belong to another field.
            yield Finding(
                "M2-SEGMENT",
                Severity.ERROR,
                record,
                name if size else kind,
                f"{len(raw) - offset} bytes",
                f"{size} bytes" if size else f"one of {', '.join(ASSOCIATED)}, or blanks",
                "Write whole segments one after another",
                byte=offset + 1,
            )
            return
        segment = Segment(name, raw[offset : offset + size], start=offset)
        if not is_blank(segment):
            yield segment
        offset += size


def is_blank(segment: Segment) -> bool:
    """Return True for an associated segment that has its identifier alone, and says nothing."""
    return not segment.raw[2:].strip(b" 0\0")


def kind_of(raw: bytes) -> str:
    """Return the kind of a record: HEADER, BASE, TRAILER; one letter of a name may be wrong."""
    for kind in (HEADER, TRAILER):
        name = kind.encode()
        letters = raw[4 : 4 + len(name)]
        if sum(map(int.__eq__, letters, name)) >= len(name) - 1:
            return kind
    return BASE
