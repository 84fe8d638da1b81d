"""Lists why rows of a file were refused, as CSV, each with its place in the file."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from bureau_client.files.csv_tables import whole_table
from bureau_client.models.violations import Violation
from bureau_keys.spreadsheet import text_cell

SUFFIX = ".reasons.csv"
_COLUMNS = ("field", "rule", "message")


def write_reasons(
    path: Path, reasons: Iterable[tuple[Mapping[str, object], Violation]], places: tuple[str, ...]
) -> None:
    """Write a list of reasons.

    Args:
        path: The file to write.
        reasons: Places of a row, by the columns of `places`, with one violation.
        places: Columns before those of the violation.
    """
    with whole_table(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*places, *_COLUMNS])
        for columns, violation in reasons:
            words = (violation.field, violation.rule, violation.message)
            cells = (*(str(columns[name]) for name in places), *words)
            writer.writerow(map(text_cell, cells))
