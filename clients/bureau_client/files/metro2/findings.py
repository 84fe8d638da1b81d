"""Findings of the validation of a file."""

from __future__ import annotations

from dataclasses import dataclass

from bureau_keys.contradictions import Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault in a file.

    Attributes:
        rule: The broken rule, for example `Status-DOFD-1` or `M2-DATE`; see docs/files.md.
        severity: Severity; an error keeps the record from being imported.
        record: Number of the record in the file, from 1, the header included; 0 for the
            whole file.
        field: Segment and field: `BASE.account_status`; empty for the whole record.
        got: The field's text in the file; personal data masked.
        expected: The expected text.
        fix: The remedy.
        record_rule: Rule of docs/record-rules.md with the same meaning; empty for the rules of
            the format alone.
        line: Line in the file, from 1; 0 for a file without line ends.
        byte: Byte at which the field or record begins, from 1: of the line, or of the file if it
            has no line ends; 0 for the whole file.
    """

    rule: str
    severity: Severity
    record: int
    field: str
    got: str
    expected: str
    fix: str
    record_rule: str = ""
    line: int = 0
    byte: int = 0

    @property
    def message(self) -> str:
        """One sentence with the text found and the text expected."""
        where = f"{self.position}: " if self.byte else ""
        return f"{where}is {self.got!r}; expected {self.expected} ({self.rule})"

    @property
    def position(self) -> str:
        """Line and byte in the file, for people."""
        return f"line {self.line}, byte {self.byte}" if self.line else f"byte {self.byte}"


class Broken(ValueError):
    """A fault after which the rest of the file cannot be read."""

    def __init__(
        self, rule: str, record: int, got: str, expected: str, fix: str, *, byte: int = 0
    ) -> None:
        super().__init__(f"record {record}: {got}; expected {expected}")
        self.finding = Finding(rule, Severity.ERROR, record, "", got, expected, fix, byte=byte)
