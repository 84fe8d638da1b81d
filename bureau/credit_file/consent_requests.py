"""Consent requests: their rows, the one answer that each may have, and what lists show of them.

A request to a subject id that no person has is stored, counted and listed like any other.
"""

from __future__ import annotations

from bureau import field_rules
from bureau.credit_file.consent_proof import KeyProofs
from bureau.errors import Refusal
from bureau.ledger.units import Transaction
from bureau.signed_statement import logged_statement
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau.store.queries.consent_requests import StoredRequest
from bureau_keys.consent_request_checks import DECLINED, PENDING, WITHDRAWN, state_at
from bureau_keys.consent_terms import GRANTED, NARROWED, asked_for, compare
from bureau_keys.envelope import payload_type_of
from bureau_keys.signer_name import member_id_of
from creditbureau.v1 import consent_request_pb2
from creditbureau.v1.consent_pb2 import Consent
from creditbureau.v1.consent_request_pb2 import (
    ConsentRequest,
    ConsentRequestDecline,
    ConsentRequestView,
    ConsentRequestWithdrawal,
)
from creditbureau.v1.consents_pb2 import ListConsentRequestsResponse
from creditbureau.v1.members_pb2 import LoggedStatement

WITHDRAWAL = payload_type_of(ConsentRequestWithdrawal)


def add_request(tx: Transaction, request: ConsentRequest) -> None:
    """Store a request of its signer, by the unit's entry; its words stay in its statement.

    Raises:
        Refusal: ALREADY_EXISTS if another member's request has its id.
    """
    request_id = request.header.request_id
    if tx.db.one(q.consent_request_by_id, consent_request_id=request_id):
        raise Refusal("ALREADY_EXISTS", "another member's consent request has this id")
    tx.subjects.add(request.subject_id)
    terms = ConsentRequest()
    terms.CopyFrom(request)
    terms.ClearField("text")
    tx.db.execute(
        q.add_consent_request,
        request_id=request_id,
        member_id=member_id_of(request.header.signer),
        subject_id=request.subject_id,
        terms=terms.SerializeToString(deterministic=True),
        expire_us=request.expire_time.ToMicroseconds(),
        state=PENDING,
        create_us=tx.now_us,
        update_us=tx.now_us,
        entry_key=tx.entry_key,
        answer_entry=None,
    )


def grant_on_request(tx: Transaction, consent: Consent) -> None:
    """Answer the request that a consent names with this consent.

    Raises:
        Refusal: NOT_FOUND, alike for unknown requests, those of another member and those to
            another subject; WRONG_STATE; WIDER_THAN_REQUEST.
    """
    stored = _lock(tx, consent.consent_request_id)
    if (stored.member_id, stored.subject_id) != (consent.grantee, consent.subject_id):
        raise _unknown()
    _check_pending(tx, stored)
    request = ConsentRequest.FromString(stored.terms)
    compared = compare(consent, request)
    if compared.wider:
        raise field_rules.refusal(
            [
                field_rules.violation(
                    name, "WIDER_THAN_REQUEST", f"the request: {asked_for(request, name)}"
                )
                for name in compared.wider
            ]
        )
    _answer(tx, stored, NARROWED if compared.narrower else GRANTED)


def decline_request(tx: Transaction, subject_id: str, decline: ConsentRequestDecline) -> None:
    """Answer a request to a subject with a decline.

    Raises:
        Refusal: NOT_FOUND, alike for unknown requests and those to others; WRONG_STATE.
    """
    stored = _lock(tx, decline.consent_request_id)
    if stored.subject_id != subject_id:
        raise _unknown()
    _check_pending(tx, stored)
    _answer(tx, stored, DECLINED)


def withdraw_request(tx: Transaction, member_id: str, withdrawal: ConsentRequestWithdrawal) -> None:
    """End a member's own request before it is answered.

    Raises:
        Refusal: NOT_FOUND, alike for unknown requests, those of others and those to another
            subject; WRONG_STATE.
    """
    stored = _lock(tx, withdrawal.consent_request_id)
    if (stored.member_id, stored.subject_id) != (member_id, withdrawal.subject_id):
        raise _unknown()
    _check_pending(tx, stored)
    tx.subjects.add(stored.subject_id)
    _answer(tx, stored, WITHDRAWN)


def show_request(
    db: Connection, stored: StoredRequest, keys: KeyProofs, now_us: int
) -> ListConsentRequestsResponse:
    """Read a request as its subject and its member see it, with the keys not read before."""
    view = ConsentRequestView(
        consent_request_id=stored.request_id,
        request=shown_statement(db, stored.entry_key),
        state=state_at(stored.state, stored.expire_us, now_us),  # type: ignore[arg-type]
    )
    if not view.request.HasField("envelope"):
        view.erased_request.ParseFromString(stored.terms)
    key_ids = []
    if stored.answer_entry is not None:
        view.answer.CopyFrom(shown_statement(db, stored.answer_entry))
        by_subject = view.answer.envelope.payload_type != WITHDRAWAL
        if view.answer.HasField("envelope") and by_subject:
            key_ids.append(view.answer.envelope.signatures[0].keyid)
    return ListConsentRequestsResponse(requests=[view], keys=keys.of(stored.subject_id, key_ids))


def shown_statement(db: Connection, entry_key: int) -> LoggedStatement:
    """Read a statement; without its envelope if its words were erased."""
    logged = logged_statement(db, entry_key)
    if not logged.envelope.payload:
        logged.ClearField("envelope")
    return logged


def _lock(tx: Transaction, request_id: str) -> StoredRequest:
    stored = tx.db.one(q.lock_consent_request, consent_request_id=request_id)
    if stored is None:
        raise _unknown()
    return stored


def _unknown() -> Refusal:
    return Refusal.of_field(
        "NOT_FOUND", "consent_request_id", "no consent request between the two has this id"
    )


def _check_pending(tx: Transaction, stored: StoredRequest) -> None:
    state = state_at(stored.state, stored.expire_us, tx.now_us)
    if state != PENDING:
        name = consent_request_pb2.ConsentRequestState.Name(state)  # type: ignore[arg-type]
        name = name.removeprefix("CONSENT_REQUEST_STATE_")
        raise Refusal("WRONG_STATE", f"the consent request is {name}")


def _answer(tx: Transaction, stored: StoredRequest, state: int) -> None:
    tx.db.execute(
        q.answer_consent_request,
        which=stored.request_id,
        state=state,
        update_us=tx.now_us,
        answer_entry=tx.entry_key,
    )
