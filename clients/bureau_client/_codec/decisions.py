"""Reads and writes decisions."""

from __future__ import annotations

from bureau_client._codec.receipts import read_receipt
from bureau_client._codec.scalars import month_of
from bureau_client.models.codes import DecisionOutcome
from bureau_client.models.decisions import (
    Decision,
    DecisionBasis,
    DecisionReason,
    RecordedDecision,
)
from bureau_keys.signer_name import member_id_of
from creditbureau.v1 import decision_pb2
from creditbureau.v1.envelope_pb2 import Header
from creditbureau.v1.members_pb2 import LoggedStatement


def write_decision(decision: Decision, header: Header) -> decision_pb2.DecisionReceipt:
    """Write a decision as its member signs it."""
    return decision_pb2.DecisionReceipt(
        header=header,
        subject_id=decision.subject_id,
        inquiry_id=decision.inquiry_id,
        report_digest=decision.report_digest,
        policy_name=decision.policy_name,
        policy_version=decision.policy_version,
        policy_digest=decision.policy_digest,
        inputs_digest=decision.inputs_digest,
        outcome=int(decision.outcome),  # type: ignore[arg-type]
        limit_minor=decision.limit,
        currency=decision.currency,
        price_band=decision.price_band,
        tradeline_id=decision.tradeline_id,
        reasons=[
            decision_pb2.DecisionReason(
                code=reason.code,
                attributes=reason.attributes,
                basis=[
                    decision_pb2.DecisionBasis(
                        tradeline_id=entry.tradeline_id,
                        month=entry.month.number if entry.month else 0,
                    )
                    for entry in reason.basis
                ],
            )
            for reason in decision.reasons
        ],
    )


def read_decision(message: decision_pb2.DecisionReceipt) -> Decision:
    """Read a decision.

    Raises:
        ValueError: A month does not exist.
    """
    return Decision(
        subject_id=message.subject_id,
        inquiry_id=message.inquiry_id,
        report_digest=message.report_digest,
        policy_name=message.policy_name,
        policy_version=message.policy_version,
        policy_digest=message.policy_digest,
        inputs_digest=message.inputs_digest,
        outcome=DecisionOutcome(message.outcome),
        limit=message.limit_minor if message.HasField("limit_minor") else None,
        currency=message.currency,
        price_band=message.price_band,
        tradeline_id=message.tradeline_id,
        reasons=tuple(
            DecisionReason(
                code=reason.code,
                attributes=tuple(reason.attributes),
                basis=tuple(
                    DecisionBasis(entry.tradeline_id, month_of(entry.month))
                    for entry in reason.basis
                ),
            )
            for reason in message.reasons
        ),
    )


def read_recorded(
    message: decision_pb2.DecisionReceipt, logged: LoggedStatement
) -> RecordedDecision:
    """Read a decision with its statement and receipt.

    Raises:
        ValueError: A month does not exist.
    """
    receipt = read_receipt(logged.receipt)
    return RecordedDecision(
        decision_id=message.header.request_id,
        member_id=member_id_of(message.header.signer),
        decision=read_decision(message),
        time=receipt.log_time,
        statement=logged.envelope.SerializeToString(deterministic=True),
        receipt=receipt,
    )
