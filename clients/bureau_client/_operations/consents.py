"""Grants, changes and lists consents."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bureau_client._codec.consents import read_consent
from bureau_client._codec.scalars import duration_of, timestamp_of
from bureau_client._operations import arguments, methods
from bureau_client._operations.context import SigningContext
from bureau_client._operations.members import check_with_members
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.pages import Order, as_it_is, collect
from bureau_client._operations.receipts import verify_receipt_and_witnesses
from bureau_client._operations.subject_requests import subject_request
from bureau_client.errors import ConsentRequired, NotFound, VerificationFailed
from bureau_client.models.codes import (
    Action,
    ConsentMode,
    ConsentState,
    ConsentTransition,
    PortfolioType,
    Purpose,
    Section,
)
from bureau_client.models.consents import Arrangement, Consent, Frequency
from bureau_client.models.members import Vouched
from bureau_client.verify.checks import TELL, check_equal, verifying
from bureau_client.verify.evidence import logged_keys_of
from bureau_keys.consent_history import ConsentHistory, check_consents, members_needed
from bureau_keys.envelope import seal
from bureau_keys.signer_name import member_signer, subject_signer
from bureau_keys.subject_keys import MemberKeys
from creditbureau.v1 import consent_pb2, consents_pb2
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.members_pb2 import LoggedStatement

NEWEST_FIRST = Order[Consent](
    name=lambda consent: consent.consent_id, time=lambda consent: consent.create_time
)
# The clocks of two nodes may differ by this much.
SKEW = timedelta(minutes=2)
# States to which a change can lead. A consent can end as it is changed; one that has ended keeps
# its state when it is revoked.
_ENDED = {ConsentState.EXPIRED, ConsentState.EXHAUSTED}
_STATES = {
    ConsentTransition.PAUSE: {ConsentState.PAUSED, *_ENDED},
    ConsentTransition.RESUME: {ConsentState.ACTIVE, ConsentState.PENDING, *_ENDED},
    ConsentTransition.REVOKE: {ConsentState.REVOKED, *_ENDED},
}


def grant(
    context: SigningContext,
    subject_id: str,
    grantee: str,
    *,
    actions: Sequence[Action],
    purposes: Sequence[Purpose],
    sections: Sequence[Section],
    portfolio_types: Sequence[PortfolioType],
    history_months: int,
    start: datetime | None,
    expire: datetime | timedelta,
    max_uses: int,
    frequency: Frequency | None,
    mode: ConsentMode,
    data_life: timedelta,
    consent_request_id: str = "",
    replaces: str | Consent | None = None,
    check: Callable[[consent_pb2.Consent], None] = lambda _: None,
) -> Operation[Consent]:
    """Sign a consent and submit it.

    Args:
        consent_request_id: The request that the consent answers; empty for none.
        replaces: The subject's consent that it replaces; None for none.
        check: Called with the consent before it is signed; raises to refuse it.
    """
    earlier = None
    if replaces is not None:
        earlier = yield from _own(context, replaces)
    header = context.signer.header()
    begin = start or context.clock()
    end = begin + expire if isinstance(expire, timedelta) else expire
    _check_times(begin, end)
    if not actions:
        raise arguments.refuse("actions", "INVALID_FIELD", "must name at least one Action")
    if (data_life > timedelta(0)) != (mode is ConsentMode.STORE):
        message = "must be above zero with ConsentMode.STORE, and zero with every other mode"
        raise arguments.refuse("data_life", "INVALID_FIELD", message)
    consent = consent_pb2.Consent(
        header=header,
        subject_id=subject_id,
        grantee=arguments.member_id(grantee, "grantee"),
        actions=map(int, actions),  # type: ignore[arg-type]
        purposes=map(int, purposes),  # type: ignore[arg-type]
        sections=map(int, sections),  # type: ignore[arg-type]
        portfolio_types=map(int, portfolio_types),  # type: ignore[arg-type]
        history_months=history_months,
        start_time=timestamp_of(begin),
        expire_time=timestamp_of(end),
        max_uses=max_uses,
        data_life=duration_of(data_life) if data_life else None,
        mode=arguments.code(mode, "mode"),  # type: ignore[arg-type]
        consent_request_id=consent_request_id,
        replaces=earlier.consent_id if earlier else "",
        arrangement_id=earlier.arrangement_id if earlier else "",
    )
    if frequency is not None:
        consent.frequency.unit = int(frequency.unit)  # type: ignore[assignment]
        consent.frequency.value = frequency.value
    check(consent)
    sealed = seal(consent, context.signer.key)
    request = consents_pb2.GrantConsentRequest(consent=sealed)
    reply = yield from call(methods.GRANT_CONSENT, request, header.request_id)
    receipt = yield from verify_receipt_and_witnesses(
        context, reply.receipt, sealed, kind="consent"
    )
    check_equal("The consent's id", reply.consent.consent_id, header.request_id)
    check_equal("The consent's signed text", reply.consent.consent.payload, sealed.payload)
    [granted] = yield from _verified(context, [reply.consent], reply.keys)
    return replace(granted, receipt=receipt)


def _own(context: SigningContext, consent: str | Consent) -> Operation[Consent]:
    """Return a consent of the subject, which may be given itself.

    Raises:
        NotFound: The subject has no consent with this id.
    """
    if isinstance(consent, Consent):
        return consent
    consent_id = arguments.consent_id(consent)
    for own in (yield from list_own(context, None)):
        if own.consent_id == consent_id:
            return own
    raise NotFound(
        f"No consent has the id {consent_id}", reason="NOT_FOUND", fix="List them: `consents`"
    )


def change(
    context: SigningContext, consent_id: str | Consent, transition: ConsentTransition, note: str
) -> Operation[Consent]:
    """Pause, resume or revoke a consent."""
    consent_id = arguments.consent_id(consent_id)
    statement = consent_pb2.ConsentChange(
        header=context.signer.header(),
        consent_id=consent_id,
        transition=int(transition),  # type: ignore[arg-type]
        note=note,
    )
    sealed = seal(statement, context.signer.key)
    request = consents_pb2.ChangeConsentRequest(change=sealed)
    reply = yield from call(methods.CHANGE_CONSENT, request, statement.header.request_id)
    receipt = yield from verify_receipt_and_witnesses(
        context, reply.receipt, sealed, kind="consent-change"
    )
    check_equal("The consent's id", reply.consent.consent_id, consent_id)
    [consent] = yield from _verified(context, [reply.consent], reply.keys)
    changes = [logged.envelope for logged in reply.consent.changes]
    # Another change may have been made since; the state follows from all of them.
    is_newest = sealed not in changes[:-1]
    if is_newest and consent.state not in _STATES[transition]:
        check_equal("The consent's state", consent.state, min(_STATES[transition]))
    return replace(consent, receipt=receipt)


def list_held(
    context: SigningContext,
    subject_id: str | None,
    limit: int | None,
    changed_since: datetime | None = None,
) -> Operation[list[Consent]]:
    """List the consents that the calling member holds, newest first.

    Args:
        changed_since: Only those that were granted or changed, expired or were used up then or
            later; None for all.
    """
    subject = arguments.subject_id(subject_id) if subject_id else ""
    if changed_since is not None and changed_since.tzinfo is None:
        message = "needs a time zone, for example datetime.now(UTC)"
        raise arguments.refuse("changed_since", "INVALID_FIELD", message)
    return (yield from _list(context, lambda: None, subject, limit, changed_since))


def get_held(context: SigningContext, consent_id: str) -> Operation[Consent]:
    """Return a consent that the caller granted or holds."""
    request = consents_pb2.GetConsentRequest(
        consent_id=arguments.request_id(consent_id, "consent_id")
    )
    reply = yield from call(methods.GET_CONSENT, request)
    check_equal("The consent's id", reply.consent.consent_id, consent_id)
    [consent] = yield from _verified(context, [reply.consent], reply.keys)
    return consent


def arrangements_held(
    context: SigningContext, subject_id: str | None
) -> Operation[list[Arrangement]]:
    """List the arrangements of the calling member, by their newest consents."""
    return (yield from _arranged(lambda: list_held(context, subject_id, None)))


def own_arrangements(context: SigningContext) -> Operation[list[Arrangement]]:
    """List the subject's own arrangements, by their newest consents."""
    return (yield from _arranged(lambda: list_own(context, None)))


