"""Use cases of consents: subjects grant, change and read them."""

from __future__ import annotations

from typing import NamedTuple

from bureau import field_rules, paging, signed_statement
from bureau.calendar import DAY_US
from bureau.codes import CodeSet
from bureau.context import Bureau, Caller
from bureau.credit_file import consent_requests
from bureau.credit_file.consent_events import KIND_OF, add_consent_event
from bureau.credit_file.consent_proof import (
    KeyProofs,
    in_log_order,
    show_consent,
    show_grant,
)
from bureau.credit_file.consent_state import HeldConsent
from bureau.errors import FieldViolation, Refusal
from bureau.ledger.log import LogProof
from bureau.ledger.units import Committed, Transaction
from bureau.policy import Bounds, Policy
from bureau.signed_statement import VerifiedStatement
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.consent_history import ACTIVE, ENDED, FINAL, TRANSITIONS
from bureau_keys.signer_name import member_id_of, member_signer, subject_id_of, subject_signer
from creditbureau.v1 import codes_pb2, consent_pb2
from creditbureau.v1.consent_event_pb2 import CONSENT_EVENT_KIND_GRANTED
from creditbureau.v1.consent_pb2 import Consent, ConsentChange
from creditbureau.v1.consents_pb2 import ConsentView
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.members_pb2 import LoggedStatement
from creditbureau.v1.reason import Reason


class ShownConsents(NamedTuple):
    """Consents with the statements that bound the signing keys, and the next page's token."""

    views: list[ConsentView]
    keys: list[LoggedStatement]
    next_page_token: str = ""


def grant_consent(bureau: Bureau, envelope: Envelope) -> tuple[ShownConsents, Receipt]:
    """Store a consent that a subject signed, and return it.

    Raises:
        Refusal: All of `_open_grant` and `_commit_grant`.
    """
    # 1. Open and verify, and prove the key that signed.
    with bureau.database.snapshot() as db:
        opened = _open_grant(bureau, db, envelope)
        keys = KeyProofs(db).of(opened.subject_id, [opened.key_id])
    # 2. One unit of work.
    committed = _commit_grant(bureau, opened)
    # 3. The answer. It follows from the write; a replayed consent may have changed since.
    if committed.result is None:
        return _committed(bureau, opened.signed.request_id, committed.proof)
    signed = signed_statement.committed_statement(opened.signed, committed.proof)
    view = show_grant(committed.result, signed, bureau.clock.now_us())
    return ShownConsents([view], keys), signed.receipt


def commit_grant(bureau: Bureau, envelope: Envelope) -> Committed[HeldConsent]:
    """Store a consent that a subject signed.

    Raises:
        Refusal: All of `_open_grant` and `_commit_grant`.
    """
    with bureau.database.snapshot() as db:
        opened = _open_grant(bureau, db, envelope)
    return _commit_grant(bureau, opened)


def _open_grant(bureau: Bureau, db: Connection, envelope: Envelope) -> VerifiedStatement[Consent]:
    """Verify a consent that a subject signed, and the rules over several of its fields.

    Raises:
        Refusal: All of `verify_statement`; CONSENT_CEILING, DATE_ORDER, INVALID_FIELD,
            NOT_FOUND (grantee).
    """
    opened = signed_statement.verify_statement(
        db, bureau.origin, envelope, Consent, kind="consent", signer=None
    )
    consent = opened.message
    if opened.subject_id != consent.subject_id:
        raise Refusal("SIGNER_MISMATCH", "a subject can consent for their own file only")
    if db.one(q.member_by_id, member_id=consent.grantee) is None:
        raise Refusal.of_field("NOT_FOUND", "grantee", "no member has this id")
    if violations := breaches(consent, bureau.policy):
        raise field_rules.refusal(violations)
    return opened


