"""Checks that each notice to a subject was caused by a statement in the log.

Where the statement is shown, its signer, its key or its accounts are those of the notice. A
statement that is about others, too, is proved by its digest: then the member and the tradeline
of the notice are the bureau's word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple, get_args

from google.protobuf.timestamp_pb2 import Timestamp

from bureau_keys.entry_kinds import EntryKind
from bureau_keys.envelope import digest, payload_type_of, peek, verify_envelope
from bureau_keys.errors import BadProof, WrongAnswer
from bureau_keys.event_checks import subjects_of
from bureau_keys.key_history import keys_at
from bureau_keys.profile import Trust
from bureau_keys.receipt_checks import check_logged
from bureau_keys.signer_name import member_id_of, member_signer, subject_signer
from bureau_keys.signing import VerifyKey
from bureau_keys.subject_keys import (
    MemberKeys,
    SubjectKeys,
    attesters_of,
    bound_before,
    check_header,
    prove_subject_keys,
    signing_key,
)
from creditbureau.v1 import notice_pb2
from creditbureau.v1.complaint_pb2 import (
    ComplaintAnswer,
    ComplaintDecision,
    ComplaintEscalation,
    ComplaintOpening,
)
from creditbureau.v1.consent_event_pb2 import DeletionConfirmation
from creditbureau.v1.consent_pb2 import Consent, ConsentChange
from creditbureau.v1.consent_request_pb2 import ConsentRequest, ConsentRequestWithdrawal
from creditbureau.v1.decision_pb2 import DecisionReceipt
from creditbureau.v1.dispute_pb2 import DisputeAnswer, DisputeOpening
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.erasure_pb2 import Erasure
from creditbureau.v1.hold_pb2 import HoldLift, HoldPlacement
from creditbureau.v1.members_pb2 import LoggedStatement
from creditbureau.v1.notice_pb2 import Notice, NoticeCause
from creditbureau.v1.reporting_pb2 import Inquiry, PortfolioInquiry, Replay
from creditbureau.v1.subjects_pb2 import (
    KeyApproval,
    KeyAttestation,
    KeyBinding,
    KeyRepudiation,
    KeyRotation,
)

Cause = (
    ComplaintAnswer
    | ComplaintDecision
    | ComplaintEscalation
    | ComplaintOpening
    | Consent
    | ConsentChange
    | ConsentRequest
    | ConsentRequestWithdrawal
    | DecisionReceipt
    | DeletionConfirmation
    | DisputeAnswer
    | DisputeOpening
    | Erasure
    | HoldLift
    | HoldPlacement
    | Inquiry
    | KeyApproval
    | KeyAttestation
    | KeyRepudiation
    | KeyRotation
    | PortfolioInquiry
    | Replay
)
CAUSES: dict[str, type[Cause]] = {payload_type_of(kind): kind for kind in get_args(Cause)}
# Kinds of the entries that cause each kind of notice.
CAUSED_BY: dict[int, tuple[EntryKind, ...]] = {
    notice_pb2.NOTICE_KIND_ADVERSE_DATA: ("submission",),
    notice_pb2.NOTICE_KIND_DECISION: ("decision",),
    notice_pb2.NOTICE_KIND_DISPUTE: ("dispute-answer",),
    notice_pb2.NOTICE_KIND_REINSERTION: ("submission", "dispute-answer"),
    notice_pb2.NOTICE_KIND_KEY_REPLACED: ("attestation", "key-rotation", "key-approval"),
    notice_pb2.NOTICE_KIND_ERASURE: ("erasure",),
    notice_pb2.NOTICE_KIND_KEY_PENDING: ("attestation",),
    notice_pb2.NOTICE_KIND_KEY_REPUDIATED: ("key-repudiation",),
    notice_pb2.NOTICE_KIND_COMPLAINT: ("complaint-answer", "complaint-decision"),
    notice_pb2.NOTICE_KIND_INQUIRY: ("inquiry", "portfolio-inquiry"),
    notice_pb2.NOTICE_KIND_INQUIRY_DENIED: ("inquiry-denial", "portfolio-inquiry"),
    notice_pb2.NOTICE_KIND_REPLAY: ("replay",),
    notice_pb2.NOTICE_KIND_NEW_ACCOUNT: ("submission",),
    notice_pb2.NOTICE_KIND_LINE_FROZEN: ("submission",),
    notice_pb2.NOTICE_KIND_LINE_RESTORED: ("submission",),
    notice_pb2.NOTICE_KIND_LIMIT_CHANGED: ("submission",),
    notice_pb2.NOTICE_KIND_LINE_CLOSED: ("submission",),
    notice_pb2.NOTICE_KIND_CONSENT_GRANTED: ("consent",),
    notice_pb2.NOTICE_KIND_CONSENT_CHANGED: ("consent-change",),
    notice_pb2.NOTICE_KIND_CONSENT_USED_UP: ("inquiry", "portfolio-inquiry", "replay"),
    notice_pb2.NOTICE_KIND_CONSENT_ENDING: ("consent",),
    notice_pb2.NOTICE_KIND_CONSENT_REQUEST: ("consent-request",),
    notice_pb2.NOTICE_KIND_CONSENT_REQUEST_WITHDRAWN: ("consent-request-withdrawal",),
    notice_pb2.NOTICE_KIND_CONSENT_REQUEST_ENDING: ("consent-request",),
    notice_pb2.NOTICE_KIND_HOLD_PLACED: ("hold",),
    notice_pb2.NOTICE_KIND_HOLD_LIFTED: ("hold-lift",),
    notice_pb2.NOTICE_KIND_DELETION_CONFIRMED: ("deletion",),
    notice_pb2.NOTICE_KIND_DELETION_MISSING: ("consent",),
    notice_pb2.NOTICE_KIND_LIMIT_LOWERED: ("submission",),
    notice_pb2.NOTICE_KIND_LIMIT_RAISED: ("submission",),
    notice_pb2.NOTICE_KIND_DISPUTE_OVERDUE: ("dispute",),
    notice_pb2.NOTICE_KIND_COMPLAINT_OVERDUE: ("complaint",),
    notice_pb2.NOTICE_KIND_COMPLAINT_UNDECIDED: ("complaint-escalation",),
}
# Kinds of notices that a deadline passed.
OVERDUE: frozenset[int] = frozenset(
    {
        notice_pb2.NOTICE_KIND_DISPUTE_OVERDUE,
        notice_pb2.NOTICE_KIND_COMPLAINT_OVERDUE,
        notice_pb2.NOTICE_KIND_COMPLAINT_UNDECIDED,
    }
)
# Kinds of notices that come by the clock.
DUE: frozenset[int] = frozenset(
    {
        notice_pb2.NOTICE_KIND_CONSENT_ENDING,
        notice_pb2.NOTICE_KIND_CONSENT_REQUEST_ENDING,
        notice_pb2.NOTICE_KIND_DELETION_MISSING,
        *OVERDUE,
    }
)
# A decimal number has one spelling, and fits into 64 bits.
NOTICE_ID = re.compile(r"(0|[1-9][0-9]{0,17})-(0|[1-9][0-9]{0,17})", re.ASCII)
DUE_ID = re.compile(r"due-([1-9][0-9]{0,17})-([1-9][0-9]?)-([0-9a-f-]{36})", re.ASCII)
# The kinds of causes that have words, which can be erased.
ERASABLE: frozenset[EntryKind] = frozenset(
    {
        *("complaint-answer", "complaint-decision", "dispute-answer"),
        *("complaint", "complaint-escalation", "consent-change", "consent-request", "dispute"),
    }
)


def causes_signed_by(causes: Iterable[NoticeCause], keys: Iterable[LoggedStatement]) -> set[str]:
    """Return the members whose keys check causes, attesters of the subject's keys among them.

    Raises:
        KeysError: A statement is not of its kind.
    """
    signers = (_read(cause.statement).header.signer for cause in causes if _is_shown(cause))
    return attesters_of(keys) | {name for signer in signers if (name := member_id_of(signer))}


def check_notices(
    notices: Sequence[Notice],
    causes: Sequence[NoticeCause],
    keys: Iterable[LoggedStatement],
    members: MemberKeys,
    subject_id: str,
    trust: Trust,
) -> None:
    """Check that every notice is what its cause in the log says.

    Args:
        notices: Notices to the subject, of one reply of the bureau.
        causes: The cause of each.
        keys: The statements in the reply that bind keys to the subject.
        members: Keys of `causes_signed_by`, proved by the log, by member id.
        trust: The log's origin and key.

    Raises:
        KeysError: A cause is not in the log, not signed by its signer, or not the notice's.
    """
    if len(notices) != len(causes):
        raise WrongAnswer(f"{len(notices)} notices come with {len(causes)} causes")
    bound = prove_subject_keys(keys, members, trust)
    for notice, cause in zip(notices, causes, strict=True):
        _check_logged(notice, cause, trust)
        if _is_shown(cause):
            statement = _read(cause.statement)
            _check_signature(statement, cause, bound, members, subject_id, trust)
            for problem in _contradictions(notice, statement, subject_id):
                raise WrongAnswer(f"notice {notice.notice_id} is not its cause: {problem}")


def is_erased(cause: NoticeCause) -> bool:
    """Return True if a notice is the bureau's word alone: its cause was erased."""
    return not _is_shown(cause) and not cause.digest


