"""Checks that a tradeline says what its furnisher signed."""

from __future__ import annotations

from bureau_client.codes import AccountStatus, PortfolioType
from bureau_client.errors import VerificationFailed
from bureau_client.members import Member
from bureau_client.reports import Evidence, Report
from bureau_client.tradelines import Tradeline
from bureau_client.verify.belief import TELL, believed, expect
from bureau_client.verify.receipts import verify_receipt
from bureau_client.wire.scalars import day_of
from bureau_keys import envelope as envelopes
from bureau_keys import merkle
from bureau_keys.profile import Trust
from bureau_keys.signing import VerifyKey
from creditbureau.v1 import record_pb2
from creditbureau.v1.envelope_pb2 import Envelope


def verify_evidence(
    evidence: Evidence, furnisher: Member, trust: Trust
) -> record_pb2.TradelineSnapshot:
    """Checks that the furnisher signed a record, with a key that counted then.

    Args:
        evidence: The record, its manifest and the proof between them.
        furnisher: The member whose keys it must verify under.
        trust: The log's origin and key.

    Returns:
        The snapshot that the furnisher signed.

    Raises:
        VerificationFailed: No such signature, or the record is not under it.
    """
    verify_receipt(evidence.receipt, evidence.manifest, trust, kind="submission")
    keys = [
        VerifyKey.from_raw(key.public_key)
        for key in furnisher.keys
        if key.valid_at(evidence.receipt.leaf_index)
    ]
    with believed(f"The manifest of {furnisher.member_id} behind {evidence.tradeline_id}"):
        manifest, _ = envelopes.verify_envelope(
            Envelope.FromString(evidence.manifest),
            record_pb2.SubmissionManifest,
            {key.key_id: key for key in keys},
        )
    expect("The manifest's signer", manifest.header.signer, f"members/{furnisher.member_id}")
    with believed(f"The record behind {evidence.tradeline_id}, {evidence.month}"):
        merkle.verify_inclusion(
            merkle.leaf_hash(evidence.record),
            evidence.record_index,
            manifest.record_count,
            evidence.proof,
            manifest.records_root,
        )
        record = envelopes.parse_canonical(record_pb2.Record, evidence.record)
    expect("What the record holds", record.WhichOneof("body"), "snapshot")
    expect("The record's month", record.snapshot.month, evidence.month.number)
    return record.snapshot


def verify_provenance(report: Report, evidence: Evidence, furnisher: Member, trust: Trust) -> None:
    """Checks that a report's tradeline says what its furnisher signed.

    Args:
        report: A verified report.
        evidence: What came with it for one tradeline and month.
        furnisher: The tradeline's furnisher.
        trust: The log's origin and key.

    Raises:
        VerificationFailed: The furnisher's signature does not verify, or the
            report says something else than the signed record.
    """
    line = tradeline_of(report, evidence)
    expect("The furnisher of the evidence", furnisher.member_id, line.member_id)
    snapshot = verify_evidence(evidence, furnisher, trust)
    subjects = {party.subject_id for party in snapshot.parties}
    if report.subject_id not in subjects:
        raise VerificationFailed(
            f"The record behind tradeline {line.tradeline_id} is about somebody else",
            reason="WRONG_ANSWER",
            fix=TELL,
        )
    if evidence.month == line.month:
        _compare_newest(line, snapshot)
    _compare_month(line, evidence, snapshot)


def tradeline_of(report: Report, evidence: Evidence) -> Tradeline:
    """The tradeline that a piece of evidence is for.

    Raises:
        VerificationFailed: The report has none such.
    """
    for line in report.tradelines:
        if line.tradeline_id == evidence.tradeline_id:
            return line
    raise VerificationFailed(
        f"Evidence came for tradeline {evidence.tradeline_id}, which is not in the report",
        reason="WRONG_ANSWER",
        fix=TELL,
    )


def _compare_newest(line: Tradeline, signed: record_pb2.TradelineSnapshot) -> None:
    # The limit is left out: a later facility action may have changed it.
    pairs = {
        "portfolio type": (line.portfolio_type, PortfolioType(signed.portfolio_type)),
        "account type": (line.account_type, signed.account_type),
        "currency": (line.currency, signed.currency),
        "open date": (line.open_date, day_of(signed.open_date)),
        "status": (line.status, AccountStatus(signed.status)),
        "balance": (line.balance_minor, signed.balance_minor),
        "amount due": (line.amount_due_minor, signed.amount_due_minor),
        "amount paid": (line.amount_paid_minor, signed.amount_paid_minor),
        "amount past due": (line.amount_past_due_minor, signed.amount_past_due_minor),
        "days past due": (line.days_past_due, signed.days_past_due),
    }
    for name, (told, wanted) in pairs.items():
        expect(f"The {name} of tradeline {line.tradeline_id}", told, wanted)


def _compare_month(
    line: Tradeline, evidence: Evidence, signed: record_pb2.TradelineSnapshot
) -> None:
    if line.history is None:
        return
    for month in line.history.months():
        if month.month == evidence.month:
            where = f"of tradeline {line.tradeline_id} in {month.month}"
            expect(f"The balance {where}", month.balance_minor, signed.balance_minor)
            expect(f"The amount due {where}", month.amount_due_minor, signed.amount_due_minor)
            expect(f"The amount paid {where}", month.amount_paid_minor, signed.amount_paid_minor)
            past_due = signed.amount_past_due_minor
            expect(f"The amount past due {where}", month.amount_past_due_minor, past_due)