def _commit_grant(bureau: Bureau, opened: VerifiedStatement[Consent]) -> Committed[HeldConsent]:
    """Store a consent that was verified, in one unit of work.

    Raises:
        Refusal: NOT_FOUND (request), ALREADY_EXISTS, LIMIT_REACHED; of an answer to a request also
            WRONG_STATE, WIDER_THAN_REQUEST.
    """
    consent = opened.message

    def work(tx: Transaction) -> HeldConsent:
        tx.db.lock(q.lock_subject, subject_id=consent.subject_id)
        opened.recheck_key_and_time(tx)
        before = tx.db.one(
            q.consents_before,
            consent_id=opened.signed.request_id,
            grantee=consent.grantee,
            subject_id=consent.subject_id,
            now_us=tx.now_us,
            replaces=consent.replaces,
        )
        assert before is not None, "a count has one row"
        if before.with_id:
            raise Refusal("ALREADY_EXISTS", "another subject's consent has this id")
        if consent.replaces:
            replace_consent(tx, consent)
        _check_bounds(tx, consent, before.in_use, bureau.policy.bounds)
        if consent.consent_request_id:
            consent_requests.grant_on_request(tx, consent)
        row = _row_of(consent, opened.signed.request_id, tx)
        tx.db.execute(q.add_consent, **row._asdict())
        tx.db.execute(
            q.add_consent_end,
            consent_id=row.consent_id,
            member_id=row.grantee,
            expire_us=row.expire_us,
            data_life_us=consent.data_life.ToMicroseconds(),
            deletion_entry=None,
        )
        add_consent_event(tx, row.consent_id, row.grantee, CONSENT_EVENT_KIND_GRANTED)
        if codes_pb2.ACTION_MONITOR in consent.actions:
            monitor_key = (row.subject_id, row.consent_id, row.grantee)
            tx.db.execute(q.add_monitor, **dict(zip(q.MONITOR_COLUMNS, monitor_key, strict=True)))
        return row

    return bureau.ledger.commit(opened.signed, work)


def replace_consent(tx: Transaction, consent: Consent) -> None:
    """Put a consent in the place of the one that it replaces.

    Raises:
        Refusal: NOT_FOUND, alike for unknown consents, those of another subject and those for
            another member; INVALID_FIELD for another arrangement; WRONG_STATE.
    """
    row = tx.db.one(q.lock_consent, consent_id=consent.replaces)
    earlier = HeldConsent(*row) if row else None
    if earlier is None or (earlier.subject_id, earlier.grantee) != (
        consent.subject_id,
        consent.grantee,
    ):
        raise Refusal.of_field(
            "NOT_FOUND", "replaces", "the subject has no consent for the member with this id"
        )
    arrangement_id = earlier.arrangement_id or earlier.consent_id
    if consent.arrangement_id != arrangement_id:
        message = f"the arrangement of the replaced consent is {arrangement_id}"
        raise Refusal.of_field("INVALID_FIELD", "arrangement_id", message)
    replacement = ConsentChange(
        consent_id=consent.replaces, transition=consent_pb2.CONSENT_TRANSITION_REPLACE
    )
    apply_change(tx, consent.subject_id, replacement)


def change_consent(bureau: Bureau, envelope: Envelope) -> tuple[ShownConsents, Receipt]:
    """Pause, resume or revoke a consent, and return it.

    Raises:
        Refusal: All of `commit_change`.
    """
    change, committed = commit_change(bureau, envelope)
    return _committed(bureau, change.consent_id, committed.proof)


