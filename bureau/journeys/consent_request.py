"""Use cases of consent requests: a member asks a subject for a consent and may withdraw the
request; the subject grants one (`bureau/journeys/consent.py`), wholly or narrowed, or declines.

The bureau takes a request to any subject id, and answers alike whether a person has the id: no
answer, time or limit tells a member who is known.
"""

from __future__ import annotations

from typing import NamedTuple

from bureau import field_rules, paging, signed_statement
from bureau.calendar import DAY_US
from bureau.context import Bureau, Caller
from bureau.credit_file import consent_requests
from bureau.credit_file.consent_proof import KeyProofs, in_log_order
from bureau.errors import FieldViolation, Refusal
from bureau.journeys.consent import breaches
from bureau.ledger.units import Committed, Transaction
from bureau.party_limits import PartyLimits
from bureau.store import queries as q
from bureau.store.queries.consent_requests import StoredRequest
from bureau_keys.signer_name import member_id_of, subject_id_of
from creditbureau.v1.consent_pb2 import Consent
from creditbureau.v1.consent_request_pb2 import (
    ConsentRequest,
    ConsentRequestDecline,
    ConsentRequestView,
    ConsentRequestWithdrawal,
)
from creditbureau.v1.consents_pb2 import ListConsentRequestsRequest
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.members_pb2 import LoggedStatement
from creditbureau.v1.reason import Reason

# The request id in a page token; empty for the first page.
# Days in which `requests_on_person` of the limits count.
COUNTED_DAYS = 30
# Fields of a consent that a request has under another name.
NAMES = {"expire_time": "period"}


class ShownRequests(NamedTuple):
    """Requests with the statements that bound the signing keys, and the next page's token."""

    views: list[ConsentRequestView]
    keys: list[LoggedStatement]
    next_page_token: str = ""


def request_consent(
    bureau: Bureau, caller: Caller, envelope: Envelope
) -> tuple[ShownRequests, Receipt]:
    """Store a member's request for a consent, and return it.

    Raises:
        Refusal: PURPOSE_NOT_PERMITTED; all of `commit_request`.
    """
    committed = commit_request(bureau, caller, envelope, permitted_only=True)
    return _committed(bureau, committed.proof.entry.request_id, committed)


def commit_request(
    bureau: Bureau, caller: Caller, envelope: Envelope, *, permitted_only: bool = False
) -> Committed[None]:
    """Store a member's request for a consent.

    Args:
        permitted_only: Refuse purposes that the member is not admitted for. False where a log
            is replayed: there the admission may have changed since the check.

    Raises:
        Refusal: All of `verify_statement`; BAD_TEXT, CONSENT_CEILING, DATE_ORDER,
            INVALID_FIELD, PURPOSE_NOT_PERMITTED, ALREADY_EXISTS, LIMIT_REACHED.
    """
    # 1. Open and verify.
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db,
            bureau.origin,
            envelope,
            ConsentRequest,
            kind="consent-request",
            signer=caller.signer,
        )
    request = opened.message
    # 2. Rules over several fields, as for the consent that is asked for.
    if field_rules.bad_text(request.text):
        raise Refusal.of_field("BAD_TEXT", "text", "control or bidirectional characters")
    if permitted_only and any(each not in caller.purposes for each in request.purposes):
        raise Refusal("PURPOSE_NOT_PERMITTED", "the member is not admitted for this purpose")
    if violations := breaches(widest_consent(request), bureau.policy):
        raise field_rules.refusal([_renamed(*each) for each in violations])

    # 3. One unit of work: the limits of the pair, the request, the leaf.
    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        tx.db.lock(q.lock_member, member_id=caller.member_id)
        _check_time(tx, request, bureau.limits)
        _check_counts(tx, caller.member_id, request.subject_id, bureau.limits)
        consent_requests.add_request(tx, request)

    return bureau.ledger.commit(opened.signed, work)


def widest_consent(request: ConsentRequest) -> Consent:
    """Return the widest consent that answers a request, from the epoch on."""
    consent = Consent(
        subject_id=request.subject_id,
        actions=request.actions,
        purposes=request.purposes,
        sections=request.sections,
        portfolio_types=request.portfolio_types,
        history_months=request.history_months,
        max_uses=request.max_uses,
        data_life=request.data_life,
        mode=request.mode,
    )
    if request.HasField("frequency"):
        consent.frequency.CopyFrom(request.frequency)
    consent.expire_time.FromMicroseconds(request.period.ToMicroseconds())
    return consent


def withdraw_request(
    bureau: Bureau, caller: Caller, envelope: Envelope
) -> tuple[ShownRequests, Receipt]:
    """Withdraw a member's own request, and return it.

    Raises:
        Refusal: All of `commit_withdrawal`.
    """
    withdrawal, committed = commit_withdrawal(bureau, caller, envelope)
    return _committed(bureau, withdrawal.consent_request_id, committed)


def commit_withdrawal(
    bureau: Bureau, caller: Caller, envelope: Envelope
) -> tuple[ConsentRequestWithdrawal, Committed[None]]:
    """Withdraw a member's own request.

    Raises:
        Refusal: All of `verify_statement`; NOT_FOUND, WRONG_STATE.
    """
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db,
            bureau.origin,
            envelope,
            ConsentRequestWithdrawal,
            kind="consent-request-withdrawal",
            signer=caller.signer,
        )

    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        consent_requests.withdraw_request(tx, caller.member_id, opened.message)

    return opened.message, bureau.ledger.commit(opened.signed, work)


