"""Consent requests: made, followed and withdrawn by members; granted and declined by subjects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bureau_client._codec.consent_requests import read_request
from bureau_client._codec.scalars import duration_of, timestamp_of
from bureau_client._operations import arguments, consents, methods
from bureau_client._operations.context import SigningContext
from bureau_client._operations.members import check_with_members
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.pages import DISORDER, Order, as_it_is, collect
from bureau_client._operations.receipts import verify_receipt_and_witnesses
from bureau_client._operations.subject_requests import subject_request
from bureau_client.errors import InvalidRequest, NotFound, VerificationFailed
from bureau_client.models.codes import (
    Action,
    ConsentMode,
    ConsentRequestState,
    PortfolioType,
    Purpose,
    Section,
)
from bureau_client.models.consent_requests import ConsentRequest
from bureau_client.models.consents import Consent, Frequency
from bureau_client.models.members import Vouched
from bureau_client.models.violations import Violation
from bureau_client.verify.checks import TELL, check_equal, verifying
from bureau_client.verify.evidence import logged_keys_of
from bureau_keys.consent_request_checks import CheckedRequest, check_requests, request_signers
from bureau_keys.consent_terms import asked_for, compare
from bureau_keys.envelope import peek, seal
from bureau_keys.signer_name import member_signer, subject_signer
from creditbureau.v1 import consent_pb2, consent_request_pb2, consents_pb2
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.members_pb2 import LoggedStatement

LABEL = "The list of consent requests"
NEWEST_FIRST = Order[ConsentRequest](
    name=lambda request: request.consent_request_id, time=lambda request: request.create_time
)

# What a request asks for, and for whom. Its words may be erased after the subject read it.
TERMS = (
    *("member_id", "subject_id", "actions", "purposes", "sections", "portfolio_types"),
    *("history_months", "period", "expire_time", "max_uses", "frequency", "data_life", "mode"),
)


def request_consent(
    context: SigningContext,
    subject_id: str,
    *,
    actions: Sequence[Action],
    purposes: Sequence[Purpose],
    sections: Sequence[Section],
    text: str,
    period: timedelta,
    expire: datetime | timedelta,
    portfolio_types: Sequence[PortfolioType],
    history_months: int,
    max_uses: int,
    frequency: Frequency | None,
    mode: ConsentMode,
    data_life: timedelta,
) -> Operation[ConsentRequest]:
    """Sign a request for a consent and submit it."""
    header = context.signer.header()
    if not actions:
        raise arguments.refuse("actions", "INVALID_FIELD", "must name at least one Action")
    if not text:
        message = "must say in words why the consent is asked for"
        raise arguments.refuse("text", "INVALID_FIELD", message)
    end = context.clock() + expire if isinstance(expire, timedelta) else expire
    request = consent_request_pb2.ConsentRequest(
        header=header,
        subject_id=arguments.subject_id(subject_id),
        actions=map(int, actions),  # type: ignore[arg-type]
        purposes=map(int, purposes),  # type: ignore[arg-type]
        sections=map(int, sections),  # type: ignore[arg-type]
        portfolio_types=map(int, portfolio_types),  # type: ignore[arg-type]
        history_months=history_months,
        period=duration_of(period),
        expire_time=timestamp_of(end),
        max_uses=max_uses,
        data_life=duration_of(data_life) if data_life else None,
        mode=arguments.code(mode, "mode"),  # type: ignore[arg-type]
        text=text,
    )
    if frequency is not None:
        request.frequency.unit = int(frequency.unit)  # type: ignore[assignment]
        request.frequency.value = frequency.value
    sealed = seal(request, context.signer.key)
    sent = consents_pb2.RequestConsentRequest(request=sealed)
    reply = yield from call(methods.REQUEST_CONSENT, sent, header.request_id)
    receipt = yield from verify_receipt_and_witnesses(
        context, reply.receipt, sealed, kind="consent-request"
    )
    shown = reply.request.request
    if shown.HasField("envelope"):
        check_equal("The consent request's signed text", shown.envelope.payload, sealed.payload)
    submitted = yield from _only(context, reply.request, reply.keys, header.request_id)
    return replace(submitted, receipt=receipt)


def withdraw(context: SigningContext, request: str | ConsentRequest) -> Operation[ConsentRequest]:
    """Withdraw a request of the member before it is answered."""
    if not isinstance(request, ConsentRequest):
        request = yield from _find(context, request, lambda: None)
    statement = consent_request_pb2.ConsentRequestWithdrawal(
        header=context.signer.header(),
        subject_id=request.subject_id,
        consent_request_id=request.consent_request_id,
    )
    sealed = seal(statement, context.signer.key)
    sent = consents_pb2.WithdrawConsentRequestRequest(withdrawal=sealed)
    reply = yield from call(methods.WITHDRAW_CONSENT_REQUEST, sent, statement.header.request_id)
    receipt = yield from verify_receipt_and_witnesses(
        context, reply.receipt, sealed, kind="consent-request-withdrawal"
    )
    ended = yield from _only(context, reply.request, reply.keys, request.consent_request_id)
    check_equal("The consent request's state", ended.state, ConsentRequestState.WITHDRAWN)
    return replace(ended, receipt=receipt)


def decline(context: SigningContext, request_id: str, note: str) -> Operation[ConsentRequest]:
    """Decline a request to the subject."""
    statement = consent_request_pb2.ConsentRequestDecline(
        header=context.signer.header(), consent_request_id=request_id, note=note
    )
    sealed = seal(statement, context.signer.key)
    sent = consents_pb2.DeclineConsentRequestRequest(decline=sealed)
    reply = yield from call(methods.DECLINE_CONSENT_REQUEST, sent, statement.header.request_id)
    receipt = yield from verify_receipt_and_witnesses(
        context, reply.receipt, sealed, kind="consent-request-decline"
    )
    ended = yield from _only(context, reply.request, reply.keys, request_id)
    check_equal("The consent request's state", ended.state, ConsentRequestState.DECLINED)
    return replace(ended, receipt=receipt)


def grant(
    context: SigningContext,
    request: str | ConsentRequest,
    *,
    actions: Sequence[Action] | None,
    purposes: Sequence[Purpose] | None,
    sections: Sequence[Section] | None,
    portfolio_types: Sequence[PortfolioType] | None,
    history_months: int | None,
    start: datetime | None,
    expire: datetime | timedelta | None,
    max_uses: int | None,
    frequency: Frequency | None,
    mode: ConsentMode | None,
    data_life: timedelta | None,
    replaces: str | Consent | None,
) -> Operation[Consent]:
    """Grant the consent that a request asks for; what is passed narrows it.

    Raises:
        InvalidRequest: The consent would be wider than the request; or the request is named by its
            id alone, and its statement was erased.
        VerificationFailed: The request asks for something else than the one that was passed.
    """
    asked = yield from _find(context, request_id_of(request), _signed(context))
    _check_seen(request, asked)

    def check(consent: consent_pb2.Consent) -> None:
        if asked.envelope:
            signed = peek(Envelope.FromString(asked.envelope), consent_request_pb2.ConsentRequest)
            if wider := compare(consent, signed).wider:
                raise InvalidRequest(
                    "The consent was not signed: it is wider than the request",
                    reason="WIDER_THAN_REQUEST",
                    violations=[
                        Violation(field, "wider_than_request", f"the request: {words}")
                        for field, words in ((name, asked_for(signed, name)) for name in wider)
                    ],
                    fix="Grant what was asked for or less, or a consent that answers no request",
                )

    chosen = asked.mode if mode is None else mode
    asked_life = asked.data_life if chosen is ConsentMode.STORE else timedelta(0)
    return (
        yield from consents.grant(
            context,
            asked.subject_id,
            asked.member_id,
            actions=asked.actions if actions is None else actions,
            purposes=asked.purposes if purposes is None else purposes,
            sections=asked.sections if sections is None else sections,
            portfolio_types=(asked.portfolio_types if portfolio_types is None else portfolio_types),
            history_months=asked.history_months if history_months is None else history_months,
            start=start,
            expire=asked.period if expire is None else expire,
            max_uses=asked.max_uses if max_uses is None else max_uses,
            frequency=asked.frequency if frequency is None else frequency,
            mode=chosen,
            data_life=asked_life if data_life is None else data_life,
            consent_request_id=asked.consent_request_id,
            replaces=replaces,
            check=check,
        )
    )


def list_made(
    context: SigningContext,
    subject_id: str | None,
    changed_since: datetime | None,
    limit: int | None,
) -> Operation[list[ConsentRequest]]:
    """List the requests that the calling member made, newest first."""
    subject = arguments.subject_id(subject_id) if subject_id else ""
    return (yield from _list(context, lambda: None, subject, "", changed_since, limit))


def list_own(
    context: SigningContext, changed_since: datetime | None, limit: int | None
) -> Operation[list[ConsentRequest]]:
    """List the requests to the subject, newest first."""
    return (yield from _list(context, _signed(context), "", "", changed_since, limit))


def request_id_of(request: str | ConsentRequest) -> str:
    """Return the id of a consent request, which may be given itself.

    Raises:
        InvalidRequest: The value is neither a request nor a UUID.
    """
    value = request.consent_request_id if isinstance(request, ConsentRequest) else request
    return arguments.request_id(value, "consent_request_id")


def _find(
    context: SigningContext, request_id: str, signed: Callable[[], Envelope | None]
) -> Operation[ConsentRequest]:
    """Return a consent request of the reader as it is now.

    Raises:
        InvalidRequest: The id is no UUID.
        NotFound: No request of this id is the reader's.
    """
    request_id = request_id_of(request_id)
    for request in (yield from _list(context, signed, "", request_id, None, None)):
        return request
    raise NotFound(
        f"No consent request has the id {request_id}",
        reason="NOT_FOUND",
        fix="List the requests: `consent_requests`",
    )


def _signed(context: SigningContext) -> Callable[[], Envelope | None]:
    """Return a function that signs the request for each page."""
    return lambda: subject_request(context, methods.LIST_CONSENT_REQUESTS.path)


def _list(
    context: SigningContext,
    signed: Callable[[], Envelope | None],
    subject_id: str,
    request_id: str,
    changed_since: datetime | None,
    limit: int | None,
) -> Operation[list[ConsentRequest]]:
    since = None if changed_since is None else timestamp_of(changed_since)

    def page(token: str) -> Operation[tuple[Sequence[ConsentRequest], str]]:
        request = consents_pb2.ListConsentRequestsRequest(
            subject_request=signed(),
            subject_id=subject_id,
            consent_request_id=request_id,
            changed_since=since,
            page_token=token,
        )
        reply = yield from call(methods.LIST_CONSENT_REQUESTS, request)
        shown = yield from _verified(context, reply.requests, reply.keys)
        for each in shown:
            if subject_id:
                check_equal("The consent request's subject", each.subject_id, subject_id)
            if request_id:
                check_equal("The consent request's id", each.consent_request_id, request_id)
            if changed_since is not None:
                _check_changed(each, changed_since)
        return shown, reply.next_page_token

    return (yield from collect(LABEL, page, as_it_is, NEWEST_FIRST, limit))


def _check_changed(request: ConsentRequest, since: datetime) -> None:
    """Check that a request changed after a time, but for the disorder of the nodes' clocks."""
    newest = request.update_time
    if request.state in (ConsentRequestState.EXPIRED, ConsentRequestState.PENDING):
        newest = max(newest, request.expire_time)
    if newest < since - DISORDER:
        raise _wrong(f"Consent request {request.consent_request_id} did not change since {since}")


