"""Checks that a tradeline says what its furnisher signed."""

from __future__ import annotations

from collections.abc import Iterable

from bureau_client._codec.reports import write_evidence
from bureau_client.errors import VerificationFailed
from bureau_client.models.codes import EvidenceLevel
from bureau_client.models.members import Member
from bureau_client.models.reports import Evidence, Report
from bureau_client.verify.checks import TELL, verifying
from bureau_keys.envelope import peek
from bureau_keys.evidence import EvidencePiece
from bureau_keys.key_history import STILL, LoggedKey
from bureau_keys.profile import Trust
from bureau_keys.provenance import EvidenceCheck, check_complete, signed_record
from bureau_keys.signing import VerifyKey
from creditbureau.v1 import record_pb2, report_pb2
from creditbureau.v1.envelope_pb2 import Envelope


def verify_evidence(evidence: Evidence, furnisher: Member, trust: Trust) -> record_pb2.Record:
    """Check that the furnisher signed a record, with a key in force at that leaf.

    Args:
        evidence: The record, its manifest and the proof between them.
        furnisher: The member whose keys it must verify under; verified.
        trust: The log's origin and key.

    Returns:
        The record that the furnisher signed: a snapshot or a facility action.

    Raises:
        VerificationFailed: The signature does not verify, or does not cover the record.
    """
    with verifying(f"The record that {furnisher.member_id} signed for {evidence.tradeline_id}"):
        piece = write_evidence(evidence)
        return signed_record(piece, furnisher.member_id, logged_keys_of(furnisher), trust)


def verify_provenance(
    report: Report, evidence: Iterable[Evidence], furnisher: Member, *, trust: Trust
) -> None:
    """Check every field of a furnisher's tradelines in a report against its signed records.

    Args:
        report: A verified report.
        evidence: The evidence for these tradelines.
        furnisher: Their furnisher, verified.
        trust: The log's origin and key.

    Raises:
        VerificationFailed: The furnisher's signature does not verify, or a tradeline
            differs from the signed record.
    """
    check_provenance(report_message(report), map(write_evidence, evidence), trust, furnisher)


def check_provenance(
    report: report_pb2.Report, pieces: Iterable[EvidencePiece], trust: Trust, furnisher: Member
) -> None:
    """Check as `verify_provenance`, from messages that are parsed already."""
    with verifying("The report"):
        check = EvidenceCheck(report, {furnisher.member_id: logged_keys_of(furnisher)}, trust)
        for piece in pieces:
            check.check(piece)


def verify_complete(report: Report, evidence: Iterable[Evidence], level: EvidenceLevel) -> None:
    """Check that evidence covers every tradeline and month of its level.

    Raises:
        VerificationFailed: The evidence of a tradeline's month is missing.
    """
    with verifying("The report"):
        check_complete(report_message(report), map(write_evidence, evidence), int(level))


def by_furnisher(
    report: report_pb2.Report, pieces: Iterable[EvidencePiece]
) -> dict[str, list[EvidencePiece]]:
    """Return evidence by the member id of the tradeline's furnisher.

    Raises:
        VerificationFailed: The report has no tradeline for a piece of evidence.
    """
    furnishers = {line.tradeline_id: line.member_id for line in report.tradelines}
    by_member: dict[str, list[EvidencePiece]] = {}
    for piece in pieces:
        if piece.tradeline_id not in furnishers:
            raise VerificationFailed(
                f"The report has no tradeline {piece.tradeline_id[:64]!r}, for which evidence came",
                reason="WRONG_ANSWER",
                fix=TELL,
            )
        by_member.setdefault(furnishers[piece.tradeline_id], []).append(piece)
    return by_member


def report_message(report: Report) -> report_pb2.Report:
    """Return the message of a verified report, parsed again from the signed bytes."""
    return peek(Envelope.FromString(report.envelope), report_pb2.Report)


def logged_keys_of(member: Member) -> list[LoggedKey]:
    """Return a verified member's keys, with the log indices between which they count."""
    return [
        LoggedKey(
            VerifyKey.from_raw(key.public_key), key.valid_from_index, key.valid_to_index or STILL
        )
        for key in member.keys
    ]
