"""An independent auditor checks everything that was handed out."""

from __future__ import annotations

from dataclasses import dataclass, field

from bureau_client import Auditor, BureauError, Checkpoint
from tests.demo.journey import Scenario, Step


@dataclass(slots=True)
class Verdict:
    """The counts of checks, and the failures.

    Attributes:
        checked: How many of each kind hold.
        failures: What does not hold, in words.
    """

    checked: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True if something was checked and everything holds."""
        return not self.failures and all(self.checked.values())


def audit(scenario: Scenario, first: Checkpoint, step: Step) -> Verdict:
    """Verifies every receipt, every report, every furnisher's signature in the
    evidence, and the log from the first checkpoint to the last."""
    assert scenario.auditor is not None, "the auditor is admitted first"
    verdict = Verdict()
    consents = [*scenario.furnishing, *scenario.inquiring.values()]
    done = step("auditing", len(consents) + len(scenario.submissions) + len(scenario.reports) + 1)

    with Auditor(scenario.auditor) as auditor:
        # 1. Every consent and every submission is in the log.
        for name, held in (
            ("consents' receipts", [(c.receipt, c.envelope) for c in consents]),
            ("submissions' receipts", [(s.receipt, s.manifest) for s in scenario.submissions]),
        ):
            for receipt, envelope in held:
                with counted(verdict, name):
                    assert receipt is not None, "what was written has a receipt"
                    auditor.verify_receipt(receipt, envelope)
                done()
        # 2. Every report is signed, logged, and each newest record is its furnisher's.
        members = {member_id: auditor.member(member_id) for member_id in scenario.world.lenders}
        for report in scenario.reports:
            with counted(verdict, "reports' signatures and receipts"):
                auditor.verify_report(report)
            owner = {line.tradeline_id: line.member_id for line in report.tradelines}
            for evidence in report.evidence:
                with counted(verdict, "furnishers' signatures"):
                    auditor.verify_evidence(evidence, members[owner[evidence.tradeline_id]])
            done()
        # 3. The log only grew, and every checkpoint is the root of its leaves.
        newest = auditor.checkpoint()
        with counted(verdict, "consistency from first to last checkpoint"):
            auditor.consistency(first.note, newest.note)
        audited = auditor.audit(first.note)
        verdict.checked["leaves hashed"] = audited.tree_size
        verdict.checked["checkpoints recomputed"] = audited.checkpoint_count
        if audited.fault:
            verdict.failures.append(audited.fault.text)
        done()
    return verdict


class counted:  # noqa: N801  (reads as a statement)
    """Counts a check that holds, or notes how it fails."""

    def __init__(self, verdict: Verdict, name: str) -> None:
        self._verdict = verdict
        self._name = name
        verdict.checked.setdefault(name, 0)

    def __enter__(self) -> None:
        """Begins a check."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        """Takes a refusal for a failed check; anything else goes on."""
        if isinstance(error, BureauError):
            self._verdict.failures.append(f"{self._name}: {error}")
            return True
        if error is None:
            self._verdict.checked[self._name] += 1
        return False
