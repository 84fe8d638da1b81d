"""Writes a month of a CSV file of records as a Metro 2 file."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bureau_client.errors import InvalidRequest
from bureau_client.files.csv_records import read_rows
from bureau_client.files.csv_tables import open_table, read_lines
from bureau_client.files.metro2 import (
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

SUBJECT = "subject_id"
_REQUIRED = (SUBJECT, "surname", "first_name", "social_security_number")
_HISTORY_MONTHS = 24
# Nothing was reported yet; a month in between was not reported.
_BEFORE, _GAP = "B", "D"


def people_columns() -> list[str]:
    """The columns of a file of persons, in order."""
    return [SUBJECT, *(field.name for field in dataclasses.fields(Person))]


def read_people(path: Path) -> dict[str, Person]:
    """The persons of a CSV file by their subject ids.

    Raises:
        InvalidRequest: The header does not fit, or a line is wrong.
    """
    people: dict[str, Person] = {}
    with open_table(path) as stream:
        for line in read_lines(stream, _REQUIRED, people_columns()):
            wrong = [(line.number, at.field, at.message) for at in line.violations]
            given = {name: text for name, text in line.cells.items() if text}
            wrong += [(line.number, name, "is empty") for name in _REQUIRED if name not in given]
            born = given.pop("date_of_birth", "")
            try:
                day = date.fromisoformat(born) if born else None
            except ValueError:
                wrong.append((line.number, "date_of_birth", "is no day; write it as 2024-05-31"))
            if wrong:
                raise _wrong(path, wrong)
            subject_id = given.pop(SUBJECT)
            people[subject_id] = Person(**given, date_of_birth=day)
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
) -> tuple[int, list[Finding]]:
    """Writes a month of a CSV file as a Metro 2 file.

    Args:
        records: CSV, as `bureau-lender template` describes it; other months in it make
            the payment history.
        people: CSV of the persons, with the columns of `people_columns`.
        target: The file to write.
        reporter: Who reports.
        identification_number: The furnisher's, at most 20 characters.
        month: Which; the newest in the file if left out.
        currency: ISO 4217, of the file.
        framing: How the file holds its records.

    Returns:
        How many accounts were written, and what the format cannot say.

    Raises:
        InvalidRequest: A row is wrong, or there is none.
    """
    framing = framing or Framing()
    accounts = _accounts(records)
    newest = month or max(at for months in accounts.values() for at in months)
    persons = read_people(people)
    found: list[Finding] = []
    # The day that the month's figures are of: its last.
    as_of = date((newest + 1).year, (newest + 1).month, 1) - timedelta(days=1)

    def made() -> Iterator[Sequence[Segment]]:
        for months in accounts.values():
            if newest not in months:
                found.extend(_missing(months[max(months)], newest))
                continue
            segments, findings = account_of(
                months[newest],
                persons,
                currency=currency,
                identification_number=identification_number,
                as_of=as_of,
                history=_history(months, newest),
            )
            found.extend(findings)
            if segments:
                yield repacked(segments, Numbers.DECIMAL) if framing.packed else segments

    heading = header(reporter, as_of, datetime.now(UTC).date())
    with target.open("wb") as stream:
        count = write(stream, heading, made(), framing)
    return count, found


def _missing(last: Snapshot, newest: Month) -> Iterator[Finding]:
    """An account that is open and has no row for the month."""
    if last.close_date is None:
        got = f"{last.month}, the newest of account {last.account_ref}"
        fix = "Add its row, or know that it is left out"
        yield Finding("M2-EXPORT", Severity.WARNING, 0, "month", got, str(newest), fix)


def _accounts(records: Path) -> dict[str, dict[Month, Snapshot]]:
    accounts: defaultdict[str, dict[Month, Snapshot]] = defaultdict(dict)
    with open_table(records) as stream:
        for row in read_rows(stream):
            if row.snapshot is None:
                wrong = [(row.line, at.field, at.message) for at in row.violations]
                raise _wrong(records, wrong)
            accounts[row.snapshot.account_ref][row.snapshot.month] = row.snapshot
    if not accounts:
        raise _wrong(records, [(1, "account_ref", "has no rows")])
    return accounts


def _history(months: Mapping[Month, Snapshot], newest: Month) -> str:
    """24 characters, the first for the month before."""
    first = min(months)
    characters = []
    for back in range(1, _HISTORY_MONTHS + 1):
        month = newest - back
        if month in months:
            characters.append(character_of(months[month]))
        else:
            characters.append(_GAP if month > first else _BEFORE)
    return "".join(characters)


def _wrong(path: Path, at: list[tuple[int, str, str]]) -> InvalidRequest:
    return InvalidRequest(
        f"{path.name} cannot be exported",
        reason="INVALID_FIELD",
        violations=[
            Violation(f"line {line}, {field}", "INVALID_FIELD", why) for line, field, why in at
        ],
        fix="Correct the lines that are named",
    )