def _is_shown(cause: NoticeCause) -> bool:
    return cause.HasField("statement")


def _read(envelope: Envelope) -> Cause:
    return peek(envelope, CAUSES.get(envelope.payload_type, KeyAttestation))


class NoticePlace(NamedTuple):
    """The place that the id of a notice names; the places of one subject's notices sort by time.

    Attributes:
        leaf_index: Leaf of its cause; -1 for one that comes by the clock.
        number: Its number among those of the leaf; its kind for one that comes by the clock.
        about_id: What one that comes by the clock is about; otherwise empty.
        time_us: Time of one that comes by the clock; otherwise 0.
    """

    leaf_index: int
    number: int
    about_id: str = ""
    time_us: int = 0


def place_of(notice_id: str) -> NoticePlace:
    """Return the place that the id of a notice names.

    Raises:
        WrongAnswer: It is not the id of a notice: two decimal numbers with a dash between, or
            `due`, a time, a kind and an id.
    """
    if match := NOTICE_ID.fullmatch(notice_id):
        return NoticePlace(int(match[1]), int(match[2]))
    if match := DUE_ID.fullmatch(notice_id):
        return NoticePlace(-1, int(match[2]), match[3], int(match[1]))
    raise WrongAnswer(f"{notice_id[:40]!r} is not the id of a notice")


