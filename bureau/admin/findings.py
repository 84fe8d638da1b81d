"""Findings of a check of the database."""

from __future__ import annotations

from dataclasses import dataclass, field

# Findings that are listed; a database that is changed throughout has one for each row.
MAX_FINDINGS = 10_000


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
class Erased:
    """Traces of erasures that a check met: what follows from the erased is proved by nothing.

    Attributes:
        from_leaf: Leaf index of the first entry that something was erased of; None if
            nothing was.
        furnishers: Members whose records were erased.
        accounts: Ids of the erased accounts, by tradeline key.
        leaves: Leaf indices of the erased statements.
    """

    from_leaf: int | None = None
    furnishers: set[str] = field(default_factory=set)
    accounts: dict[int, str] = field(default_factory=dict)
    leaves: set[int] = field(default_factory=set)

    def note(self, leaf_index: int) -> None:
        """Note an entry that something was erased of; entries come in order of the log."""
        if self.from_leaf is None:
            self.from_leaf = leaf_index


@dataclass(slots=True)
class Checked:
    """The result of a check, with the counts of what was checked.

    Attributes:
        findings: Breaches, in the order in which they were found; MAX_FINDINGS at most.
        more: Number of further breaches.
        unproved: Rows that nothing proves any more, because what they follow from was erased.
    """

    entries: int = 0
    checkpoints: int = 0
    records: int = 0
    unproved: int = 0
    more: int = 0
    findings: list[Finding] = field(default_factory=list)

    def found(self, what: str, leaf_index: int | None = None) -> None:
        """Add a finding, or count it if there are too many to list."""
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(what, leaf_index))
        else:
            self.more += 1
