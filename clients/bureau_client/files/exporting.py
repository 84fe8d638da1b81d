"""Exports a month of a CSV file of records as a Metro 2 file."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from bureau_client.errors import InvalidRequest
from bureau_client.files.csv_records import read_rows
from bureau_client.files.csv_tables import open_table, read_lines
from bureau_client.files.metro2 import (
    BadValue,
    Finding,
    Framing,
    Numbers,
    Person,
    Reporter,
    Segment,
    Severity,
    account_of,
    header,
    repacked,
    write,
)
from bureau_client.files.metro2.codebook import character_of
from bureau_client.models.months import Month
from bureau_client.models.records import Snapshot
from bureau_client.models.violations import Violation
from bureau_keys.whole_files import whole_file

SUBJECT = "subject_id"
_REQUIRED = (SUBJECT, "surname", "first_name", "social_security_number")
# Columns whose cells may be empty: a business has no first name.
_MAY_BE_EMPTY = {"first_name"}
_HISTORY_MONTHS = 24
# Months before the first report, and months without a report after it.
_BEFORE, _GAP = "B", "D"


class Newline(StrEnum):
    """Line end after each record of a file."""

    NONE = "none"
    LF = "lf"
    CRLF = "crlf"

    @property
    def end(self) -> bytes:
        """The bytes."""
        return {Newline.LF: b"\n", Newline.CRLF: b"\r\n"}.get(self, b"")


def people_columns() -> list[str]:
    """Return the columns of a file of persons, in order."""
    return [SUBJECT, *(field.name for field in dataclasses.fields(Person))]


def read_people(path: Path) -> dict[str, Person]:
    """Read the persons of a CSV file, by their subject ids.

    Raises:
        InvalidRequest: The header or a line is wrong.
    """
    people: dict[str, Person] = {}
    with open_table(path) as stream:
        for line in read_lines(stream, _REQUIRED, people_columns()):
            wrong = [(line.number, v.field, v.message) for v in line.violations]
            cells = {name: text for name, text in line.cells.items() if text}
            needed = [name for name in _REQUIRED if name not in _MAY_BE_EMPTY]
            wrong += [(line.number, name, "is empty") for name in needed if name not in cells]
            born = cells.pop("date_of_birth", "")
            try:
                day = date.fromisoformat(born) if born else None
            except ValueError:
                wrong.append(
                    (line.number, "date_of_birth", "is not a date; write it as 2024-05-31")
                )
            if wrong:
                raise _wrong(path, wrong)
            subject_id = cells.pop(SUBJECT)
            people[subject_id] = Person(**{"first_name": "", **cells}, date_of_birth=day)
    return people


def export_file(
    records: Path,
    people: Path,
    target: Path,
    reporter: Reporter,
    *,
    identification_number: str,
    month: Month | None = None,
    currency: str = "USD",
    framing: Framing | None = None,
    newline: Newline = Newline.NONE,
) -> tuple[int, list[Finding]]:
    """Write a month of a CSV file as a Metro 2 file.

    Args:
        records: CSV, as `bureau-lender template` describes it; its earlier months become
            the payment history.
        people: CSV of the persons, with the columns of `people_columns`.
        target: The file to write.
        reporter: The reporter, for the header.
        identification_number: The furnisher's identification number, at most 20
            characters.
        month: The month; by default the newest in the file.
        currency: ISO 4217 currency of the file.
        framing: Framing of the records in the file.
        newline: Line end after each record.

    Returns:
        The number of accounts written, and findings on data that the format cannot hold; every
        account that is left out is named.

    Raises:
        InvalidRequest: A row is wrong, or the file has no rows.
        BadValue: The reporter does not fit into the header; or the packed format is to have line
            ends.
    """
    framing = framing or Framing()
    accounts = _accounts(records)
    newest = month or max(max(months) for months in accounts.values())
    persons = read_people(people)
    left_out: list[Finding] = []
    # The figures of a month are as of its last day.
    as_of = date((newest + 1).year, (newest + 1).month, 1) - timedelta(days=1)

    def account_segments() -> Iterator[Sequence[Segment]]:
        for months in accounts.values():
            if newest not in months:
                left_out.extend(_missing(months[max(months)], newest))
                continue
            segments, findings = account_of(
                months[newest],
                persons,
                currency=currency,
                identification_number=identification_number,
                as_of=as_of,
                history=_history(months, newest),
            )
            left_out.extend(findings)
            if segments:
                yield repacked(segments, Numbers.DECIMAL) if framing.packed else segments

    if framing.packed and newline is not Newline.NONE:
        raise BadValue("M2-LINE", "no line ends in the packed format: its bytes may be line ends")
    heading = header(reporter, as_of, datetime.now(UTC).date())
    with whole_file(target) as stream:
        count = write(stream, heading, account_segments(), framing, newline=newline.end)
    return count, left_out


def _missing(last: Snapshot, newest: Month) -> Iterator[Finding]:
    """Yield a warning about an account without a row for the month: it is left out."""
    got = f"{last.month}, the newest of account {last.account_ref}"
    fix = "Add a row for the month; without it the account is left out"
    if last.close_date is not None:
        got += f", closed on {last.close_date}"
        fix += "; leave it out if the month of its closing was reported"
    yield Finding("M2-EXPORT", Severity.WARNING, 0, "month", got, str(newest), fix)


def _accounts(records: Path) -> dict[str, dict[Month, Snapshot]]:
    accounts: defaultdict[str, dict[Month, Snapshot]] = defaultdict(dict)
    lines: dict[tuple[str, Month], int] = {}
    with open_table(records) as stream:
        for row in read_rows(stream):
            if row.snapshot is None:
                wrong = [(row.line, v.field, v.message) for v in row.violations]
                raise _wrong(records, wrong)
            account_ref, month = row.snapshot.account_ref, row.snapshot.month
            if (earlier := lines.setdefault((account_ref, month), row.line)) != row.line:
                message = f"and month are in line {earlier} too; keep one of the two lines"
                raise _wrong(records, [(row.line, "account_ref", message)])
            accounts[account_ref][month] = row.snapshot
    if not accounts:
        raise _wrong(records, [(1, "account_ref", "has no rows")])
    return accounts


def _history(months: Mapping[Month, Snapshot], newest: Month) -> str:
    """Return the payment history: 24 characters, the first for the month before."""
    first = min(months)
    characters = []
    for back in range(1, _HISTORY_MONTHS + 1):
        month = newest - back
        if month in months:
            characters.append(character_of(months[month]))
        else:
            characters.append(_GAP if month > first else _BEFORE)
    return "".join(characters)


def _wrong(path: Path, faults: list[tuple[int, str, str]]) -> InvalidRequest:
    return InvalidRequest(
        f"{path.name} cannot be exported",
        reason="INVALID_FIELD",
        violations=[
            Violation(f"line {line}, {field}", "INVALID_FIELD", why) for line, field, why in faults
        ],
        fix="Correct the named lines",
    )
