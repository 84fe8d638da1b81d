"""Checks that the bureau signed a report, in answer to one signed request."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

from bureau_keys.consent_checks import check_consent, check_scope
from bureau_keys.envelope import (
    OpenedEnvelope,
    digest,
    open_envelope,
    payload_type_of,
    peek,
    verify_envelope,
)
from bureau_keys.errors import BadProof, Contradiction, UnknownReportKey, WrongAnswer
from bureau_keys.key_history import LoggedKey, keys_at
from bureau_keys.portfolio import check_portfolio_report
from bureau_keys.profile import Trust
from bureau_keys.receipt_checks import check_logged
from bureau_keys.report_shape import check_shape
from bureau_keys.signer_name import BUREAU, member_id_of, member_signer, subject_signer
from bureau_keys.signing import VerifyKey
from creditbureau.v1.codes_pb2 import PURPOSE_SUBJECT_DISCLOSURE, Purpose
from creditbureau.v1.consents_pb2 import SubjectRequest
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.report_pb2 import Report
from creditbureau.v1.reporting_pb2 import (
    EVIDENCE_LEVEL_NONE,
    ConsentProof,
    Inquiry,
    PortfolioInquiry,
    PortfolioProof,
)

Request: TypeAlias = Inquiry | PortfolioInquiry | SubjectRequest
REQUESTS: dict[str, type[Request]] = {
    payload_type_of(kind): kind for kind in (Inquiry, PortfolioInquiry, SubjectRequest)
}


def read_request(envelope: Envelope) -> Request:
    """Return the request that a report answers, without checking its signature.

    Raises:
        KeysError: The envelope does not hold an inquiry, a portfolio inquiry or a
            subject's request.
    """
    return peek(envelope, _type_of(envelope))


def _type_of(envelope: Envelope) -> type[Request]:
    return REQUESTS.get(envelope.payload_type, Inquiry)


def evidence_level(request: Envelope) -> int:
    """Return the EvidenceLevel that a report's request asks for.

    Raises:
        KeysError: The envelope does not hold a request for a report.
    """
    asked = read_request(request)
    return asked.evidence if isinstance(asked, Inquiry) else EVIDENCE_LEVEL_NONE


class ReportProof(NamedTuple):
    """Everything that a report of a member is held against.

    Attributes:
        receipt: The receipt of the inquiry.
        consent: The consent that the report rests on.
        keys: Keys of members, proved by the log, by member id; those of the member that
            asked, and of the one that attested the subject's key, among them.
        portfolio: The place of a portfolio's report; None for the report of an inquiry.
    """

    receipt: Receipt
    consent: ConsentProof
    keys: Mapping[str, Iterable[LoggedKey]]
    portfolio: PortfolioProof | None = None


def check_report(
    envelope: Envelope, request: Envelope, proof: ReportProof | None, trust: Trust
) -> Report:
    """Verify a report against its request, and against the consent that allows it.

    Nothing is taken from the report itself: member, subject and purpose come from the signed
    request, sections, kinds of facility and months of history from the signed consent.

    Args:
        envelope: The signed report.
        request: The signed inquiry, portfolio inquiry or subject's request.
        proof: The proof of an inquiry; a subject's request is not logged and has none.
        trust: The bureau's pinned keys.

    Returns:
        The report.

    Raises:
        UnknownReportKey: None of the report's signatures names a pinned report key.
        WrongAnswer: The report answers another request, or is not well formed.
        Contradiction: The log records another answer to this request.
        KeysError: A signature, the encoding, the receipt or the consent does not verify.
    """
    # 1. The bureau signed the report, for this request.
    report = _check_signature(envelope, trust)
    _check_equal("signer", report.header.signer, BUREAU)
    _check_equal("audience", report.header.audience, trust.origin)
    _check_equal("request digest", report.request_digest.hex(), digest(request).hex())
    inquiry = open_envelope(request, _type_of(request))
    asked = inquiry.message
    _check_equal("request id", report.header.request_id, asked.header.request_id)
    check_shape(report)
    # 2. The report is about what the request names.
    if isinstance(asked, SubjectRequest):
        _check_equal("subject", subject_signer(report.subject_id), asked.header.signer)
        _check_purpose(report.purpose, PURPOSE_SUBJECT_DISCLOSURE)
        _check_equal("member", report.member_id, "")
        return report
    _check_equal("member", member_signer(report.member_id), asked.header.signer)
    _check_purpose(report.purpose, asked.purpose)
    if proof is None:
        raise BadProof("the receipt of the inquiry is missing")
    receipt = proof.receipt
    # 3. The inquiry is in the log.
    if isinstance(asked, Inquiry):
        _check_equal("subject", report.subject_id, asked.subject_id)
        check_logged(receipt, inquiry.digest, trust, "inquiry")
        if proof.portfolio is not None:
            raise WrongAnswer("the report has a place in a portfolio, and answers one inquiry")
        if receipt.answer_digest != hashlib.sha256(envelope.payload).digest():
            raise Contradiction(
                f"the log records another answer to the inquiry at leaf {receipt.leaf_index}"
            )
    else:
        if asked.subject_ids and report.subject_id not in asked.subject_ids:
            raise WrongAnswer(f"the inquiry does not name subject {report.subject_id}")
        check_logged(receipt, inquiry.digest, trust, "portfolio-inquiry")
        if proof.portfolio is None:
            raise BadProof("the report's place in the portfolio is missing")
        check_portfolio_report(receipt, envelope.payload, proof.portfolio)
    # 4. The member itself asked.
    _check_asked(inquiry, proof)
    # 5. The subject consented to what the report holds.
    consent = check_consent(proof.consent, proof.keys, trust)
    if isinstance(asked, Inquiry) and asked.consent_id != consent.arrangement_id:
        _check_equal("consent", report.consent_id, asked.consent_id)
    check_scope(report, consent, receipt)
    if proof.consent.consent.receipt.leaf_index >= receipt.leaf_index:
        raise BadProof("the consent was logged after the inquiry")
    return report


def _check_asked(inquiry: OpenedEnvelope[Request], proof: ReportProof) -> None:
    """Check that a key of the member signed the inquiry that counted at the inquiry's leaf."""
    member_id, index = member_id_of(inquiry.message.header.signer), proof.receipt.leaf_index
    counting = keys_at(proof.keys.get(member_id, ()), index)
    if not counting:
        raise BadProof(f"the keys of {member_id}, which asked, are missing")
    inquiry.verify(counting)


def _check_signature(envelope: Envelope, trust: Trust) -> Report:
    pinned = {key.key_id: key for key in map(VerifyKey.from_raw, trust.report_keys)}
    if not pinned.keys() & {signature.keyid for signature in envelope.signatures}:
        raise UnknownReportKey("the report is signed by a key that this profile does not have")
    report, _ = verify_envelope(envelope, Report, pinned)
    return report


def _check_purpose(purpose: int, expected: int) -> None:
    known = Purpose.DESCRIPTOR.values_by_number
    if purpose not in known:
        raise WrongAnswer(f"the report's purpose {purpose} is not in the contract")
    if purpose != expected:
        asked = known[expected].name if expected in known else expected
        raise WrongAnswer(f"the report's purpose is {known[purpose].name}, expected {asked}")


def _check_equal(field: str, value: str, expected: str) -> None:
    if value != expected:
        raise WrongAnswer(
            f"the report's {field} is {value or 'missing'}, expected {expected or 'none'}"
        )
