"""Use cases of consents: subjects grant, change and read them."""

from __future__ import annotations

import re
from typing import Any

from bureau import field_rules, paging, signed_statement
from bureau.calendar import DAY_US, timestamp_of
from bureau.codes import CodeSet
from bureau.context import Bureau, Caller
from bureau.credit_file.consent_state import ACTIVE, PAUSED, REVOKED, HeldConsent
from bureau.errors import FieldViolation, Refusal
from bureau.ledger.commit_queue import Transaction
from bureau.policy import Bounds, Policy
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.signer_name import member_id_of, member_signer, subject_id_of, subject_signer
from creditbureau.v1 import codes_pb2, consent_pb2, consents_pb2
from creditbureau.v1.consent_pb2 import Consent, ConsentChange
from creditbureau.v1.consents_pb2 import ConsentView
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.reason import Reason

# From which state a change leads to which.
TRANSITIONS = {
    consent_pb2.CONSENT_TRANSITION_PAUSE: ({ACTIVE}, PAUSED),
    consent_pb2.CONSENT_TRANSITION_RESUME: ({PAUSED}, ACTIVE),
    consent_pb2.CONSENT_TRANSITION_REVOKE: ({ACTIVE, PAUSED}, REVOKED),
}


# The consent id in a page token; empty for the first page.
CONSENT_ID = re.compile(r"[0-9a-f-]{0,36}")


def grant_consent(bureau: Bureau, envelope: Envelope) -> tuple[ConsentView, Receipt]:
    """Store a consent that a subject signed.

    Raises:
        Refusal: All of `verify_statement`; CONSENT_CEILING, DATE_ORDER,
            INVALID_FIELD, NOT_FOUND (grantee), ALREADY_EXISTS, LIMIT_REACHED.
    """
    # 1. Open and verify.
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db, bureau.origin, envelope, Consent, kind="consent", signer=None
        )
        consent = opened.message
        if opened.subject_id != consent.subject_id:
            raise Refusal("SIGNER_MISMATCH", "a subject can consent for their own file only")
        if db.one(q.member_by_id, member_id=consent.grantee) is None:
            raise Refusal.of_field("NOT_FOUND", "grantee", "no member has this id")
    # 2. Rules over several fields.
    if violations := breaches(consent, bureau.policy):
        raise field_rules.refusal(violations)

    # 3. One unit of work.
    def work(tx: Transaction) -> HeldConsent:
        tx.db.lock(q.lock_subject, subject_id=consent.subject_id)
        opened.recheck_key_and_time(tx)
        if tx.db.one(q.consent_by_id, consent_id=opened.signed.request_id):
            raise Refusal("ALREADY_EXISTS", "another subject's consent has this id")
        _check_bounds(tx, consent, bureau.policy.bounds)
        row = _row_of(consent, opened.signed.request_id, tx)
        tx.db.execute(q.add_consent, **row)
        if codes_pb2.ACTION_MONITOR in consent.actions:
            monitor_key = (row["subject_id"], row["consent_id"], row["grantee"])
            tx.db.execute(q.add_monitor, **dict(zip(q.MONITOR_COLUMNS, monitor_key, strict=True)))
        return HeldConsent(**row)

    committed = bureau.ledger.commit(opened.signed, work)
    held = committed.result or _held(bureau, opened.signed.request_id)
    return view_of(held, envelope, bureau.clock.now_us()), signed_statement.receipt_of(
        committed.proof
    )


def change_consent(bureau: Bureau, envelope: Envelope) -> tuple[ConsentView, Receipt]:
    """Pause, resume or revoke a consent, effective from the next request on.

    Raises:
        Refusal: All of `verify_statement`; NOT_FOUND, WRONG_STATE.
    """
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db, bureau.origin, envelope, ConsentChange, kind="consent-change", signer=None
        )
    change = opened.message
    if field_rules.bad_text(change.note):
        raise Refusal.of_field("BAD_TEXT", "note", "control or bidirectional characters")

    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        apply_change(tx, opened.subject_id, change)

    committed = bureau.ledger.commit(opened.signed, work)
    with bureau.database.snapshot() as db:
        view = _view(db, change.consent_id, bureau.clock.now_us())
    return view, signed_statement.receipt_of(committed.proof)


