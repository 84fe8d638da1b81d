"""Checks that a report is the bureau's answer to one request, and reads it."""

from __future__ import annotations

from dataclasses import replace

from bureau_client._codec.receipts import write_receipt
from bureau_client._codec.reports import read_report
from bureau_client.models.receipts import Receipt
from bureau_client.models.reports import Report
from bureau_client.verify.checks import verifying
from bureau_keys.errors import WrongPayloadType
from bureau_keys.profile import Trust
from bureau_keys.report_checks import check_report, read_request
from creditbureau.v1.consents_pb2 import SubjectRequest
from creditbureau.v1.envelope_pb2 import Envelope


def verify_report(envelope: bytes, inquiry: bytes, receipt: Receipt, trust: Trust) -> Report:
    """Check a report that a member queried, alone or in its portfolio.

    Args:
        envelope: The signed report, a serialised DSSE envelope.
        inquiry: The signed inquiry, a serialised DSSE envelope.
        receipt: The receipt of the inquiry.
        trust: The bureau's keys.

    Returns:
        The report with its receipt.

    Raises:
        VerificationFailed: The bureau did not sign the report, the report answers another
            inquiry, or the receipt does not cover both.
    """
    return replace(_verify(envelope, inquiry, receipt, trust), receipt=receipt)


def verify_file(envelope: bytes, request: bytes, trust: Trust) -> Report:
    """Check that the bureau signed a subject's own file, in answer to this request.

    Raises:
        VerificationFailed: The bureau did not sign the file, or the file answers another
            request.
    """
    return _verify(envelope, request, None, trust)


def _verify(envelope: bytes, request: bytes, receipt: Receipt | None, trust: Trust) -> Report:
    with verifying("The report"):
        signed, asked = Envelope.FromString(envelope), Envelope.FromString(request)
        is_file = isinstance(read_request(asked), SubjectRequest)
        if is_file != (receipt is None):
            raise WrongPayloadType(f"the request's payload type is {asked.payload_type!r}")
        logged = None if receipt is None else write_receipt(receipt)
        message = check_report(signed, asked, logged, trust)
        return read_report(message, envelope=envelope, inquiry=request)