def about_of(envelope: Envelope) -> str:
    """Return the id of what a statement is about, as its notice has it; empty for none.

    Raises:
        KeysError: The envelope has another payload than its type says.
    """
    return _about(_read(envelope))


def _about(statement: Cause) -> str:
    if isinstance(statement, ComplaintAnswer | ComplaintDecision | ComplaintEscalation):
        return statement.complaint_id
    if isinstance(statement, DisputeAnswer):
        return statement.dispute_id
    if isinstance(statement, ConsentChange | DeletionConfirmation):
        return statement.consent_id
    if isinstance(statement, ConsentRequestWithdrawal):
        return statement.consent_request_id
    if isinstance(statement, HoldLift):
        return statement.hold_id
    if isinstance(statement, Replay):
        return statement.inquiry_id
    named = Consent | ConsentRequest | DecisionReceipt | HoldPlacement | Inquiry | PortfolioInquiry
    opened = ComplaintOpening | DisputeOpening
    return statement.header.request_id if isinstance(statement, named | opened) else ""


def _check_logged(notice: Notice, cause: NoticeCause, trust: Trust) -> None:
    receipt, position = cause.receipt, place_of(notice.notice_id)
    if (position.leaf_index < 0) != (notice.kind in DUE):
        raise WrongAnswer(f"notice {notice.notice_id} is of another kind than its id says")
    deadline = notice.due_time if notice.HasField("due_time") else None
    if deadline != (notice.create_time if notice.kind in OVERDUE else None):
        raise WrongAnswer(f"notice {notice.notice_id} names another deadline than its time")
    if position.leaf_index < 0:
        _check_due(notice, cause, position)
    elif position.leaf_index != receipt.leaf_index or notice.create_time != receipt.log_time:
        raise WrongAnswer(f"notice {notice.notice_id} comes with leaf {receipt.leaf_index}")
    kinds = CAUSED_BY.get(notice.kind, ())
    if receipt.kind not in kinds:
        raise WrongAnswer(f"notice {notice.notice_id} is caused by {receipt.kind or 'no entry'}")
    if is_erased(cause):
        if receipt.kind not in ERASABLE:
            raise BadProof(f"the cause of notice {notice.notice_id} is missing")
        return
    statement_digest = digest(cause.statement) if _is_shown(cause) else cause.digest
    kind = next(kind for kind in kinds if kind == receipt.kind)
    check_logged(receipt, statement_digest, trust, kind)


