"""What is found wrong in a file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is: a record with an error is not imported."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        rule: Which rule, for example `Status-DOFD-1` or `M2-DATE`; see docs/files.md.
        severity: Whether it keeps the record from being imported.
        record: Number of the record in the file, from 1; the header is one of them. 0:
            the file.
        field: Segment and field: `BASE.account_status`; empty where the whole record is
            meant.
        got: What the field says, as it stands in the file; personal data masked.
        expected: What it should say.
        fix: What to do.
    """

    rule: str
    severity: Severity
    record: int
    field: str
    got: str
    expected: str
    fix: str

    @property
    def message(self) -> str:
        """One sentence: what was got, and what was expected."""
        return f"is {self.got!r}; expected {self.expected} ({self.rule})"


class Broken(ValueError):
    """The file cannot be read from here on."""

    def __init__(self, rule: str, record: int, got: str, expected: str, fix: str) -> None:
        super().__init__(f"record {record}: {got}; expected {expected}")
        self.finding = Finding(rule, Severity.ERROR, record, "", got, expected, fix)