def commit_change(bureau: Bureau, envelope: Envelope) -> tuple[ConsentChange, Committed[None]]:
    """Pause, resume or revoke a consent, effective from the next request on.

    Raises:
        Refusal: All of `verify_statement`; NOT_FOUND, WRONG_STATE, CONSENT_CEILING.
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
        if change.transition != consent_pb2.CONSENT_TRANSITION_REVOKE:
            _check_change_count(tx.db, change.consent_id, bureau.policy)
            if bureau.policy.consent_end_is_final:
                _check_not_ended(tx, opened.subject_id, change.consent_id)
        apply_change(tx, opened.subject_id, change)

    return change, bureau.ledger.commit(opened.signed, work)


def apply_change(tx: Transaction, subject_id: str, change: ConsentChange) -> None:
    """Give a subject's consent the state that a change leads to, by the unit's entry.

    Raises:
        Refusal: NOT_FOUND, WRONG_STATE.
    """
    allowed, after = TRANSITIONS[change.transition]
    consent = _own(tx.db.one(q.lock_consent, consent_id=change.consent_id), subject_id)
    if consent.state not in allowed:
        raise _wrong_state(consent.state)
    tx.db.execute(
        q.set_consent_state,
        which=change.consent_id,
        state=after,
        update_us=tx.now_us,
        note=change.note,
    )
    tx.db.execute(
        q.add_consent_change,
        consent_id=change.consent_id,
        entry_key=tx.entry_key,
        transition=change.transition,
    )
    add_consent_event(tx, consent.consent_id, consent.grantee, KIND_OF[change.transition])
    if after in FINAL:
        tx.db.execute(q.drop_monitor, whose=subject_id, which=change.consent_id)


def get_consent(
    bureau: Bureau, caller: Caller, consent_id: str, request: Envelope | None
) -> ShownConsents:
    """Return a consent to its grantee, or to its subject, who signs the request.

    Raises:
        Refusal: NOT_FOUND, alike for an unknown consent and another's consent.
    """
    now_us = bureau.clock.now_us()
    with bureau.database.snapshot() as db:
        whose = signed_statement.authenticated_reader(
            db, bureau.origin, caller, request, "Consents/GetConsent", now_us
        )
        row = db.one(q.consent_by_id, consent_id=consent_id)
        consent = HeldConsent(*row) if row else None
        if consent is None or whose not in {
            subject_signer(consent.subject_id),
            member_signer(consent.grantee),
        }:
            raise Refusal("NOT_FOUND", "no consent with this id is the reader's")
        return _shown(db, consent_id, now_us)


def list_consents(
    bureau: Bureau,
    caller: Caller,
    request: Envelope | None,
    subject_id: str,
    page_size: int,
    page_token: str,
    since_us: int | None = None,
) -> ShownConsents:
    """List the subject's own consents, or those that the member holds, by page.

    Args:
        since_us: Only consents of the member that changed at this time or later, microseconds;
            None for all.
    """
    now_us = bureau.clock.now_us()
    limit = page_size or paging.DEFAULT_SIZE
    before_us, before_id = paging.time_and_id_in(page_token)
    position = {"before_us": before_us, "before_id": before_id, "limit": limit + 1}
    with bureau.database.snapshot() as db:
        reader = signed_statement.authenticated_reader(
            db, bureau.origin, caller, request, "Consents/ListConsents", now_us
        )
        held_by = {"grantee": member_id_of(reader), **position}
        if own_id := subject_id_of(reader):
            rows = db.all(q.consents_of_subject, subject_id=own_id, **position)
        elif since_us is not None:
            changed = {"since_us": since_us, "now_us": now_us, **held_by}
            if subject_id:
                changed_on = q.consents_of_grantee_on_changed
                rows = db.all(changed_on, subject_id=subject_id, **changed)
            else:
                rows = db.all(q.consents_of_grantee_changed, **changed)
        elif subject_id:
            rows = db.all(q.consents_of_grantee_on, subject_id=subject_id, **held_by)
        else:
            rows = db.all(q.consents_of_grantee, **held_by)
        page, token = paging.cut([HeldConsent(*row) for row in rows], limit, _position)
        keys = KeyProofs(db)
        parts = ((consent, show_consent(db, consent, keys, now_us)) for consent in page)
        shown, token = paging.fit(parts, token, _position)
    return ShownConsents(
        [view for part in shown for view in part.consents],
        in_log_order(key for part in shown for key in part.keys),
        token,
    )


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

    if bool(consent.replaces) != bool(consent.arrangement_id):
        breach("INVALID_FIELD", "arrangement_id", "belongs to `replaces`, and only to it")

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


def _row_of(consent: Consent, consent_id: str, tx: Transaction) -> HeldConsent:
    """Return the row of a new consent."""
    return HeldConsent(
        consent_id=consent_id,
        subject_id=consent.subject_id,
        grantee=consent.grantee,
        actions=CodeSet.of(consent.actions),
        purposes=CodeSet.of(consent.purposes),
        sections=CodeSet.of(consent.sections),
        portfolio_types=CodeSet.of(consent.portfolio_types),
        history_months=consent.history_months,
        start_us=consent.start_time.ToMicroseconds(),
        expire_us=consent.expire_time.ToMicroseconds(),
        max_uses=consent.max_uses,
        frequency_unit=consent.frequency.unit,
        frequency_value=consent.frequency.value,
        state=ACTIVE,
        use_count=0,
        period=0,
        period_count=0,
        entry_key=tx.entry_key,
        create_us=tx.now_us,
        update_us=tx.now_us,
        note="",
        arrangement_id=consent.arrangement_id or None,
    )


def _check_bounds(tx: Transaction, consent: Consent, in_use: int, bounds: Bounds) -> None:
    """Raise LIMIT_REACHED if a subject has given a member all the consents that it may hold."""
    if in_use >= bounds.consents:
        raise Refusal.of_field(
            "LIMIT_REACHED",
            "grantee",
            f"the member has {bounds.consents} consents of the subject: revoke one, or let one "
            "expire",
        )
    if codes_pb2.ACTION_MONITOR not in consent.actions:
        return
    pair = {"grantee": consent.grantee, "subject_id": consent.subject_id}
    tx.db.execute(q.drop_expired_monitors, **pair, now_us=tx.now_us)
    monitors = tx.db.one(q.monitor_count, **pair)
    if monitors and monitors[0] >= bounds.monitor_consents:
        raise Refusal.of_field(
            "LIMIT_REACHED",
            "grantee",
            f"the member monitors the subject by {bounds.monitor_consents} consents: revoke one, "
            "or let one expire",
        )


def _own(row: q.ConsentColumns | None, subject_id: str) -> HeldConsent:
    consent = HeldConsent(*row) if row else None
    if consent is None or subject_id != consent.subject_id:
        raise Refusal.of_field("NOT_FOUND", "consent_id", "the subject has no consent with this id")
    return consent


def _check_not_ended(tx: Transaction, subject_id: str, consent_id: str) -> None:
    """Raise WRONG_STATE if a consent has expired, or its uses are used up."""
    state = _own(tx.db.one(q.lock_consent, consent_id=consent_id), subject_id).state_at(tx.now_us)
    if state in ENDED:
        raise _wrong_state(state)


def _wrong_state(state: int) -> Refusal:
    name = consent_pb2.ConsentState.Name(state)  # type: ignore[arg-type]
    return Refusal("WRONG_STATE", f"the consent is {name.removeprefix('CONSENT_STATE_')}")


def _check_change_count(db: Connection, consent_id: str, policy: Policy) -> None:
    """Check that a consent can be changed once more.

    A list of consents carries every change of each, so they must not grow without end.
    """
    most = policy.max_consent_changes
    (count,) = db.one(q.count_consent_changes, consent_id=consent_id) or (0,)
    if count >= most:
        message = f"the consent was changed {most} times: revoke it and grant another"
        raise Refusal.of_field("CONSENT_CEILING", "transition", message)


def _committed(bureau: Bureau, consent_id: str, proof: LogProof) -> tuple[ShownConsents, Receipt]:
    """Return a consent as it is after a write, and the receipt of the write."""
    with bureau.database.snapshot() as db:
        shown = _shown(db, consent_id, bureau.clock.now_us())
    return shown, signed_statement.receipt_of(proof)


def _shown(db: Connection, consent_id: str, now_us: int) -> ShownConsents:
    row = db.one(q.consent_by_id, consent_id=consent_id)
    assert row is not None, "a consent whose entry is in the log has a row"
    shown = show_consent(db, HeldConsent(*row), KeyProofs(db), now_us)
    return ShownConsents(list(shown.consents), list(shown.keys))


def _position(consent: HeldConsent) -> str:
    """Return the token of the page after a consent."""
    return paging.time_and_id_token(consent.create_us, consent.consent_id)
