"""Files of records in any format: rows to check, and rows to submit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from bureau_client.models.codes import SubmissionKind
from bureau_client.models.records import Record
from bureau_client.models.violations import Violation

SubjectIds = Callable[[Iterable[tuple[str, str, str]]], Sequence[str]]


class Row(NamedTuple):
    """One row of a file: the report of one account.

    Attributes:
        place: Line or record number in the file, from 0.
        original: The row as written, in the source's own form; a rejected one is pickled.
        records: The records of the row; empty for a row with violations, and in a check.
        record_count: Number of records in the row.
        violations: Violations in the row.
        kind: Submission kind that the row gives; None if it gives none.
        warnings: Rules that the row breaks although it is imported; set by a check.
        line: Line in the file, where the place is another number and the file has lines.
    """

    place: int
    original: Any
    records: tuple[Record, ...] = ()
    record_count: int = 1
    violations: tuple[Violation, ...] = ()
    kind: SubmissionKind | None = None
    warnings: tuple[Violation, ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class Reject:
    """A rejected row, with its violations."""

    row: Row
    violations: tuple[Violation, ...]


class Source(Protocol):
    """A file in some format.

    Attributes:
        path: Path of the file.
        place: Name of a row's place: line, record.
        suffix: End of the name of the file of rejects.
    """

    path: Path
    place: str
    suffix: str

    def check(self) -> Iterator[Row]:
        """Yield every row with its violations; nothing is sent.

        Raises:
            InvalidRequest: The file as a whole is wrong.
        """

    def read(self, kind: SubmissionKind | None, subject_ids: SubjectIds) -> Iterator[Row]:
        """Yield every valid row of a kind, with its records.

        Args:
            kind: Submission kind that the rows give.
            subject_ids: Returns the subject ids of identifiers.
        """

    def field(self, path: str) -> str:
        """Return the name in the file of a record's field."""

    def write_rejects(self, rejects: Collection[Reject], path: Path) -> None:
        """Write the rejected rows as a file of the same format, to be corrected."""


def place_of(source: Source, row: Row) -> str:
    """Return the place of a row in its file, for people: `line 3`, `record 3 (line 4)`."""
    return f"{source.place} {row.place}" + (f" (line {row.line})" if row.line else "")
