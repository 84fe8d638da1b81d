"""Proves what must be true of a run, by its own model: `audit(folder)`.

It collects what every node, server and witness says at the end, holds it against what the
workers wrote down, and finds where a promise was broken.
"""

from __future__ import annotations

from pathlib import Path

from tests.cluster.auditor.checks import CHECKS
from tests.cluster.auditor.collect import collect
from tests.cluster.auditor.evidence import Evidence
from tests.cluster.auditor.finding import Check, Findings, Violation
from tests.cluster.auditor.verdict import Verdict, judge

__all__ = ["CHECKS", "Check", "Evidence", "Findings", "Verdict", "Violation", "audit", "judge"]


def audit(run: Path) -> Verdict:
    """The verdict on a run whose bureau still serves.

    Args:
        run: The run's folder.
    """
    return judge(collect(run))
