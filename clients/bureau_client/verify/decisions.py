"""Checks that a recorded decision is about a report, and follows from it again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from hashlib import sha256

from bureau_client._codec.decisions import read_recorded
from bureau_client._codec.receipts import write_receipt
from bureau_client.errors import VerificationFailed
from bureau_client.models.decisions import Decision, RecordedDecision
from bureau_client.models.members import Member
from bureau_client.models.reports import Report
from bureau_client.protocols import DecisionPolicy
from bureau_client.verify.checks import check_equal, verifying
from bureau_client.verify.evidence import logged_keys_of
from bureau_keys.decision_checks import check_decision
from bureau_keys.profile import Trust
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.members_pb2 import LoggedStatement

ASK = "Ask the member that decided: this is its fault, not the bureau's"


def verify_decision(recorded: RecordedDecision, member: Member, trust: Trust) -> RecordedDecision:
    """Check that a member signed a decision, and that it is in the log.

    Args:
        recorded: The decision with its statement and receipt.
        member: The member that decided, verified.
        trust: The log's origin and key.

    Returns:
        The decision, read again from the verified bytes.

    Raises:
        VerificationFailed: The decision is not in the log, or no key of the member signed it.
    """
    with verifying("The decision"):
        logged = LoggedStatement(
            envelope=Envelope.FromString(recorded.statement),
            receipt=write_receipt(recorded.receipt),
        )
        message = check_decision(logged, logged_keys_of(member), trust)
        return read_recorded(message, logged)


def verify_decided(recorded: RecordedDecision, report: Report) -> None:
    """Check that a verified decision is about a verified report, and was taken after it.

    Raises:
        VerificationFailed: The decision is about another report.
    """
    decision = recorded.decision
    check_equal("The member of the decision", recorded.member_id, report.member_id)
    check_equal("The decision's subject", decision.subject_id, report.subject_id)
    check_equal("The decision's inquiry", decision.inquiry_id, report.request_id)
    check_equal("The digest of the decision's report", decision.report_digest, report.digest)
    inquired = report.receipt.leaf_index if report.receipt else None
    if inquired is None or recorded.receipt.leaf_index < inquired:
        raise VerificationFailed(
            f"The decision is leaf {recorded.receipt.leaf_index} of the log, the inquiry leaf "
            f"{inquired}",
            reason="WRONG_ANSWER",
            fix=ASK,
        )


def verify_outcome(
    decision: Decision, report: Report, policy: DecisionPolicy, inputs: bytes
) -> None:
    """Check that a policy takes the same decision again on the same report and inputs.

    Args:
        decision: A decision that is about the report.
        report: The verified report.
        policy: The policy that the member hands over.
        inputs: The document of the other inputs that the member hands over.

    Raises:
        VerificationFailed: The policy or the inputs are not those of the decision, a reason
            rests on an entry that the report lacks, or the policy decides otherwise.
    """
    for problem in _problems(decision, report, policy, inputs):
        raise VerificationFailed(
            f"The decision on inquiry {decision.inquiry_id} does not follow: {problem}",
            reason="WRONG_ANSWER",
            fix=ASK,
        )


def _problems(
    decision: Decision, report: Report, policy: DecisionPolicy, inputs: bytes
) -> Iterator[str]:
    for name, digest, document in (
        ("policy", decision.policy_digest, policy.document),
        ("inputs", decision.inputs_digest, inputs),
    ):
        if sha256(document).digest() != digest:
            yield f"it has another digest of the {name}: {digest.hex()}"
    yield from _missing_entries(decision, report)
    again = policy.decide(report, inputs)
    for each in fields(Decision):
        signed, decided = getattr(decision, each.name), getattr(again, each.name)
        if signed != decided:
            yield f"{each.name} is {signed}, the policy gives {decided}"


def _missing_entries(decision: Decision, report: Report) -> Iterator[str]:
    """Yield the entries that a decision names and the report lacks."""
    lines = {line.tradeline_id: line for line in report.tradelines}
    if decision.tradeline_id and decision.tradeline_id not in lines:
        yield f"the report lacks tradeline {decision.tradeline_id}"
    for reason in decision.reasons:
        for entry in reason.basis:
            line = lines.get(entry.tradeline_id)
            if line is None:
                yield f"the report lacks tradeline {entry.tradeline_id} of {reason.code}"
            elif entry.month and (
                line.history is None
                or entry.month not in {each.month for each in line.history.months()}
            ):
                yield f"tradeline {entry.tradeline_id} of {reason.code} lacks {entry.month}"