def apply_change(tx: Transaction, subject_id: str, change: ConsentChange) -> None:
    """Give a subject's consent the state that a change leads to.

    Raises:
        Refusal: NOT_FOUND, WRONG_STATE.
    """
    allowed, after = TRANSITIONS[change.transition]
    held = _own(tx.db.one(q.lock_consent, consent_id=change.consent_id), subject_id)
    if held.state not in allowed:
        state = consent_pb2.ConsentState.Name(held.state)  # type: ignore[arg-type]
        raise Refusal("WRONG_STATE", f"the consent is {state.removeprefix('CONSENT_STATE_')}")
    tx.db.execute(
        q.set_consent_state,
        which=change.consent_id,
        state=after,
        update_us=tx.now_us,
        note=change.note,
    )
    if after == REVOKED:
        tx.db.execute(q.drop_monitor, whose=subject_id, which=change.consent_id)


def get_consent(
    bureau: Bureau, caller: Caller, consent_id: str, request: Envelope | None
) -> ConsentView:
    """Return a consent to its grantee, or to its subject, who signs the request.

    Raises:
        Refusal: NOT_FOUND, alike for an unknown consent and another's consent.
    """
    now_us = bureau.clock.now_us()
    with bureau.database.snapshot() as db:
        whose = signed_statement.authenticated_reader(
            db, bureau.origin, caller, request, "Consents/GetConsent", now_us
        )
        view = _view(db, consent_id, now_us)
        signed = Consent.FromString(view.consent.payload)
        if whose not in {subject_signer(signed.subject_id), member_signer(signed.grantee)}:
            raise Refusal("NOT_FOUND", "no consent with this id is the reader's")
    return view


def list_consents(
    bureau: Bureau,
    caller: Caller,
    request: Envelope | None,
    subject_id: str,
    page_size: int,
    page_token: str,
) -> tuple[list[ConsentView], str]:
    """List the subject's own consents, or those that the member holds, by page."""
    now_us = bureau.clock.now_us()
    limit = page_size or paging.DEFAULT_SIZE
    before_us, before_id = _place(page_token)
    position = {"before_us": before_us, "before_id": before_id, "limit": limit + 1}
    with bureau.database.snapshot() as db:
        reader = signed_statement.authenticated_reader(
            db, bureau.origin, caller, request, "Consents/ListConsents", now_us
        )
        held_by = {"grantee": member_id_of(reader), **position}
        if own_id := subject_id_of(reader):
            rows = db.all(q.consents_of_subject, subject_id=own_id, **position)
        elif subject_id:
            rows = db.all(q.consents_of_grantee_on, subject_id=subject_id, **held_by)
        else:
            rows = db.all(q.consents_of_grantee, **held_by)
    consents = [(HeldConsent(*row[:-1]), row[-1]) for row in rows]
    page, token = paging.cut(consents, limit, lambda row: f"{row[0].create_us}.{row[0].consent_id}")
    return [view_of(held, Envelope.FromString(signed), now_us) for held, signed in page], token


def breaches(consent: Consent, policy: Policy) -> list[tuple[Reason, FieldViolation]]:
    """Find violations of the rules over several fields of a consent."""
    violations: list[tuple[Reason, FieldViolation]] = []

    def breach(reason: Reason, field: str, message: str) -> None:
        violations.append(field_rules.violation(field, reason, message))

    start_us = consent.start_time.ToMicroseconds()
    expire_us = consent.expire_time.ToMicroseconds()
    if expire_us <= start_us:
        breach("DATE_ORDER", "expire_time", "must lie after start_time")
    reading = {codes_pb2.ACTION_INQUIRE, codes_pb2.ACTION_MONITOR} & set(consent.actions)
    if reading and not consent.purposes:
        breach("INVALID_FIELD", "purposes", "INQUIRE and MONITOR need at least one purpose")
    if reading and not consent.sections:
        breach("INVALID_FIELD", "sections", "INQUIRE and MONITOR need at least one section")
    stores = consent.mode == consent_pb2.CONSENT_MODE_STORE
    life_s = consent.data_life.ToSeconds()
    if stores != (life_s > 0):
        breach("INVALID_FIELD", "data_life", "above zero with mode STORE, and only then")

    for purpose in consent.purposes if reading else []:
        name = codes_pb2.Purpose.Name(purpose).removeprefix("PURPOSE_")
        ceiling = policy.ceiling_of(name)
        days, most, monthly = ceiling.max_days, ceiling.max_uses, ceiling.max_monthly
        if expire_us - start_us > days * DAY_US:
            breach("CONSENT_CEILING", "expire_time", f"{name}: at most {days} days after start")
        if most and not 0 < consent.max_uses <= most:
            breach("CONSENT_CEILING", "max_uses", f"{name}: 1 to {most}")
        in_month = consent.frequency.unit == consent_pb2.FREQUENCY_UNIT_MONTH
        yearly = consent.frequency.unit == consent_pb2.FREQUENCY_UNIT_YEAR
        if monthly and not ((in_month or yearly) and consent.frequency.value <= monthly):
            breach("CONSENT_CEILING", "frequency", f"{name}: at most {monthly} uses a month")
    return violations


