"""The verdict: what every check found."""

from __future__ import annotations

from dataclasses import dataclass

from tests.cluster.auditor.checks import CHECKS
from tests.cluster.auditor.evidence import Evidence
from tests.cluster.auditor.finding import Findings, Violation


@dataclass(frozen=True)
class Verdict:
    """The auditor's findings.

    Attributes:
        evidence: What it looked at.
        findings: What each check found, in the checks' order.
    """

    evidence: Evidence
    findings: list[Findings]

    @property
    def violations(self) -> list[Violation]:
        """The violations, at most the reported number of each check."""
        return [violation for finding in self.findings for violation in finding.violations]

    @property
    def holds(self) -> bool:
        """True if every promise was kept."""
        return not any(finding.count for finding in self.findings)


def judge(evidence: Evidence) -> Verdict:
    """The verdict on evidence that was collected."""
    return Verdict(evidence, [check.findings(evidence) for check in CHECKS])
