"""No client believes a node that lies."""

from __future__ import annotations

from tests.cluster.auditor.evidence import Evidence
from tests.cluster.auditor.finding import Findings
from tests.cluster.history import Outcome

# Errors of the SDK after an altered reply: the others where the bureau did not answer in time what
# the client asked to verify it.
REFUSED = frozenset({"VerificationFailed", "Unavailable", "Overloaded", "DeadlineExceeded"})


def none_believed(evidence: Evidence, findings: Findings) -> None:
    """Every reply that a lying node altered ends in VerificationFailed, and none is believed."""
    for one in evidence.operations:
        if one.kind != "lie":
            continue
        findings.look()
        if one.outcome is Outcome.OK:
            findings.blame(f"{one.worker} believed a node that told it {one.about['lie']}")
        elif one.about["error"] not in REFUSED:
            findings.blame(
                f"{one.worker} was told {one.about['lie']}, and it ended in {one.about['error']}",
                reason=one.reason,
            )