def _check_due(notice: Notice, cause: NoticeCause, position: NoticePlace) -> None:
    """Check that a notice that comes by the clock is what its id says, after its cause."""
    named = notice.create_time.ToMicroseconds(), notice.kind, notice.about_id
    if named != (position.time_us, position.number, position.about_id):
        raise WrongAnswer(f"notice {notice.notice_id} is not the one that its id names")
    if notice.create_time.ToMicroseconds() < cause.receipt.log_time.ToMicroseconds():
        raise WrongAnswer(f"notice {notice.notice_id} is of before its cause")


def _check_signature(
    statement: Cause,
    cause: NoticeCause,
    keys: SubjectKeys,
    members: MemberKeys,
    subject_id: str,
    trust: Trust,
) -> None:
    envelope, index, what = cause.statement, cause.receipt.leaf_index, "the cause of the notice"
    member_id = member_id_of(statement.header.signer)
    if member_id:
        signers = keys_at(members.get(member_id, ()), index)
    elif isinstance(statement, KeyApproval | KeyRepudiation | KeyRotation):
        signing = signing_key(keys, subject_id, envelope, index, what)
        signers = {signing.key.key_id: signing.key}
    else:
        signers = bound_before(keys, subject_id, index)
    verify_envelope(envelope, type(statement), signers)
    signer = member_signer(member_id) if member_id else subject_signer(subject_id)
    check_header(statement.header, signer, trust, what)


def _contradictions(notice: Notice, statement: Cause, subject_id: str) -> Iterable[str]:
    """Yield what a notice says otherwise than its cause."""
    signer = member_id_of(statement.header.signer)
    # The agent that carries a subject's own statement is the bureau's word.
    if signer and notice.member_id != signer:
        yield f"member {signer} signed it, not {notice.member_id}"
    key_id = ""
    if isinstance(statement, KeyAttestation | KeyRotation):
        binding = peek(statement.binding, KeyBinding)
        key_id = VerifyKey.from_raw(binding.public_key).key_id
    elif isinstance(statement, KeyApproval | KeyRepudiation):
        key_id = statement.key_id
    elif isinstance(statement, DecisionReceipt):
        if notice.tradeline_id != statement.tradeline_id:
            yield f"it is about tradeline {statement.tradeline_id!r}"
    elif isinstance(statement, Erasure):
        erased = {account.tradeline_id for account in statement.accounts} or {""}
        if notice.tradeline_id not in erased:
            yield f"it does not erase tradeline {notice.tradeline_id!r}"
    elif isinstance(statement, DisputeOpening):
        if notice.tradeline_id != statement.tradeline_id:
            yield f"it is about tradeline {statement.tradeline_id!r}"
    elif isinstance(statement, ComplaintOpening):
        if notice.member_id != statement.member_id:
            yield f"the complaint is about member {statement.member_id}"
    elif isinstance(statement, Consent) and notice.member_id != statement.grantee:
        yield f"the consent is for member {statement.grantee}"
    # A dispute's answer names the dispute alone: that it is the subject's is the bureau's word.
    named = subjects_of(statement)
    if named and subject_id not in named:
        yield f"it is about subject {min(named)}"
    if notice.key_id != key_id:
        yield f"it is about key {key_id!r}, not {notice.key_id!r}"
    if notice.about_id != _about_id(notice, statement):
        yield f"it is about {_about_id(notice, statement)!r}, not {notice.about_id!r}"
    if notice.HasField("act_by_time") and notice.act_by_time != _end(statement):
        yield "it ends at another time"


def _about_id(notice: Notice, statement: Cause) -> str:
    """Return the id that a notice must be about. An inquiry names a consent or its arrangement, a
    replay none: which consent it used up is the bureau's word.
    """
    is_used_up = notice.kind == notice_pb2.NOTICE_KIND_CONSENT_USED_UP
    return notice.about_id if is_used_up else _about(statement)


def _end(statement: Cause) -> Timestamp | None:
    """Return the end of a consent, or of a request for one; None for other statements."""
    return statement.expire_time if isinstance(statement, Consent | ConsentRequest) else None
