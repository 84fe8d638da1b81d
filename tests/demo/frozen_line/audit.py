"""The auditor's part: every decision again, every report again, and the whole log."""

from __future__ import annotations

from bureau_client import Checkpoint
from tests.demo.frozen_line.shared import Story
from tests.demo.verdict import Verdict, counted


def audit(story: Story, first: Checkpoint) -> Verdict:
    """Check what the person was shown, with the policies that the lenders hand over."""
    cast, verdict = story.cast, Verdict()
    policies = {policy.policy.digest: policy for policy in (story.policy, story.line_policy)}
    # 1. Each decision follows again from its report, policy and inputs.
    for recorded in cast.wallet.decisions():
        decision = recorded.decision
        decided = cast.auditor.decisions(decision.inquiry_id, decision.subject_id)
        with counted(verdict, "reports"):
            cast.auditor.verify_report(decided.report)
        with counted(verdict, "decisions"):
            cast.auditor.check_decision(
                recorded,
                decided.report,
                policies[decision.policy_digest],
                story.inputs[decision.inquiry_id],
            )
        with counted(verdict, "receipts"):
            cast.auditor.verify_receipt(recorded.receipt, recorded.statement)
    # 2. The log only grew, and every checkpoint is the root of its leaves.
    audited = cast.auditor.audit(first.note)
    verdict.checked["leaves"] = audited.tree_size
    if audited.fault:
        verdict.failures.append(audited.fault.text)
    return verdict