def view_of(held: HeldConsent, envelope: Envelope, now_us: int) -> ConsentView:
    """Return a consent as its subject and its grantee see it."""
    return consents_pb2.ConsentView(
        consent_id=held.consent_id,
        consent=envelope,
        state=held.state_at(now_us),  # type: ignore[arg-type]
        use_count=held.use_count,
        create_time=timestamp_of(held.create_us),
        update_time=timestamp_of(held.update_us),
        note=held.note,
    )


def _row_of(consent: Consent, consent_id: str, tx: Transaction) -> dict[str, Any]:
    return {
        "consent_id": consent_id,
        "subject_id": consent.subject_id,
        "grantee": consent.grantee,
        "actions": CodeSet.of(consent.actions),
        "purposes": CodeSet.of(consent.purposes),
        "sections": CodeSet.of(consent.sections),
        "portfolio_types": CodeSet.of(consent.portfolio_types),
        "history_months": consent.history_months,
        "start_us": consent.start_time.ToMicroseconds(),
        "expire_us": consent.expire_time.ToMicroseconds(),
        "max_uses": consent.max_uses,
        "frequency_unit": consent.frequency.unit,
        "frequency_value": consent.frequency.value,
        "state": ACTIVE,
        "use_count": 0,
        "period": 0,
        "period_count": 0,
        "entry_key": tx.entry_key,
        "create_us": tx.now_us,
        "update_us": tx.now_us,
        "note": "",
    }


def _check_bounds(tx: Transaction, consent: Consent, bounds: Bounds) -> None:
    """Raise LIMIT_REACHED if a subject has given a member all the consents that it may hold."""
    pair = {"grantee": consent.grantee, "subject_id": consent.subject_id, "now_us": tx.now_us}
    held = tx.db.one(q.consents_in_use, **pair)
    if held and held[0] >= bounds.consents:
        raise Refusal.of_field(
            "LIMIT_REACHED",
            "grantee",
            f"the member has {bounds.consents} consents of the subject: revoke one, or let one "
            "expire",
        )
    if codes_pb2.ACTION_MONITOR not in consent.actions:
        return
    tx.db.execute(q.drop_expired_monitors, **pair)
    monitors = tx.db.one(q.monitor_count, grantee=consent.grantee, subject_id=consent.subject_id)
    if monitors and monitors[0] >= bounds.monitor_consents:
        raise Refusal.of_field(
            "LIMIT_REACHED",
            "grantee",
            f"the member monitors the subject by {bounds.monitor_consents} consents: revoke one, "
            "or let one expire",
        )


def _own(row: q.ConsentColumns | None, subject_id: str) -> HeldConsent:
    held = HeldConsent(*row) if row else None
    if held is None or subject_id != held.subject_id:
        raise Refusal.of_field("NOT_FOUND", "consent_id", "the subject has no consent with this id")
    return held


def _held(bureau: Bureau, consent_id: str) -> HeldConsent:
    with bureau.database.snapshot() as db:
        row = db.one(q.consent_by_id, consent_id=consent_id)
    assert row is not None, "a consent whose entry is in the log has a row"
    return HeldConsent(*row)


def _view(db: Connection, consent_id: str, now_us: int) -> ConsentView:
    row = db.one(q.consent_by_id, consent_id=consent_id)
    if row is None:
        raise Refusal("NOT_FOUND", "no consent with this id is the reader's")
    held = HeldConsent(*row)
    envelope = db.one(q.envelope_of, entry_key=held.entry_key)
    assert envelope is not None, "every entry has its statement"
    return view_of(held, Envelope.FromString(envelope[0]), now_us)


def _place(token: str) -> tuple[int, str]:
    """Parse a page token into (create_us, consent_id), the exclusive upper bound of the page."""
    time_us, _, consent_id = token.partition(".")
    if not CONSENT_ID.fullmatch(consent_id):
        raise paging.bad_token()
    return paging.number_in(time_us, otherwise=paging.NEWEST), consent_id
