"""Checks that consent requests and their answers are what their signers signed.

The answer follows from signed statements, and so does the state of a request that has one.
PENDING and EXPIRED follow from the time. Of a request whose words were erased, the rest is the
bureau's word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from bureau_keys.consent_checks import verify_consent
from bureau_keys.consent_terms import state_by
from bureau_keys.envelope import payload_type_of, peek, verify_envelope
from bureau_keys.errors import BadProof, WrongAnswer
from bureau_keys.key_history import keys_at
from bureau_keys.profile import Trust
from bureau_keys.receipt_checks import check_receipt
from bureau_keys.signer_name import member_id_of, member_signer, subject_signer
from bureau_keys.subject_keys import (
    MemberKeys,
    SubjectKeys,
    attesters_of,
    check_header,
    prove_subject_keys,
    signing_key,
)
from creditbureau.v1 import consent_request_pb2
from creditbureau.v1.consent_pb2 import Consent
from creditbureau.v1.consent_request_pb2 import (
    ConsentRequest,
    ConsentRequestDecline,
    ConsentRequestView,
    ConsentRequestWithdrawal,
)
from creditbureau.v1.members_pb2 import LoggedStatement

Answer: TypeAlias = Consent | ConsentRequestDecline | ConsentRequestWithdrawal

PENDING = consent_request_pb2.CONSENT_REQUEST_STATE_PENDING
DECLINED = consent_request_pb2.CONSENT_REQUEST_STATE_DECLINED
EXPIRED = consent_request_pb2.CONSENT_REQUEST_STATE_EXPIRED
WITHDRAWN = consent_request_pb2.CONSENT_REQUEST_STATE_WITHDRAWN
CONSENT, DECLINE = payload_type_of(Consent), payload_type_of(ConsentRequestDecline)
# Microseconds by which an answer's leaf may pass the end of its request: a node judges the
# request by its own clock, a moment before the entry is written.
TOLERANCE_US = 120_000_000


class CheckedRequest(NamedTuple):
    """A consent request, and what its answer leads to.

    Attributes:
        request: The request as its member signed it; without words if they were erased.
        member_id: The member that asks.
        state: The state by the statements: PENDING without an answer.
        change_us: Time of the answer in the log, without one of the request; microseconds
            since 1970 UTC.
        answer: The answer; None without one, and for a decline whose words were erased.
        proved: False if a statement was erased: what it said is the bureau's word.
    """

    request: ConsentRequest
    member_id: str
    state: int
    change_us: int
    answer: Answer | None
    proved: bool

    def state_at(self, now_us: int) -> int:
        """Return the ConsentRequestState at a time."""
        return state_at(self.state, self.request.expire_time.ToMicroseconds(), now_us)


def state_at(state: int, expire_us: int, now_us: int) -> int:
    """Return the ConsentRequestState at a time.

    Args:
        state: The state by the statements: PENDING without an answer.
        expire_us: Time until which the request can be answered.
    """
    return EXPIRED if state == PENDING and now_us >= expire_us else state


def request_signers(
    views: Iterable[ConsentRequestView], keys: Iterable[LoggedStatement]
) -> set[str]:
    """Return the members whose keys check consent requests: their signers, and attesters of the
    subjects' keys.

    Raises:
        KeysError: A statement is not of its kind.
    """
    signers = {
        peek(view.request.envelope, ConsentRequest).header.signer
        for view in views
        if view.request.HasField("envelope")
    }
    return attesters_of(keys) | {name for signer in signers if (name := member_id_of(signer))}


def check_requests(
    views: Iterable[ConsentRequestView],
    keys: Iterable[LoggedStatement],
    members: MemberKeys,
    trust: Trust,
) -> Iterator[CheckedRequest]:
    """Yield consent requests, each signed by its member, in the state that its answer leads to.

    Args:
        views: Requests of one reply of the bureau.
        keys: The statements in the reply that bind keys to the subjects.
        members: Keys of `request_signers`, proved by the log, by member id.
        trust: The log's origin and key.

    Raises:
        KeysError: A statement is not in the log, or not signed by its signer; an answer is
            another request's, or a consent wider than its request; or the shown state
            contradicts the statements.
    """
    bound = prove_subject_keys(keys, members, trust)
    for view in views:
        yield _checked(view, bound, members, trust)


def _checked(
    view: ConsentRequestView, keys: SubjectKeys, members: MemberKeys, trust: Trust
) -> CheckedRequest:
    request, proved = _request(view, members, trust)
    member_id = member_id_of(request.header.signer)
    change_us = view.request.receipt.log_time.ToMicroseconds()
    checked = CheckedRequest(request, member_id, PENDING, change_us, None, proved)
    if view.HasField("answer"):
        checked = _answered(view, checked, keys, members, trust)
    allowed = {PENDING, EXPIRED} if checked.state == PENDING else {checked.state}
    if view.state not in allowed:
        raise WrongAnswer(
            f"consent request {view.consent_request_id} is shown as {_name(view.state)}, the "
            f"statements make it {_name(checked.state)}"
        )
    return checked


def _request(
    view: ConsentRequestView, members: MemberKeys, trust: Trust
) -> tuple[ConsentRequest, bool]:
    """Return a request, and True if its member signed it as it is shown."""
    envelope, receipt = view.request.envelope, view.request.receipt
    what = f"consent request {view.consent_request_id}"
    if view.request.HasField("envelope"):
        request = peek(envelope, ConsentRequest)
        member_id = member_id_of(request.header.signer)
        check_receipt(receipt, envelope, trust, "consent-request")
        counting = keys_at(members.get(member_id, ()), receipt.leaf_index)
        verify_envelope(envelope, ConsentRequest, counting)
        check_header(request.header, member_signer(member_id), trust, what)
    elif view.HasField("erased_request"):
        request = view.erased_request
        if request.text:
            raise BadProof(f"{what} is shown with words and without its statement")
    else:
        raise BadProof(f"the statement of {what} is missing")
    if request.header.request_id != view.consent_request_id:
        raise WrongAnswer(f"consent request {request.header.request_id} is shown as {what}")
    return request, view.request.HasField("envelope")


def _answered(
    view: ConsentRequestView,
    checked: CheckedRequest,
    keys: SubjectKeys,
    members: MemberKeys,
    trust: Trust,
) -> CheckedRequest:
    """Return a request with its answer, verified."""
    logged, request = view.answer, checked.request
    envelope, receipt = logged.envelope, logged.receipt
    what = f"the answer to consent request {view.consent_request_id}"
    time_us = receipt.log_time.ToMicroseconds()
    if receipt.leaf_index <= view.request.receipt.leaf_index:
        raise BadProof(f"{what} comes before it")
    if time_us >= request.expire_time.ToMicroseconds() + TOLERANCE_US:
        raise BadProof(f"{what} comes after its end")
    checked = checked._replace(change_us=time_us)
    if not logged.HasField("envelope"):
        if receipt.kind != "consent-request-decline":
            raise BadProof(f"the statement of {what} is missing")
        return checked._replace(state=DECLINED, proved=False)
    subject_id = request.subject_id
    answer: Answer
    if envelope.payload_type == CONSENT:
        answer = verify_consent(logged, keys, trust)
        if (answer.subject_id, answer.grantee) != (subject_id, checked.member_id):
            raise WrongAnswer(f"{what} is of another subject, or for another member")
        state = state_by(answer, request)
    elif envelope.payload_type == DECLINE:
        answer = peek(envelope, ConsentRequestDecline)
        key = signing_key(keys, subject_id, envelope, receipt.leaf_index, what)
        check_receipt(receipt, envelope, trust, "consent-request-decline")
        verify_envelope(envelope, ConsentRequestDecline, {key.key.key_id: key.key})
        check_header(answer.header, subject_signer(subject_id), trust, what)
        state = DECLINED
    else:
        answer = peek(envelope, ConsentRequestWithdrawal)
        check_receipt(receipt, envelope, trust, "consent-request-withdrawal")
        counting = keys_at(members.get(checked.member_id, ()), receipt.leaf_index)
        verify_envelope(envelope, ConsentRequestWithdrawal, counting)
        check_header(answer.header, member_signer(checked.member_id), trust, what)
        if answer.subject_id != subject_id:
            raise WrongAnswer(f"{what} is about another subject")
        state = WITHDRAWN
    if answer.consent_request_id != view.consent_request_id:
        raise WrongAnswer(f"{what} answers {answer.consent_request_id!r}")
    return checked._replace(state=state, answer=answer)


def _name(state: int) -> str:
    values = consent_request_pb2.ConsentRequestState.DESCRIPTOR.values_by_number
    if state not in values:
        return str(state)
    return values[state].name.removeprefix("CONSENT_REQUEST_STATE_")
