"""Checks that a report is the bureau's answer to one request, and reads it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bureau_client._codec.receipts import write_receipt
from bureau_client._codec.reports import read_report, write_place
from bureau_client.errors import VerificationFailed
from bureau_client.models.members import Member
from bureau_client.models.receipts import Receipt
from bureau_client.models.reports import PortfolioPlace, Report
from bureau_client.verify.checks import TELL, verifying
from bureau_client.verify.evidence import logged_keys_of
from bureau_client.verify.log_view import Sighting
from bureau_keys.bounded_parsing import parse
from bureau_keys.errors import WrongPayloadType
from bureau_keys.profile import Trust
from bureau_keys.provenance import unproved_parts
from bureau_keys.report_checks import ReportProof, check_report, read_request
from creditbureau.v1.consents_pb2 import SubjectRequest
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.reporting_pb2 import EVIDENCE_LEVEL_NONE, ConsentProof


def verify_report(
    envelope: bytes,
    inquiry: bytes,
    receipt: Receipt,
    trust: Trust,
    *,
    consent_proof: bytes,
    members: Iterable[Member],
    portfolio: PortfolioPlace | None = None,
) -> Report:
    """Check a report that a member queried, alone or in its portfolio.

    Args:
        envelope: The signed report, a serialised DSSE envelope.
        inquiry: The signed inquiry, a serialised DSSE envelope.
        receipt: The receipt of the inquiry.
        trust: The bureau's keys.
        consent_proof: `Report.consent_proof`.
        members: The member that asked, and the one that attested the subject's key, verified.
        portfolio: The place of a portfolio's report; None for the report of an inquiry.

    Returns:
        The report with its receipt.

    Raises:
        VerificationFailed: The bureau did not sign the report, the report answers another
            inquiry, the receipt does not cover both, or the subject's consent does not
            allow what the report holds.
    """
    keys = {member.member_id: logged_keys_of(member) for member in members}
    with verifying("The report"):
        consent = parse(ConsentProof, consent_proof)
        portfolio_proof = None if portfolio is None else write_place(portfolio)
        proof = ReportProof(write_receipt(receipt), consent, keys, portfolio_proof)
    proved = {"receipt": receipt, "consent_proof": consent_proof, "portfolio": portfolio}
    return _verify(envelope, inquiry, proof, trust, **proved)


def verify_file(envelope: bytes, request: bytes, trust: Trust) -> Report:
    """Check that the bureau signed a subject's own file, in answer to this request.

    Raises:
        VerificationFailed: The bureau did not sign the file, or the file answers another
            request.
    """
    return _verify(envelope, request, None, trust)


def verify_as_new(report: Report, newest: Sighting | None) -> None:
    """Check that a report was read no earlier than it was asked for.

    Args:
        newest: Newest checkpoint that the client had seen when it asked; None before the first.

    Raises:
        VerificationFailed: The log had more leaves by then.
    """
    if newest is not None and report.log_size < newest.checkpoint.size:
        raise VerificationFailed(
            f"The report was read at log size {report.log_size}; the log had "
            f"{newest.checkpoint.size} leaves before it was asked for",
            reason="WRONG_ANSWER",
            fix=TELL,
        )


def _verify(
    envelope: bytes, request: bytes, proof: ReportProof | None, trust: Trust, **proved: Any
) -> Report:
    with verifying("The report"):
        signed, asked = Envelope.FromString(envelope), Envelope.FromString(request)
        is_file = isinstance(read_request(asked), SubjectRequest)
        if is_file != (proof is None):
            raise WrongPayloadType(f"the request's payload type is {asked.payload_type!r}")
        message = check_report(signed, asked, proof, trust)
        unproved = unproved_parts(message, (), EVIDENCE_LEVEL_NONE)
        return read_report(message, envelope=envelope, inquiry=request, unproved=unproved, **proved)
