"""A CSV file to import: its rows with their violations, and its file of rejects."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from datetime import date
from itertools import islice
from pathlib import Path

from bureau_client.files import csv_records
from bureau_client.files.csv_records import (
    REASON_COLUMN,
    column_of,
    parse_rows,
    read_rows,
    write_row,
)
from bureau_client.files.csv_tables import open_table, whole_table
from bureau_client.files.file_states import FileState
from bureau_client.files.places import Places
from bureau_client.files.seen_keys import SeenKeys
from bureau_client.files.sources import Reject, Row, SubjectIds, place_of
from bureau_client.models.codes import SubmissionKind
from bureau_client.models.record_checks import find_warnings
from bureau_client.models.records import Snapshot
from bureau_client.models.violations import Violation
from bureau_keys.spreadsheet import text_cell

# Rows whose accounts and months are looked up together: less than a megabyte of them.
ROWS_AT_ONCE = 500


class CsvSource:
    """A CSV file with the columns of `bureau-lender template`."""

    place = "line"
    suffix = ".csv"

    def __init__(self, path: Path, *, today: date | None = None) -> None:
        """Prepare to read a file.

        Args:
            path: Path of the file.
            today: Later dates are violations; by default the newest date of any time zone.
        """
        self.path = path
        self._today = today
        # The file that was checked whole, and its lines with violations.
        self._checked: FileState | None = None
        self._wrong = Places()

    def check(self) -> Iterator[Row]:
        """See `Source`."""
        wrong, state = Places(), FileState.of(self.path)
        with open_table(self.path) as stream, closing(SeenKeys()) as keys:
            read = read_rows(stream, self._today)
            while rows := list(islice(read, ROWS_AT_ONCE)):
                for row in _without_duplicates(rows, keys):
                    if row.violations:
                        wrong.add(row.place)
                    yield row
        self._checked, self._wrong = state, wrong

    def read(self, kind: SubmissionKind | None, _: SubjectIds) -> Iterator[Row]:
        """See `Source`; the rows have subject ids already, and their records are not checked
        again: `submit` does.

        Raises:
            InvalidRequest: The file is not the one that was checked.
        """
        if kind is not None:
            return
        if self._checked is None:
            for _row in self.check():
                pass
        checked = self._checked
        assert checked is not None, "the check above has ended"
        with open_table(self.path) as stream:
            parsed = parse_rows(stream)
            while rows := list(islice(parsed, ROWS_AT_ONCE)):
                checked.require(self.path)
                for row in rows:
                    if row.snapshot is not None and row.line not in self._wrong:
                        yield Row(row.line, row.cells, (row.snapshot,))
        checked.require(self.path)

    def field(self, path: str) -> str:
        """See `Source`."""
        return column_of(path) or path

    def write_rejects(self, rejects: Collection[Reject], path: Path) -> None:
        """See `Source`; the last column has the reasons."""
        names = list(dict.fromkeys(name for each in rejects for name in self._cells(each.row)))
        with whole_table(path) as stream:
            writer = csv.DictWriter(stream, [*names, REASON_COLUMN], lineterminator="\n")
            writer.writeheader()
            for reject in rejects:
                reasons = (f"{self.field(v.field)} {v.message}" for v in reject.violations)
                reason = f"{place_of(self, reject.row)}: {'; '.join(reasons)}"
                # The member's own cells are left as they were: `submit` reads the file again.
                writer.writerow(self._cells(reject.row) | {REASON_COLUMN: text_cell(reason)})

    @staticmethod
    def _cells(row: Row) -> dict[str, str]:
        cells: dict[str, str] = row.original
        record = row.records[0] if row.records else None
        return write_row(record) | cells if isinstance(record, Snapshot) else cells


def _without_duplicates(rows: Sequence[csv_records.Row], keys: SeenKeys) -> Iterator[Row]:
    """Yield the next rows of a file, with a violation for each account and month that an
    earlier row has.
    """
    lines = iter(
        keys.first_lines(
            [
                (f"{row.snapshot.account_ref} {row.snapshot.month.number}", row.line)
                for row in rows
                if row.snapshot is not None
            ]
        )
    )
    for row in rows:
        if row.snapshot is None:
            yield Row(row.line, row.cells, violations=row.violations)
        elif (first := next(lines)) == row.line:
            warnings = tuple(find_warnings(row.snapshot, 0))
            yield Row(row.line, row.cells, (row.snapshot,), warnings=warnings)
        else:
            message = f"and month are in line {first} too; keep one of the two lines"
            duplicate = Violation("account_ref", "DUPLICATE_RECORD", message)
            yield Row(row.line, row.cells, violations=(duplicate,))
