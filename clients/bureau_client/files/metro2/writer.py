"""Writes files: a header, accounts, a trailer with their counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO

from bureau_client.files.metro2.blocks import WORD, Framing
from bureau_client.files.metro2.layout import BASE, HEADER, TRAILER
from bureau_client.files.metro2.reader import Metro2Record
from bureau_client.files.metro2.segments import Segment, blank
from bureau_client.files.metro2.totals import ACCOUNTS, Totals
from bureau_client.files.metro2.values import Numbers, Value


@dataclass(frozen=True, slots=True)
class Reporter:
    """The reporter, for the header.

    Attributes:
        name: At most 40 characters.
        address: At most 96 characters.
        telephone_number: Ten digits; empty if it is not known.
        equifax_program: Program identifier that Equifax gave, at most 10 characters.
        experian_program: The one that Experian gave, at most 5 characters.
        transunion_program: The one that TransUnion gave, at most 10 characters.
        innovis_program: The one that Innovis gave, at most 10 characters.
    """

    name: str
    address: str = ""
    telephone_number: str = ""
    equifax_program: str = ""
    experian_program: str = ""
    transunion_program: str = ""
    innovis_program: str = ""


def header(reporter: Reporter, activity_date: date, created: date) -> Segment:
    """Return a header record.

    Args:
        reporter: The reporter.
        activity_date: Day as of which the accounts are reported.
        created: Day on which the file is made.

    Raises:
        BadValue: A text is too long, or has characters that the format does not allow.
    """
    return blank(HEADER).with_values(
        activity_date=activity_date,
        date_created=created,
        reporter_name=reporter.name,
        reporter_address=reporter.address,
        reporter_telephone_number=reporter.telephone_number,
        equifax_program_identifier=reporter.equifax_program,
        experian_program_identifier=reporter.experian_program,
        transunion_program_identifier=reporter.transunion_program,
        innovis_program_identifier=reporter.innovis_program,
    )


def write(
    stream: BinaryIO,
    heading: Segment,
    accounts: Iterable[Sequence[Segment]],
    framing: Framing | None = None,
    *,
    newline: bytes = b"",
    to_mend: bool = False,
) -> int:
    """Write a file.

    Args:
        stream: The file, opened for writing bytes.
        heading: The header, from `header` or from another file.
        accounts: The segments of each account, the base segment first.
        framing: Framing of the records; by default characters without blocks.
        newline: Line end after each record, or block; none in the packed form.
        to_mend: Write for correction in an editor: in the character form each record on a
            line, and no counts in the trailer that a correction would change.

    Returns:
        The number of accounts written.

    Raises:
        BadValue: An account is too long for a record.
    """
    framing = framing or Framing()
    end = b"\n" if to_mend and not framing.packed else newline
    totals = Totals()
    totals.add(Metro2Record(0, HEADER, (heading,)))
    stream.write(_record([heading], framing) + end)
    numbers = Numbers.DECIMAL if framing.packed else Numbers.CHARACTER
    count = 0
    for segments in accounts:
        count += 1
        if segments[0].kind:
            numbers = segments[0].numbers
        totals.add(Metro2Record(0, BASE, tuple(segments)))
        stream.write(_record(segments, framing) + end)
    trailer = blank(TRAILER, numbers)
    totals.add(Metro2Record(0, TRAILER, (trailer,)))
    counts: dict[str, Value] = dict(totals.trailer())
    if to_mend:
        counts = dict.fromkeys(counts, "") | {ACCOUNTS: count}
    stream.write(_record([trailer.with_values(**counts)], framing) + end)
    return count


def _record(segments: Sequence[Segment], framing: Framing) -> bytes:
    """Return a record, in a blocked file in a block."""
    if not segments[0].kind:
        # A record that could not be read stays as it was, in a blocked file as one block.
        raw = segments[0].raw
        is_block = framing.length(raw[WORD : 2 * WORD]) == len(raw) - WORD
        return framing.word(len(raw) + WORD) + raw if framing.blocked and not is_block else raw
    body = b"".join(segment.raw for segment in segments)[WORD:]
    record = framing.word(len(body) + WORD) + body
    return framing.word(len(record) + WORD) + record if framing.blocked else record


def repacked(segments: Sequence[Segment], numbers: Numbers) -> list[Segment]:
    """Return an account with its numbers in another form.

    Raises:
        BadValue: A value does not fit into the other form.
    """
    base = segments[0]
    assert base.kind == BASE, "an account begins with its base segment"
    return [blank(BASE, numbers).with_values(**base.values), *segments[1:]]
