"""Writes files: a header, accounts, the trailer that counts them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO

from bureau_client.files.metro2.blocks import WORD, Framing
from bureau_client.files.metro2.layout import BASE, HEADER, TRAILER
from bureau_client.files.metro2.reader import Metro2Record
from bureau_client.files.metro2.segments import Segment, blank
from bureau_client.files.metro2.totals import Totals
from bureau_client.files.metro2.values import Numbers


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports, as the header says.

    Attributes:
        name: At most 40 characters.
        address: At most 96 characters.
        telephone_number: Ten digits, or empty.
    """

    name: str
    address: str = ""
    telephone_number: str = ""


def header(reporter: Reporter, activity_date: date, created: date) -> Segment:
    """A header record.

    Args:
        reporter: Who reports.
        activity_date: What day the accounts are reported as of.
        created: When the file was made.

    Raises:
        BadValue: A text is too long or has characters that the format does not.
    """
    return blank(HEADER).with_values(
        activity_date=activity_date,
        date_created=created,
        reporter_name=reporter.name,
        reporter_address=reporter.address,
        reporter_telephone_number=reporter.telephone_number,
    )


def write(
    stream: BinaryIO,
    heading: Segment,
    accounts: Iterable[Sequence[Segment]],
    framing: Framing | None = None,
) -> int:
    """Writes a file.

    Args:
        stream: The file, opened for writing bytes.
        heading: The header, from `header` or from another file.
        accounts: The segments of each account, the base segment first.
        framing: How the file holds its records; characters without blocks if left out.

    Returns:
        How many accounts were written.
    """
    framing = framing or Framing()
    totals = Totals()
    _put(stream, [heading], totals, framing)
    numbers = Numbers.DECIMAL if framing.packed else Numbers.CHARACTER
    count = 0
    for segments in accounts:
        count += 1
        numbers = segments[0].numbers
        _put(stream, segments, totals, framing)
    trailer = blank(TRAILER, numbers)
    totals.add(Metro2Record(0, TRAILER, (trailer,)))
    _put(stream, [trailer.with_values(**totals.trailer())], None, framing)
    return count


def _put(
    stream: BinaryIO, segments: Sequence[Segment], totals: Totals | None, framing: Framing
) -> None:
    if totals is not None:
        totals.add(Metro2Record(0, segments[0].kind, tuple(segments)))
    body = b"".join(segment.raw for segment in segments)[WORD:]
    record = framing.word(len(body) + WORD) + body
    stream.write(framing.word(len(record) + WORD) + record if framing.blocked else record)


def repacked(segments: Sequence[Segment], numbers: Numbers) -> list[Segment]:
    """The same account with its numbers in another form.

    Raises:
        BadValue: A field says nothing that there is in the other form.
    """
    base = segments[0]
    assert base.kind == BASE, "an account begins with its base segment"
    return [blank(BASE, numbers).with_values(**base.values), *segments[1:]]
