"""A check and its findings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.cluster.auditor.evidence import Evidence

# The verdict lists at most this many violations of one check; the others are only counted.
MAX_LISTED = 50


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken, and what shows it."""

    check: str
    what: str
    evidence: dict[str, Any]


@dataclass
class Findings:
    """The number of things that one check examined, and its violations."""

    check: str
    looked: int = 0
    count: int = 0
    violations: list[Violation] = field(default_factory=list)

    def look(self, things: int = 1) -> None:
        """Counts what was looked at: a check that saw nothing proves nothing."""
        self.looked += things

    def blame(self, what: str, **evidence: Any) -> None:
        """Notes a violation."""
        self.count += 1
        if len(self.violations) < MAX_LISTED:
            self.violations.append(Violation(self.check, what, evidence))


@dataclass(frozen=True, slots=True)
class Check:
    """One promise, held against the evidence.

    Attributes:
        name: For example `I1`.
        promise: What must be true, in a sentence.
        run: Finds where it is not.
    """

    name: str
    promise: str
    run: Callable[[Evidence, Findings], None]

    def findings(self, evidence: Evidence) -> Findings:
        """Run the check over the evidence."""
        findings = Findings(self.name)
        self.run(evidence, findings)
        return findings
