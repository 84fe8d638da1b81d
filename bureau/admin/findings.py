"""Findings of a check of the database."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """A breach that a check found.

    Attributes:
        what: The breach in words.
        leaf_index: The entry of the log that it is about; None if it is about none.
    """

    what: str
    leaf_index: int | None = None

    def __str__(self) -> str:
        return self.what if self.leaf_index is None else f"entry {self.leaf_index}: {self.what}"


@dataclass(slots=True)
class Checked:
    """The result of a check, with the counts of what was checked.

    Attributes:
        findings: Breaches, in the order in which they were found.
        unproved: Rows that nothing proves any more, because what they follow from was erased.
    """

    entries: int = 0
    checkpoints: int = 0
    records: int = 0
    unproved: int = 0
    findings: list[Finding] = field(default_factory=list)

    def found(self, what: str, leaf_index: int | None = None) -> None:
        """Add a finding."""
        self.findings.append(Finding(what, leaf_index))
