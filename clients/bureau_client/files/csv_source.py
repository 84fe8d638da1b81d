"""A CSV file to import: its rows with their violations, and its file of rejects."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path

from bureau_client.files.csv_records import REASON_COLUMN, column_of, read_rows, write_row
from bureau_client.files.csv_tables import open_table, whole_table
from bureau_client.files.metro2.accounts import Accounts
from bureau_client.files.sources import Reject, Row, SubjectIds, place_of
from bureau_client.models.codes import SubmissionKind
from bureau_client.models.record_checks import find_warnings
from bureau_client.models.records import Snapshot
from bureau_client.models.violations import Violation
from bureau_keys.spreadsheet import text_cell


class CsvSource:
    """A CSV file with the columns of `bureau-lender template`."""

    place = "line"
    suffix = ".csv"
    options = ""

    def __init__(self, path: Path, *, today: date | None = None) -> None:
        """Prepare to read a file.

        Args:
            path: Path of the file.
            today: Later dates are violations; by default the newest date of any time zone.
        """
        self.path = path
        self._today = today

    def check(self) -> Iterator[Row]:
        """See `Source`."""
        with open_table(self.path) as stream, closing(Accounts()) as accounts:
            for row in read_rows(stream, self._today):
                if row.snapshot is None:
                    yield Row(row.line, row.cells, violations=row.violations)
                    continue
                key = f"{row.snapshot.account_ref} {row.snapshot.month}"
                if earlier := accounts.put(key, row.line, {}):
                    message = f"and month are in line {earlier} too; keep one of the two lines"
                    duplicate = Violation("account_ref", "DUPLICATE_RECORD", message)
                    yield Row(row.line, row.cells, violations=(duplicate,))
                else:
                    warnings = tuple(find_warnings(row.snapshot, 0))
                    yield Row(row.line, row.cells, (row.snapshot,), warnings=warnings)

    def read(self, kind: SubmissionKind | None, _: SubjectIds) -> Iterator[Row]:
        """See `Source`; the rows have subject ids already."""
        return (row for row in self.check() if row.records and row.kind == kind)

    def field(self, path: str) -> str:
        """See `Source`."""
        return column_of(path) or path

    def write_rejects(self, rejects: Sequence[Reject], path: Path) -> None:
        """See `Source`; the last column has the reasons."""
        rows = [(reject, self._cells(reject.row)) for reject in rejects]
        names = list(dict.fromkeys(name for _, cells in rows for name in cells))
        with whole_table(path) as stream:
            writer = csv.DictWriter(stream, [*names, REASON_COLUMN], lineterminator="\n")
            writer.writeheader()
            for reject, cells in rows:
                reasons = (f"{self.field(v.field)} {v.message}" for v in reject.violations)
                reason = f"{place_of(self, reject.row)}: {'; '.join(reasons)}"
                # The member's own cells are left as they were: `submit` reads the file again.
                writer.writerow(cells | {REASON_COLUMN: text_cell(reason)})

    @staticmethod
    def _cells(row: Row) -> dict[str, str]:
        cells: dict[str, str] = row.original
        record = row.records[0] if row.records else None
        return write_row(record) | cells if isinstance(record, Snapshot) else cells
