"""Checks that a tradeline says what its furnisher signed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from bureau_client._codec.reports import write_evidence
from bureau_client.errors import VerificationFailed
from bureau_client.models.codes import EvidenceLevel
from bureau_client.models.members import Member
from bureau_client.models.reports import Evidence, Report
from bureau_client.models.tradelines import Tradeline
from bureau_client.verify.checks import TELL, verifying
from bureau_keys.envelope import payload_type_of, peek
from bureau_keys.key_history import STILL, LoggedKey
from bureau_keys.profile import Trust
from bureau_keys.provenance import differences, evidence_due, signed_snapshot
from bureau_keys.signing import VerifyKey
from creditbureau.v1 import record_pb2, report_pb2, reporting_pb2
from creditbureau.v1.envelope_pb2 import Envelope


def verify_evidence(
    evidence: Evidence, furnisher: Member, trust: Trust
) -> record_pb2.TradelineSnapshot:
    """Checks that the furnisher signed a record, with a key that counted then.

    Args:
        evidence: The record, its manifest and the proof between them.
        furnisher: The member whose keys it must verify under; verified itself.
        trust: The log's origin and key.

    Returns:
        The snapshot that the furnisher signed.

    Raises:
        VerificationFailed: No such signature, or the record is not under it.
    """
    keys = [
        LoggedKey(
            VerifyKey.from_raw(at.public_key), at.valid_from_index, at.valid_to_index or STILL
        )
        for at in furnisher.keys
    ]
    with verifying(f"What {furnisher.member_id} signed of {evidence.tradeline_id}"):
        piece = write_evidence(evidence)
        return signed_snapshot(piece, furnisher.member_id, keys, trust)


def verify_provenance(report: Report, evidence: Evidence, furnisher: Member, trust: Trust) -> None:
    """Checks that a report's tradeline says what its furnisher signed, in every field.

    Args:
        report: A verified report.
        evidence: What came with it for one tradeline and month.
        furnisher: The tradeline's furnisher, verified.
        trust: The log's origin and key.

    Raises:
        VerificationFailed: The furnisher's signature does not verify, or the
            report says something else than the signed record.
    """
    line = tradeline_of(report, evidence)
    if furnisher.member_id != line.member_id:
        _refuse(f"Tradeline {line.tradeline_id} is not furnished by {furnisher.member_id}")
    signed = verify_evidence(evidence, furnisher, trust)
    message = _message_of(report)
    (told,) = [at for at in message.tradelines if at.tradeline_id == line.tradeline_id]
    for name, value, wanted in differences(message, told, signed):
        _refuse(
            f"Tradeline {line.tradeline_id} says {value!r} in {name} for {evidence.month}, "
            f"where its furnisher signed {wanted!r}"
        )


def verify_complete(report: Report, evidence: Iterable[Evidence], level: EvidenceLevel) -> None:
    """Checks that evidence covers everything that it was asked for.

    Raises:
        VerificationFailed: Some is missing.
    """
    due = evidence_due(_message_of(report), int(level))
    for tradeline_id, month in sorted(
        due - {(at.tradeline_id, at.month.number) for at in evidence}
    ):
        _refuse(f"The evidence for tradeline {tradeline_id} in {month} is missing")


def level_asked(inquiry: bytes) -> EvidenceLevel:
    """How much evidence a signed inquiry, a serialised envelope, asks for."""
    with verifying("The inquiry"):
        envelope = Envelope.FromString(inquiry)
        if envelope.payload_type != payload_type_of(reporting_pb2.Inquiry):
            return EvidenceLevel.NONE
        asked = peek(envelope, reporting_pb2.Inquiry)
    return EvidenceLevel(asked.evidence)


def tradeline_of(report: Report, evidence: Evidence) -> Tradeline:
    """The tradeline that a piece of evidence is for.

    Raises:
        VerificationFailed: The report has none such.
    """
    named = [line for line in report.tradelines if line.tradeline_id == evidence.tradeline_id]
    if not named:
        _refuse(f"Evidence came for tradeline {evidence.tradeline_id}, which is not in the report")
    return named[0]


def _message_of(report: Report) -> report_pb2.Report:
    return peek(Envelope.FromString(report.envelope), report_pb2.Report)


def _refuse(why: str) -> NoReturn:
    raise VerificationFailed(why, reason="WRONG_ANSWER", fix=TELL)
