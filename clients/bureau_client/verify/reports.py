"""Checks that a report is the bureau's answer to one request, and reads it."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from bureau_client._codec.reports import read_report
from bureau_client.errors import VerificationFailed
from bureau_client.models.codes import Purpose
from bureau_client.models.receipts import Receipt
from bureau_client.models.reports import Report
from bureau_client.verify.checks import check_equal, verifying
from bureau_client.verify.receipts import verify_receipt
from bureau_keys import envelope as envelopes
from bureau_keys.profile import Trust
from bureau_keys.signing import VerifyKey
from creditbureau.v1 import consents_pb2, report_pb2, reporting_pb2
from creditbureau.v1.envelope_pb2 import Envelope

ASK = (
    "Do not use it. If the operator, asked by another way, says that the report key was "
    "rotated, take the new profile.toml from it and ask for the report again"
)


def verify_report(envelope: bytes, inquiry: bytes, receipt: Receipt, trust: Trust) -> Report:
    """Checks a report that a member queried, for itself or among its portfolio.

    Args:
        envelope: The signed report, a serialised DSSE envelope.
        inquiry: The signed inquiry, likewise.
        receipt: The receipt of the inquiry.
        trust: The bureau's keys.

    Returns:
        The report with its receipt.

    Raises:
        VerificationFailed: The bureau did not sign it, it answers another
            inquiry, or the receipt does not cover both.
    """
    message = _signed_by_bureau(envelope, inquiry, trust)
    asked = _asked(inquiry)
    _, _, member_id = asked.header.signer.partition("/")
    check_equal("The report's request id", message.header.request_id, asked.header.request_id)
    check_equal("The report's purpose", Purpose(message.purpose), Purpose(asked.purpose))
    check_equal("The report's member", message.member_id, member_id)
    if isinstance(asked, reporting_pb2.Inquiry):
        check_equal("The report's subject", message.subject_id, asked.subject_id)
        check_equal("The report's consent", message.consent_id, asked.consent_id)
        verify_receipt(receipt, inquiry, trust, kind="inquiry")
        answer = hashlib.sha256(Envelope.FromString(envelope).payload).digest()
        check_equal("The answer that the receipt covers", receipt.answer_digest, answer)
    else:
        # One leaf for many reports: it covers the inquiry, the bureau's signature each.
        if asked.subject_ids:
            named = message.subject_id in asked.subject_ids
            check_equal("Whether the report's subject was asked about", named, True)
        verify_receipt(receipt, inquiry, trust, kind="portfolio-inquiry")
    with verifying("The report"):
        report = read_report(message, envelope=envelope, inquiry=inquiry)
    return replace(report, receipt=receipt)


def _asked(inquiry: bytes) -> reporting_pb2.Inquiry | reporting_pb2.PortfolioInquiry:
    with verifying("The inquiry"):
        envelope = Envelope.FromString(inquiry)
        if envelope.payload_type == envelopes.payload_type_of(reporting_pb2.PortfolioInquiry):
            return envelopes.peek(envelope, reporting_pb2.PortfolioInquiry)
        return envelopes.peek(envelope, reporting_pb2.Inquiry)


def verify_file(envelope: bytes, request: bytes, trust: Trust) -> Report:
    """Checks a subject's own file: signed by the bureau, in answer to this request.

    Raises:
        VerificationFailed: It is not.
    """
    message = _signed_by_bureau(envelope, request, trust)
    with verifying("The request"):
        asked = envelopes.peek(Envelope.FromString(request), consents_pb2.SubjectRequest)
    _, _, subject_id = asked.header.signer.partition("/")
    check_equal("The file's subject", message.subject_id, subject_id)
    check_equal("The file's request id", message.header.request_id, asked.header.request_id)
    check_equal("The file's purpose", Purpose(message.purpose), Purpose.SUBJECT_DISCLOSURE)
    with verifying("The file"):
        return read_report(message, envelope=envelope, inquiry=request)


def _signed_by_bureau(envelope: bytes, request: bytes, trust: Trust) -> report_pb2.Report:
    with verifying("The report"):
        signed = Envelope.FromString(envelope)
        pinned = {key.key_id: key for key in map(VerifyKey.from_raw, trust.report_keys)}
        if not pinned.keys() & {signature.keyid for signature in signed.signatures}:
            raise VerificationFailed(
                "The report is signed by a key that this profile does not have",
                reason="BAD_SIGNATURE",
                fix=ASK,
            )
        message, _ = envelopes.verify_envelope(signed, report_pb2.Report, pinned)
        digest = envelopes.digest(Envelope.FromString(request))
    check_equal("The report's signer", message.header.signer, "bureau")
    check_equal("The report's audience", message.header.audience, trust.origin)
    check_equal("The digest of the request it answers", message.request_digest, digest)
    return message