def _arranged(consents: Callable[[], Operation[list[Consent]]]) -> Operation[list[Arrangement]]:
    """Group a list of consents; read it again where one was replaced between two pages."""
    try:
        return _arrangements((yield from consents()))
    except NotWhole:
        return _arrangements((yield from consents()))


def _arrangements(consents: Sequence[Consent]) -> list[Arrangement]:
    """Group consents, newest first, by the arrangements that their subjects signed.

    Raises:
        VerificationFailed: A consent that was replaced has none in its place, or two.
    """
    replacing: dict[str, Consent] = {}
    for consent in consents:
        if consent.replaces:
            if consent.replaces in replacing:
                raise _not_one(consent.replaces, "two consents replace it")
            replacing[consent.replaces] = consent
    by_id = {consent.consent_id: consent for consent in consents}
    grouped: dict[str, list[Consent]] = {}
    for newest in consents:
        if newest.consent_id in replacing:
            continue
        if newest.state is ConsentState.REPLACED:
            raise _not_one(newest.consent_id, "the consent that replaced it is missing")
        chain = grouped.setdefault(newest.arrangement_id, [])
        each: Consent | None = newest
        while each is not None:
            chain.append(each)
            if each.replaces and each.replaces not in by_id:
                raise _not_one(each.consent_id, "the consent that it replaced is missing")
            each = by_id.get(each.replaces)
    return [Arrangement(name, tuple(chain)) for name, chain in grouped.items()]


