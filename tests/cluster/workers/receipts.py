"""Receipts and reports of the SDK's, as histories hold them."""

from __future__ import annotations

from typing import Any

from bureau_client import Receipt, Report, Statement, SubmitResult
from bureau_client._codec.scalars import micros_of
from bureau_keys.envelope import digest
from bureau_keys.receipt import LeafStatement
from bureau_keys.receipt import Receipt as StandAlone
from creditbureau.v1.envelope_pb2 import Envelope


def text_of(receipt: Receipt, statement: Statement | bytes) -> str:
    """Its C2SP tlog-proof.

    Args:
        statement: What it is the receipt of, or its envelope.
    """
    envelope = statement if isinstance(statement, bytes) else statement.envelope
    leaf = LeafStatement(
        receipt.kind,
        digest(Envelope.FromString(envelope)),
        receipt.answer_digest,
        micros_of(receipt.log_time),
    )
    alone = StandAlone(receipt.leaf_index, receipt.proof, receipt.checkpoint, receipt.salt, leaf)
    return alone.to_text()


def receipt_of_submission(result: SubmitResult) -> Receipt | None:
    """Return the receipt of the only batch of a submission."""
    return result.submissions[0].receipt


def digest_of_report(report: Report) -> str:
    """SHA-256 of what the bureau signed as a report: what its leaf holds."""
    return report.digest.hex()


def particulars_of_report(report: Report) -> dict[str, Any]:
    """Return the particulars of a report that the auditor checks."""
    return {
        "digest": digest_of_report(report),
        "log_size": report.log_size,
        "chain": report.event_chain_hash.hex(),
        "tradelines": [line.tradeline_id for line in report.tradelines],
        "sold": {
            line.tradeline_id: line.sold_month.number
            for line in report.tradelines
            if line.sold_month
        },
        "stale": [line.tradeline_id for line in report.tradelines if line.stale],
        "totals": totals_of(report),
        "inquiries": [
            [inquiry.member_id, micros_of(inquiry.create_time)]
            for inquiry in report.inquiries
            if inquiry.create_time
        ],
    }


def totals_of(report: Report) -> dict[str, Any] | None:
    """Return the number of open accounts of a report and their balances; None without a summary."""
    if report.summary is None:
        return None
    balances = {one.currency: one.balance_minor for one in report.summary.totals}
    return {"open": report.summary.open_tradeline_count, "balances": balances}