def decline_request(bureau: Bureau, envelope: Envelope) -> tuple[ShownRequests, Receipt]:
    """Decline a request to the subject who signs, and return it.

    Raises:
        Refusal: All of `commit_decline`.
    """
    decline, committed = commit_decline(bureau, envelope)
    return _committed(bureau, decline.consent_request_id, committed)


def commit_decline(
    bureau: Bureau, envelope: Envelope
) -> tuple[ConsentRequestDecline, Committed[None]]:
    """Decline a request to the subject who signs.

    Raises:
        Refusal: All of `verify_statement`; BAD_TEXT, NOT_FOUND, WRONG_STATE.
    """
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db,
            bureau.origin,
            envelope,
            ConsentRequestDecline,
            kind="consent-request-decline",
            signer=None,
        )
    decline = opened.message
    if field_rules.bad_text(decline.note):
        raise Refusal.of_field("BAD_TEXT", "note", "control or bidirectional characters")

    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        consent_requests.decline_request(tx, opened.subject_id, decline)

    return decline, bureau.ledger.commit(opened.signed, work)


def list_requests(
    bureau: Bureau, caller: Caller, request: ListConsentRequestsRequest
) -> ShownRequests:
    """List the requests to the subject who signs, or those that the member made, by page.

    Raises:
        Refusal: All of `verify_subject_request`; BAD_PAGE_TOKEN.
    """
    now_us = bureau.clock.now_us()
    limit = request.page_size or paging.DEFAULT_SIZE
    before_us, before_id = paging.time_and_id_in(request.page_token)
    page = {
        "before_us": before_us,
        "before_id": before_id,
        "since_us": request.changed_since.ToMicroseconds(),
        "now_us": now_us,
        "limit": limit + 1,
    }
    signed = request.subject_request if request.HasField("subject_request") else None
    with bureau.database.snapshot() as db:
        reader = signed_statement.authenticated_reader(
            db, bureau.origin, caller, signed, "Consents/ListConsentRequests", now_us
        )
        own_id, member_id = subject_id_of(reader), member_id_of(reader)
        if request.consent_request_id:
            row = db.one(q.consent_request_by_id, consent_request_id=request.consent_request_id)
            own = row is not None and (own_id == row.subject_id or member_id == row.member_id)
            rows = [row] if row is not None and own else []
        elif own_id:
            rows = db.all(q.consent_requests_to_before, subject_id=own_id, **page)
        elif request.subject_id:
            pair = {"member_id": member_id, "subject_id": request.subject_id}
            rows = db.all(q.consent_requests_of_to_before, **pair, **page)
        else:
            rows = db.all(q.consent_requests_of_before, member_id=member_id, **page)
        cut, token = paging.cut(rows, limit, _position)
        keys = KeyProofs(db)
        parts = ((row, consent_requests.show_request(db, row, keys, now_us)) for row in cut)
        shown, token = paging.fit(parts, token, _position)
    return ShownRequests(
        [view for part in shown for view in part.requests],
        in_log_order(key for part in shown for key in part.keys),
        token,
    )


def _renamed(reason: Reason, violation: FieldViolation) -> tuple[Reason, FieldViolation]:
    """Return a violation of a consent's rules, under the field's name in a request."""
    name = NAMES.get(violation.field, violation.field)
    return field_rules.violation(name, reason, violation.message)


def _check_time(tx: Transaction, request: ConsentRequest, limits: PartyLimits) -> None:
    """Check that a request can be answered for some time, and not for too long.

    Raises:
        Refusal: DATE_ORDER.
    """
    left_us = request.expire_time.ToMicroseconds() - tx.now_us
    if not 0 < left_us <= limits.days_of_request * DAY_US:
        message = f"must lie in the next {limits.days_of_request} days"
        raise Refusal.of_field("DATE_ORDER", "expire_time", message)


def _check_counts(tx: Transaction, member_id: str, subject_id: str, limits: PartyLimits) -> None:
    """Check that a member may ask a person, known or not, once more.

    Raises:
        Refusal: LIMIT_REACHED.
    """
    pair = {"member_id": member_id, "subject_id": subject_id}
    since_us = tx.now_us - COUNTED_DAYS * DAY_US
    counts = tx.db.one(q.consent_request_counts, since_us=since_us, now_us=tx.now_us, **pair)
    if counts is None:
        return
    if counts.pending >= limits.open_requests_on_person:
        message = f"{counts.pending} requests to this subject are open: withdraw one, or wait"
        raise Refusal.of_field("LIMIT_REACHED", "subject_id", message)
    if counts.recent >= limits.requests_on_person:
        message = f"{counts.recent} requests to this subject in {COUNTED_DAYS} days: wait"
        raise Refusal.of_field("LIMIT_REACHED", "subject_id", message)


def _committed(
    bureau: Bureau, request_id: str, committed: Committed[None]
) -> tuple[ShownRequests, Receipt]:
    """Return a request as it is after a write, and the receipt of the write."""
    with bureau.database.snapshot() as db:
        row = db.one(q.consent_request_by_id, consent_request_id=request_id)
        assert row is not None, "a request whose entry is in the log has a row"
        now_us = bureau.clock.now_us()
        shown = consent_requests.show_request(db, row, KeyProofs(db), now_us)
    views, keys = list(shown.requests), list(shown.keys)
    return ShownRequests(views, keys), signed_statement.receipt_of(committed.proof)


def _position(row: StoredRequest) -> str:
    """Return the token of the page after a request."""
    return paging.time_and_id_token(row.create_us, row.request_id)