class NotWhole(VerificationFailed):
    """An arrangement lacks a consent, or has one too many."""


def _not_one(consent_id: str, problem: str) -> NotWhole:
    return NotWhole(
        f"The arrangement of consent {consent_id} is not whole: {problem}",
        reason="WRONG_ANSWER",
        fix=TELL,
    )


def usable(
    context: SigningContext, subject_id: str, purpose: Purpose, action: Action
) -> Operation[Consent]:
    """Return the consent that allows an action for a purpose now; of several the longest.

    Raises:
        ConsentRequired: No consent of the subject does.
    """
    arguments.code(purpose, "purpose")
    consents = yield from list_held(context, arguments.subject_id(subject_id), None)
    now = context.clock()
    usable = [
        consent
        for consent in consents
        if consent.state is ConsentState.ACTIVE
        and action in consent.actions
        and purpose in consent.purposes
        and consent.start_time <= now < consent.expire_time
    ]
    if not usable:
        raise ConsentRequired(
            f"This member holds no consent of the person that allows {action.text} for "
            f"{purpose.text} now, of {len(consents)} in all",
            reason="CONSENT_REQUIRED",
            fix="Ask the person for one; `consents` lists them, with their states",
        )
    return max(usable, key=lambda consent: consent.expire_time)


def list_own(context: SigningContext, limit: int | None) -> Operation[list[Consent]]:
    """List the subject's own consents, newest first, with a signed request for each page."""
    path = methods.LIST_CONSENTS.path
    return (yield from _list(context, lambda: subject_request(context, path), "", limit))


