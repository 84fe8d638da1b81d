"""Checks that a member signed what a list of inquiries says of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from bureau_keys.denial import denial_digest
from bureau_keys.entry_kinds import EntryKind
from bureau_keys.envelope import payload_type_of, verify_envelope
from bureau_keys.errors import WrongAnswer
from bureau_keys.key_history import LoggedKey, keys_at
from bureau_keys.profile import Trust
from bureau_keys.receipt_checks import check_logged, check_receipt
from bureau_keys.signer_name import member_signer
from creditbureau.v1 import codes_pb2, report_pb2
from creditbureau.v1.members_pb2 import LoggedStatement
from creditbureau.v1.report_pb2 import InquiryLine
from creditbureau.v1.reporting_pb2 import Inquiry, PortfolioInquiry, Replay

Asked: TypeAlias = Inquiry | PortfolioInquiry | Replay
# The kinds of entries that an inquiry of an outcome can have.
KINDS: dict[int, dict[EntryKind, type[Asked]]] = {
    report_pb2.INQUIRY_OUTCOME_REPORTED: {
        "inquiry": Inquiry,
        "portfolio-inquiry": PortfolioInquiry,
    },
    report_pb2.INQUIRY_OUTCOME_NO_HIT: {"inquiry": Inquiry, "portfolio-inquiry": PortfolioInquiry},
    report_pb2.INQUIRY_OUTCOME_DENIED: {"inquiry-denial": Inquiry},
    report_pb2.INQUIRY_OUTCOME_REPLAYED: {"replay": Replay},
}
# The only kind of statement that names several subjects, and comes to one of them as its digest.
SHARED: EntryKind = "portfolio-inquiry"
PORTFOLIO_PURPOSES = {codes_pb2.PURPOSE_ACCOUNT_REVIEW, codes_pb2.PURPOSE_COLLECTION}
# Microseconds between the time that a line shows, which is a node's, and that of its leaf.
TOLERANCE_US = 120_000_000


def check_inquiry_line(
    line: InquiryLine,
    logged: LoggedStatement,
    subject_id: str,
    keys: Iterable[LoggedKey],
    trust: Trust,
) -> bool:
    """Check that a member signed the inquiry, or the replay, that a line shows.

    Proves who asked, about whom, under which consent, when, and why it was denied. Kind,
    and the purpose of a replay, are the bureau's word. Of a portfolio's inquiry that comes as
    its digest the kind of entry and the time are proved; of one that names no subject, all but
    that it is about this one.

    Args:
        logged: What the member signed, or its digest, with its receipt.
        subject_id: The subject whom the line is about.
        keys: The member's keys, proved by the log.
        trust: The log's origin and key.

    Returns:
        True if the member signed a statement that names the subject.

    Raises:
        WrongAnswer: The line says other than what was signed.
        KeysError: The statement is not in the log, or the member did not sign it.
    """
    receipt, envelope = logged.receipt, logged.envelope
    asked: Asked | None = None
    if logged.HasField("envelope"):
        kind, payload = _kind_of(line, logged)
        check_receipt(receipt, envelope, trust, kind)
        asked, _ = verify_envelope(envelope, payload, keys_at(keys, receipt.leaf_index))
    elif SHARED in KINDS.get(line.outcome, {}):
        check_logged(receipt, logged.digest, trust, SHARED)
    else:
        raise WrongAnswer(f"inquiry {line.inquiry_id} comes without its statement")
    for problem in _problems(line, asked, logged, subject_id, trust):
        raise WrongAnswer(f"inquiry {line.inquiry_id} is not what was signed: {problem}")
    if isinstance(asked, PortfolioInquiry):
        return subject_id in asked.subject_ids
    return asked is not None


def _kind_of(line: InquiryLine, logged: LoggedStatement) -> tuple[EntryKind, type[Asked]]:
    for kind, payload in KINDS.get(line.outcome, {}).items():
        if payload_type_of(payload) == logged.envelope.payload_type:
            return kind, payload
    raise WrongAnswer(
        f"inquiry {line.inquiry_id} has outcome {line.outcome}, its statement is "
        f"{logged.envelope.payload_type[:80]!r}"
    )


def _problems(
    line: InquiryLine, asked: Asked | None, logged: LoggedStatement, subject_id: str, trust: Trust
) -> Iterator[str]:
    receipt = logged.receipt
    if line.leaf_index != receipt.leaf_index:
        yield f"it is leaf {receipt.leaf_index}, the line shows {line.leaf_index}"
    if abs(line.create_time.ToMicroseconds() - receipt.log_time.ToMicroseconds()) > TOLERANCE_US:
        yield "its leaf has another time"
    denied = line.outcome == report_pb2.INQUIRY_OUTCOME_DENIED
    if denied != bool(line.denial_reason):
        yield f"the reason of its denial is {line.denial_reason or 'missing'}"
    if denied and receipt.answer_digest != denial_digest(line.denial_reason):
        yield f"its leaf covers another reason than {line.denial_reason}"
    if asked is not None:
        yield from _contradictions(line, asked, subject_id, trust)
    elif line.purpose not in PORTFOLIO_PURPOSES:
        yield f"a portfolio's inquiry has not purpose {line.purpose}"


def _contradictions(
    line: InquiryLine, asked: Asked, subject_id: str, trust: Trust
) -> Iterator[str]:
    """Yield what a line says otherwise than the statement."""
    header = asked.header
    if (header.signer, header.audience) != (member_signer(line.member_id), trust.origin):
        yield f"{header.signer} signed it, for {header.audience}"
    request_id = asked.inquiry_id if isinstance(asked, Replay) else header.request_id
    if line.inquiry_id != request_id:
        yield f"it names inquiry {request_id}"
    if not isinstance(asked, Replay) and line.purpose != asked.purpose:
        yield f"its purpose is {asked.purpose}, the line shows {line.purpose}"
    if isinstance(asked, PortfolioInquiry):
        if asked.subject_ids and subject_id not in asked.subject_ids:
            yield f"it does not name subject {subject_id}"
    elif asked.subject_id != subject_id:
        yield f"it is about subject {asked.subject_id}"
    elif isinstance(asked, Inquiry) and asked.consent_id != (
        line.arrangement_id or line.consent_id
    ):
        yield f"it rests on consent {asked.consent_id}"
