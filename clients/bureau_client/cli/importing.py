"""Submits a CSV file: checked whole first, then sent; rejects go to a file."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bureau_client.codes import SubmissionKind
from bureau_client.errors import BureauError, InvalidRequest, Violation
from bureau_client.files.csv_records import Row, column_of, read_rows, write_row
from bureau_client.lender import Lender
from bureau_client.progress import OnProgress
from bureau_client.records import Snapshot
from bureau_client.submissions import SubmitResult

REASON_COLUMN = "reject_reason"


@dataclass(slots=True)
class Import:
    """What a file came to.

    Attributes:
        row_count: Rows in the file.
        result: What the bureau made of those that were sent; None in a dry run.
        rejects: Cells and violations of every row that was left out.
    """

    row_count: int = 0
    result: SubmitResult | None = None
    rejects: list[tuple[int, dict[str, str], tuple[Violation, ...]]] = field(default_factory=list)


def check_file(path: Path) -> Import:
    """Reads and checks a file without sending anything.

    Raises:
        InvalidRequest: The header does not fit.
    """
    found = Import()
    for row in _rows(path):
        found.row_count += 1
        if row.violations:
            found.rejects.append((row.line, row.cells, row.violations))
    return found


def import_file(
    lender: Lender,
    path: Path,
    *,
    kind: SubmissionKind,
    label: str,
    skip_invalid: bool,
    on_progress: OnProgress | None,
) -> Import:
    """Submits a file. After a crash, the same again sends only what is not there yet.

    Args:
        lender: Who submits.
        path: The file.
        kind: How it relates to what was sent before.
        label: Its name at the bureau.
        skip_invalid: Leave wrong rows out instead of refusing the file.
        on_progress: Told after each batch.

    Raises:
        InvalidRequest: Rows are wrong and were not to be skipped; nothing of their
            batch was sent. Each violation's field names line and column.
    """
    found = check_file(path)
    if found.rejects and not skip_invalid:
        raise refuse(found)
    lines: list[int] = []
    try:
        found.result = lender.submit(
            _Snapshots(path, lines, found.row_count - len(found.rejects)),
            kind=kind,
            label=label,
            on_progress=on_progress,
            on_invalid="skip" if skip_invalid else "raise",
            delivery=delivery_of(path, kind),
        )
    except BureauError as error:
        error.violations = tuple(_in_file(violation, lines) for violation in error.violations)
        raise
    for rejection in found.result.rejected:
        assert isinstance(rejection.record, Snapshot)
        cells = write_row(rejection.record)
        found.rejects.append((lines[rejection.index], cells, rejection.violations))
    found.rejects.sort(key=lambda reject: reject[0])
    return found


def delivery_of(path: Path, kind: SubmissionKind) -> str:
    """What names a file's delivery: the same bytes, sent again, are stored once."""
    with path.open("rb") as stream:
        return f"{kind.name} {hashlib.file_digest(stream, 'sha256').hexdigest()}"


def refuse(found: Import) -> InvalidRequest:
    """The exception for a file with wrong rows."""
    return InvalidRequest(
        f"{len(found.rejects)} of {found.row_count} rows are wrong; nothing was sent",
        reason="INVALID_FIELD",
        violations=[
            dataclasses.replace(violation, field=f"line {line}, {violation.field}")
            for line, _, violations in found.rejects
            for violation in violations
        ],
        fix="Correct the rows, or pass --skip-invalid to submit the others",
    )


def write_rejects(found: Import, path: Path) -> None:
    """Writes the rows that were left out, each with the reason, to be corrected."""
    names = list(dict.fromkeys(name for _, cells, _ in found.rejects for name in cells))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [*names, REASON_COLUMN], lineterminator="\n")
        writer.writeheader()
        for _, cells, violations in found.rejects:
            writer.writerow(cells | {REASON_COLUMN: _reason(violations)})


def _reason(violations: Sequence[Violation]) -> str:
    return "; ".join(f"{column_of(v.field) or v.field} {v.message}" for v in violations)


def _in_file(violation: Violation, lines: Sequence[int]) -> Violation:
    number = violation.field.removeprefix("records[").partition("]")[0]
    if not number.isdigit() or int(number) >= len(lines):
        return violation
    where = f"line {lines[int(number)]}, {column_of(violation.field)}"
    return dataclasses.replace(violation, field=where)


class _Snapshots:
    """The sound rows of a file, once; notes the line that each stands in."""

    def __init__(self, path: Path, lines: list[int], count: int) -> None:
        self._path = path
        self._lines = lines
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Snapshot]:
        for row in _rows(self._path):
            if row.snapshot is not None:
                self._lines.append(row.line)
                yield row.snapshot


def _rows(path: Path) -> Iterator[Row]:
    # utf-8-sig: spreadsheets put a byte order mark at the beginning.
    with path.open(encoding="utf-8-sig", newline="") as stream:
        yield from read_rows(stream)