def _list(
    context: SigningContext,
    signed: Callable[[], Envelope | None],
    subject_id: str,
    limit: int | None,
    changed_since: datetime | None = None,
) -> Operation[list[Consent]]:
    def page(token: str) -> Operation[tuple[Sequence[Consent], str]]:
        request = consents_pb2.ListConsentsRequest(
            subject_request=signed(),
            subject_id=subject_id,
            page_token=token,
            changed_since=timestamp_of(changed_since) if changed_since else None,
        )
        reply = yield from call(methods.LIST_CONSENTS, request)
        consents = yield from _verified(context, reply.consents, reply.keys)
        for consent in consents:
            if subject_id:
                check_equal("The consent's subject", consent.subject_id, subject_id)
            if changed_since is not None:
                _check_changed(consent, changed_since, context.clock())
        return consents, reply.next_page_token

    return (yield from collect("The list of consents", page, as_it_is, NEWEST_FIRST, limit))


def _verified(
    context: SigningContext,
    views: Sequence[consents_pb2.ConsentView],
    keys: Sequence[LoggedStatement],
) -> Operation[list[Consent]]:
    """Return the caller's consents, each verified, in the state of now."""
    histories = yield from verified_histories(context, views, keys)
    return read_histories(context, views, histories)


def verified_histories(
    context: SigningContext,
    views: Sequence[consents_pb2.ConsentView],
    keys: Sequence[LoggedStatement],
    also: Collection[str] = (),
    check_more: Callable[[Sequence[ConsentHistory], MemberKeys], None] = lambda *_: None,
) -> Operation[list[ConsentHistory]]:
    """Return the caller's consents, each signed by its subject, in the state that the signed
    changes lead to.

    Args:
        also: Members whose keys `check_more` needs, too.
        check_more: Checks what came with the consents, by the keys of members.

    Raises:
        VerificationFailed: A consent or a change does not verify, or is of another caller.
    """
    with verifying("The consent"):
        needed = members_needed(views, keys) | {*also}

    def check(members: Mapping[str, Vouched]) -> list[ConsentHistory]:
        keys_of = {name: logged_keys_of(members[name].member) for name in needed}
        with verifying("The consent"):
            histories = list(check_consents(views, keys, keys_of, context.trust))
            check_more(histories, keys_of)
            return histories

    histories = yield from check_with_members(context, needed, check)
    caller = context.signer.name
    for history in histories:
        consent = history.consent
        if caller not in {subject_signer(consent.subject_id), member_signer(consent.grantee)}:
            raise VerificationFailed(
                f"Consent {consent.header.request_id} is that of subject {consent.subject_id} "
                f"for {consent.grantee}: not of {caller}",
                reason="WRONG_ANSWER",
                fix=TELL,
            )
    return histories


def read_histories(
    context: SigningContext,
    views: Sequence[consents_pb2.ConsentView],
    histories: Sequence[ConsentHistory],
) -> list[Consent]:
    """Return verified consents in the state of now."""
    now = context.clock()
    with verifying("The consent"):
        return [read_consent(*each, now) for each in zip(views, histories, strict=True)]


def _check_changed(consent: Consent, since: datetime, now: datetime) -> None:
    """Raise VerificationFailed unless a consent changed at a time or later.

    That its uses were used up since is the bureau's word. Times of changes are those of a node's
    clock, which may differ from the log's.
    """
    since -= SKEW
    revoked = consent.state is ConsentState.REVOKED
    expired = not revoked and since <= consent.expire_time <= now + SKEW
    if not (consent.update_time >= since or expired or 0 < consent.max_uses <= consent.use_count):
        raise VerificationFailed(
            f"Consent {consent.consent_id} is listed as changed since {since}, and did not change",
            reason="WRONG_ANSWER",
            fix=TELL,
        )


def _check_times(begin: datetime, end: datetime) -> None:
    for name, moment in (("start", begin), ("expire", end)):
        if moment.tzinfo is None:
            message = "needs a time zone, for example datetime.now(UTC)"
            raise arguments.refuse(name, "INVALID_FIELD", message)
    if end <= begin:
        raise arguments.refuse("expire", "DATE_ORDER", "must be after the start")
