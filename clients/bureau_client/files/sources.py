"""Files of records, whatever their format: rows that are checked, and rows that are sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bureau_client.models.codes import SubmissionKind
from bureau_client.models.records import Record
from bureau_client.models.violations import Violation

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
        told: What the caller said of the file that it does not say itself.
    """

    path: Path
    place: str
    suffix: str
    told: str

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
