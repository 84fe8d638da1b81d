"""Find the deed of a member that a subject complains about."""

from __future__ import annotations

from typing import NoReturn

from bureau.credit_file.build_report import load_consent
from bureau.credit_file.complaint_state import DEEDS
from bureau.credit_file.history import ACTION, steps_of
from bureau.credit_file.own_entries import find_dispute, read_disputes
from bureau.credit_file.reader import actions_while_named
from bureau.credit_file.stored_records import StoredRecords
from bureau.errors import Refusal
from bureau.policy import Policy
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau.store.record_blocks import RecordBlock
from creditbureau.v1 import complaint_pb2
from creditbureau.v1.complaint_pb2 import ComplaintOpening
from creditbureau.v1.dispute_pb2 import DISPUTE_STATE_OPEN as OPEN


def check_deed(db: Connection, opening: ComplaintOpening, policy: Policy, now_us: int) -> None:
    """Check that a deed is one of the member, about the subject, and of the complaint's type.

    Raises:
        Refusal: INVALID_FIELD; NOT_FOUND, alike for deeds of others and for unknown ones;
            WRONG_STATE for a dispute that waits for its answer.
    """
    deed = opening.deed
    if deed.type != DEEDS[opening.kind]:
        name = complaint_pb2.DeedType.Name(DEEDS[opening.kind]).removeprefix("DEED_TYPE_")
        raise Refusal.of_field("INVALID_FIELD", "deed.type", f"this kind is about a deed {name}")
    if deed.record_index and deed.type != complaint_pb2.DEED_TYPE_ACTION:
        raise Refusal.of_field("INVALID_FIELD", "deed.record_index", "belongs to an ACTION")
    about = {"subject_id": opening.subject_id, "member_id": opening.member_id}
    if deed.type == complaint_pb2.DEED_TYPE_ACTION:
        known = _is_own_action(db, opening)
    elif deed.type == complaint_pb2.DEED_TYPE_INQUIRY:
        known = db.one(q.inquiry_deed, deed_id=deed.id, **about) is not None
    elif deed.type == complaint_pb2.DEED_TYPE_DECISION:
        known = db.one(q.decision_deed, deed_id=deed.id, **about) is not None
    elif deed.type == complaint_pb2.DEED_TYPE_CONSENT:
        consent = load_consent(db, deed.id)
        parties = (opening.subject_id, opening.member_id)
        known = consent is not None and (consent.subject_id, consent.grantee) == parties
    else:
        dispute = find_dispute(db, deed.id)
        parties = (opening.subject_id, opening.member_id)
        known = dispute is not None and (dispute.subject_id, dispute.member_id) == parties
        if known and read_disputes(db, [deed.id], policy, now_us)[deed.id].state == OPEN:
            message = "the dispute has no answer yet: wait for it, or for its deadline"
            raise Refusal("WRONG_STATE", message)
    if not known:
        _unknown()


def _is_own_action(db: Connection, opening: ComplaintOpening) -> bool:
    """Return True if a record is a facility action that the subject's file shows or showed."""
    deed = opening.deed
    row = db.one(
        q.furnished_deed,
        member_id=opening.member_id,
        deed_id=deed.id,
        record_index=deed.record_index,
    )
    if row is None:
        return False
    records = {record.record_index: record for record in RecordBlock(*row[1:]).records()}
    stored = records.get(deed.record_index)
    trail = stored and db.one(
        q.trail_about, tradeline_key=stored.tradeline_key, subject_id=opening.subject_id
    )
    if trail is None:
        return False
    named = actions_while_named(StoredRecords(db), steps_of(trail[0]), opening.subject_id)
    record = (row.submission_key, deed.record_index)
    return any(
        step.kind == ACTION and (step.submission_key, step.record_index) == record for step in named
    )


def _unknown() -> NoReturn:
    message = "the member has no such deed about the subject"
    raise Refusal.of_field("NOT_FOUND", "deed.id", message)
