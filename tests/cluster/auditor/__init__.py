"""Proves what must be true of a run, by its own model: `audit(folder)`.

It collects what every node, server and witness says at the end, holds it against what the
workers wrote down, and finds where a promise was broken.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.cluster.auditor.checks import CHECKS
from tests.cluster.auditor.collect import collect
from tests.cluster.auditor.evidence import Evidence
from tests.cluster.auditor.finding import Check, Findings, Violation

__all__ = ["CHECKS", "Check", "Evidence", "Findings", "Verdict", "Violation", "audit", "judge"]


@dataclass(frozen=True)
class Verdict:
    """What the auditor found.

    Attributes:
        evidence: What it looked at.
        findings: What each check found, in the checks' order.
    """

    evidence: Evidence
    findings: list[Findings]

    @property
    def violations(self) -> list[Violation]:
        """Everything that is wrong."""
        return [violation for found in self.findings for violation in found.violations]

    @property
    def holds(self) -> bool:
        """Whether every promise was kept."""
        return not any(found.count for found in self.findings)


def audit(run: Path) -> Verdict:
    """The verdict on a run whose bureau still serves.

    Args:
        run: The run's folder.
    """
    return judge(collect(run))


def judge(evidence: Evidence) -> Verdict:
    """The verdict on evidence that was collected."""
    return Verdict(evidence, [check.findings(evidence) for check in CHECKS])
