"""Files of records, whatever their format: rows that are checked, and rows that are sent."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bureau_client.codes import SubmissionKind
from bureau_client.errors import Violation
from bureau_client.files.csv_records import REASON_COLUMN, column_of, read_rows, write_row
from bureau_client.files.csv_tables import open_table
from bureau_client.records import Record, Snapshot

SubjectIds = Callable[[Iterable[tuple[str, str, str]]], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file: what one account is reported with.

    Attributes:
        place: Line or record number in the file.
        original: The row as it is written; the source that made it knows its form.
        records: What it says; empty where it has violations, and in a check.
        record_count: How many records it says.
        violations: What is wrong with it.
        kind: How it relates to what was sent before, where the file says so.
    """

    place: int
    original: Any
    records: tuple[Record, ...] = ()
    record_count: int = 1
    violations: tuple[Violation, ...] = ()
    kind: SubmissionKind | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was left out, and why."""

    row: Row
    violations: tuple[Violation, ...]


class Source(Protocol):
    """A file in some format.

    Attributes:
        path: Where it is.
        place: What a row's place is called: line, record.
        suffix: What the name of the file of rejects ends with.
    """

    path: Path
    place: str
    suffix: str

    def check(self) -> Iterator[Row]:
        """Every row with what is wrong with it; nothing is sent to find out.

        Raises:
            InvalidRequest: The file as a whole is wrong.
        """

    def read(self, kind: SubmissionKind | None, subject_ids: SubjectIds) -> Iterator[Row]:
        """Every sound row of a kind with its records.

        Args:
            kind: As the rows say.
            subject_ids: Gives the subject ids of identifiers.
        """

    def field(self, path: str) -> str:
        """What a record's field is called in the file."""

    def write_rejects(self, rejects: Sequence[Reject], path: Path) -> None:
        """Writes rows that were left out as a file of the same format, to be mended."""


class CsvSource:
    """A CSV file with the columns of `bureau-lender template`."""

    place = "line"
    suffix = ".csv"

    def __init__(self, path: Path) -> None:
        self.path = path

    def check(self) -> Iterator[Row]:
        """See `Source`."""
        with open_table(self.path) as stream:
            for row in read_rows(stream):
                records = () if row.snapshot is None else (row.snapshot,)
                yield Row(row.line, row.cells, records, violations=row.violations)

    def read(self, kind: SubmissionKind | None, _: SubjectIds) -> Iterator[Row]:
        """See `Source`; a row names subject ids itself."""
        return (row for row in self.check() if row.records and row.kind == kind)

    def field(self, path: str) -> str:
        """See `Source`."""
        return column_of(path) or path

    def write_rejects(self, rejects: Sequence[Reject], path: Path) -> None:
        """See `Source`; a last column says why."""
        rows = [(reject, self._cells(reject.row)) for reject in rejects]
        names = list(dict.fromkeys(name for _, cells in rows for name in cells))
        with open_table(path, "w") as stream:
            writer = csv.DictWriter(stream, [*names, REASON_COLUMN], lineterminator="\n")
            writer.writeheader()
            for reject, cells in rows:
                reason = "; ".join(f"{self.field(v.field)} {v.message}" for v in reject.violations)
                writer.writerow(cells | {REASON_COLUMN: reason})

    @staticmethod
    def _cells(row: Row) -> dict[str, str]:
        cells: dict[str, str] = row.original
        record = row.records[0] if row.records else None
        return write_row(record) | cells if isinstance(record, Snapshot) else cells
