"""Checks that a member signed a decision, and that it is about a report."""

from __future__ import annotations

from collections.abc import Iterable

from bureau_keys.envelope import peek, verify_envelope
from bureau_keys.errors import WrongAnswer
from bureau_keys.key_history import LoggedKey
from bureau_keys.profile import Trust
from bureau_keys.receipt_checks import check_receipt
from bureau_keys.signer_name import member_id_of
from creditbureau.v1.decision_pb2 import DecisionReceipt
from creditbureau.v1.members_pb2 import LoggedStatement


def decided_by(logged: LoggedStatement) -> str:
    """Return the id of the member that a decision names as its signer, unverified.

    Raises:
        KeysError: The statement is not a decision.
        WrongAnswer: No member signed it.
    """
    signer = peek(logged.envelope, DecisionReceipt).header.signer
    if not (member_id := member_id_of(signer)):
        raise WrongAnswer(f"{signer[:64]!r} signed it, which is no member")
    return member_id


def check_decision(
    logged: LoggedStatement, keys: Iterable[LoggedKey], trust: Trust, *, subject_id: str = ""
) -> DecisionReceipt:
    """Check that a member signed a decision for this bureau, and that it is in the log.

    Args:
        logged: The signed decision with its receipt.
        keys: The keys of the member that `decided_by` returns, proved by the log.
        trust: The log's origin and key.
        subject_id: The subject that the decision must be about; empty for any.

    Raises:
        WrongAnswer: The decision is for another bureau, or about another subject.
        KeysError: The decision is not in the log, or the member did not sign it.
    """
    receipt, envelope = logged.receipt, logged.envelope
    check_receipt(receipt, envelope, trust, "decision")
    counting = {key.key.key_id: key.key for key in keys if key.counts_at(receipt.leaf_index)}
    decision, _ = verify_envelope(envelope, DecisionReceipt, counting)
    if decision.header.audience != trust.origin:
        raise WrongAnswer(f"it is signed for {decision.header.audience}")
    if subject_id and decision.subject_id != subject_id:
        raise WrongAnswer(f"it is about subject {decision.subject_id}")
    return decision
