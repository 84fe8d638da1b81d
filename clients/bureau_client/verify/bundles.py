"""Checks a saved report, step by step."""

from __future__ import annotations

from dataclasses import replace

from bureau_client.errors import VerificationFailed
from bureau_client.models.reports import Report
from bureau_client.verify.evidence import (
    level_asked,
    tradeline_of,
    verify_complete,
    verify_provenance,
)
from bureau_client.verify.members import verify_member
from bureau_client.verify.reports import verify_file, verify_report
from bureau_client.verify.witnesses import verify_witnessed
from bureau_keys.profile import Trust


def verify_bundle(bundle: Report, trust: Trust) -> Report:
    """Checks a report that `Report.load` read.

    Args:
        bundle: The report with what was saved beside it.
        trust: The bureau's keys, pinned; never taken from the bundle.

    Returns:
        The report, read anew from the bytes that verified.

    Raises:
        VerificationFailed: Signature, request, receipt or evidence do not hold.
        NotWitnessed: Fewer witnesses have cosigned the receipt's checkpoint than the
            trust says.
    """
    # 1. The bureau signed it, in answer to this request, and logged it.
    if bundle.member_id:
        if bundle.receipt is None:
            raise VerificationFailed(
                "The report comes without the receipt of its inquiry", reason="BAD_PROOF"
            )
        report = verify_report(bundle.envelope, bundle.inquiry, bundle.receipt, trust)
        verify_witnessed(bundle.receipt.checkpoint, trust)
    else:
        report = verify_file(bundle.envelope, bundle.inquiry, trust)
    # 2. The furnishers' keys stand in the log.
    furnishers = {
        member.member_id: member
        for member in (
            verify_member(known.encoded, trust, bundle.vouchers) for known in bundle.furnishers
        )
    }
    # 3. Each piece of evidence says what the report says, and none is missing.
    for piece in bundle.evidence:
        member_id = tradeline_of(report, piece).member_id
        if member_id not in furnishers:
            raise VerificationFailed(
                f"The keys behind tradeline {piece.tradeline_id} are missing", reason="BAD_PROOF"
            )
        verify_provenance(report, piece, furnishers[member_id], trust)
    if bundle.member_id:
        verify_complete(report, bundle.evidence, level_asked(bundle.inquiry))
    return replace(
        report,
        evidence=bundle.evidence,
        furnishers=tuple(furnishers.values()),
        vouchers=bundle.vouchers,
    )