def _check_seen(seen: str | ConsentRequest, asked: ConsentRequest) -> None:
    """Check that a request asks for what the subject saw, before a consent is signed for it.

    Nothing proves a request whose statement was erased, so its id alone does not say what it asks.
    """
    if isinstance(seen, ConsentRequest):
        for name in TERMS:
            check_equal(f"The consent request's {name}", getattr(asked, name), getattr(seen, name))
    elif not asked.envelope:
        raise InvalidRequest(
            "The consent was not signed: the request's statement was erased, so nothing proves "
            "what it asks for",
            reason="INVALID_FIELD",
            fix="Read the request, and pass it instead of its id; or grant a consent of its own",
        )


def _only(
    context: SigningContext,
    view: consent_request_pb2.ConsentRequestView,
    keys: Sequence[LoggedStatement],
    request_id: str,
) -> Operation[ConsentRequest]:
    """Return the request of a reply, verified, which must be the one of an id."""
    check_equal("The consent request's id", view.consent_request_id, request_id)
    [request] = yield from _verified(context, [view], keys)
    return request


def _verified(
    context: SigningContext,
    views: Sequence[consent_request_pb2.ConsentRequestView],
    keys: Sequence[LoggedStatement],
) -> Operation[list[ConsentRequest]]:
    """Return the caller's requests, each signed by its member, in the state that the signed
    answer leads to.

    Raises:
        VerificationFailed: A request or an answer does not verify, or is of another caller.
    """
    with verifying("The consent request"):
        needed = request_signers(views, keys)

    def check(members: Mapping[str, Vouched]) -> list[CheckedRequest]:
        keys_of = {name: logged_keys_of(members[name].member) for name in needed}
        with verifying("The consent request"):
            return list(check_requests(views, keys, keys_of, context.trust))

    checked = yield from check_with_members(context, needed, check)
    caller = context.signer.name
    for each in checked:
        request = each.request
        if caller not in {subject_signer(request.subject_id), member_signer(each.member_id)}:
            raise _wrong(
                f"Consent request {request.header.request_id} is that of {each.member_id} to "
                f"subject {request.subject_id}: not of {caller}"
            )
    now = context.clock()
    with verifying("The consent request"):
        return [read_request(*each, now) for each in zip(views, checked, strict=True)]


def _wrong(problem: str) -> VerificationFailed:
    return VerificationFailed(problem, reason="WRONG_ANSWER", fix=TELL)
