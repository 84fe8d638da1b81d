"""Use cases of holds: a subject freezes their own credit file, and lifts the freeze."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bureau import signed_statement
from bureau.calendar import timestamp_of
from bureau.context import Bureau
from bureau.credit_file.own_entries import read_hold, read_holds
from bureau.credit_file.subject_events import add_event, check_count
from bureau.credit_file.subject_keys import by_id, read_keys
from bureau.credit_file.subject_state import LIFT, PLACEMENT
from bureau.errors import Refusal
from bureau.ledger.units import Transaction
from bureau.signed_statement import VerifiedStatement
from bureau.store import queries as q
from creditbureau.v1 import hold_pb2
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.hold_pb2 import Hold, HoldLift, HoldPlacement
from creditbureau.v1.log_pb2 import Receipt


def place_hold(bureau: Bureau, envelope: Envelope) -> tuple[Hold, Receipt]:
    """Place a hold, effective from the next request on.

    Raises:
        Refusal: All of `verify_statement`; DATE_ORDER; WRONG_STATE if one of
            this kind is in force.
    """
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db, bureau.origin, envelope, HoldPlacement, kind="hold", signer=None
        )
    placement = opened.message

    def work(tx: Transaction) -> None:
        subject_id = _admitted(opened, tx)
        ends = placement.expire_time.ToMicroseconds()
        if placement.HasField("expire_time") and ends <= tx.now_us:
            raise Refusal.of_field("DATE_ORDER", "expire_time", "must lie in the future")
        for hold in read_holds(tx.db, subject_id, tx.now_us).holds.values():
            if hold.kind == placement.kind:
                raise Refusal(
                    "WRONG_STATE", f"a hold of this kind is in force already: {hold.hold_id}"
                )
        add_event(tx, opened.signed.request_id, subject_id, PLACEMENT, placement)

    return _committed(bureau, opened, work, opened.signed.request_id)


def lift_hold(bureau: Bureau, envelope: Envelope) -> tuple[Hold, Receipt]:
    """Lift a hold: for good, until a time, or for one member until a time.

    Raises:
        Refusal: All of `verify_statement`; NOT_FOUND; WRONG_STATE if it has
            ended, or if the signing key replaced another one lately; DATE_ORDER; INVALID_FIELD
            for one member without a time, and for an unknown member; LIMIT_REACHED.
    """
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db, bureau.origin, envelope, HoldLift, kind="hold-lift", signer=None
        )
    lift = opened.message
    hold_id = lift.hold_id
    if lift.member_id and not lift.HasField("until_time"):
        raise Refusal.of_field("INVALID_FIELD", "until_time", "needed to lift for one member")

    def work(tx: Transaction) -> None:
        subject_id = _admitted(opened, tx)
        if lift.HasField("until_time") and lift.until_time.ToMicroseconds() <= tx.now_us:
            raise Refusal.of_field("DATE_ORDER", "until_time", "must lie in the future")
        hold = read_hold(tx.db, subject_id, hold_id, tx.now_us)
        if hold is None:
            raise Refusal.of_field("NOT_FOUND", "hold_id", "the subject has no hold with this id")
        if hold.state == hold_pb2.HOLD_STATE_ENDED:
            raise Refusal("WRONG_STATE", "the hold has ended")
        _check_age_of_key(opened, tx)
        if lift.member_id and not tx.db.one(q.member_by_id, member_id=lift.member_id):
            raise Refusal.of_field("INVALID_FIELD", "member_id", "no member has this id")
        check_count(tx, subject_id, bureau.policy)
        add_event(tx, hold_id, subject_id, LIFT, lift)

    return _committed(bureau, opened, work, hold_id)


def _check_age_of_key(opened: VerifiedStatement[HoldLift], tx: Transaction) -> None:
    """Raise WRONG_STATE if a key replaced another one without its approval, and lately."""
    key = by_id(read_keys(tx.db, opened.subject_id), opened.key_id)
    if key and tx.now_us < key.lift_us:
        since = timestamp_of(key.lift_us).ToJsonString()
        raise Refusal(
            "WRONG_STATE", f"the signing key replaced another one: it lifts holds from {since} on"
        )


def _admitted(opened: VerifiedStatement[Any], tx: Transaction) -> str:
    """Lock the signer's credit file until the commit, and return the subject id."""
    opened.recheck_key_and_time(tx)
    subject_id = opened.subject_id
    tx.db.lock(q.lock_subject, subject_id=subject_id)
    return subject_id


def _committed(
    bureau: Bureau,
    opened: VerifiedStatement[Any],
    work: Callable[[Transaction], None],
    hold_id: str,
) -> tuple[Hold, Receipt]:
    committed = bureau.ledger.commit(opened.signed, work)
    with bureau.database.snapshot() as db:
        hold = read_hold(db, opened.subject_id, hold_id, bureau.clock.now_us())
    assert hold is not None, "a hold that was placed or lifted is stored"
    return hold, signed_statement.receipt_of(committed.proof)
