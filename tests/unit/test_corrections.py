"""The records that need no new consent to furnish: what is worse, and what adds to a file."""

from __future__ import annotations

from typing import Any

import pytest

from bureau.credit_file.corrections import (
    FREE,
    MORE_IS_WORSE,
    OWN_RULE,
    RULES,
    SAME,
    FurnishedSnapshot,
    is_worse,
    needs_no_consent,
)
from bureau.credit_file.history import CORRECTION, ORIGINAL
from bureau.policy import WITHOUT_CONSENT
from creditbureau.v1 import codes_pb2
from creditbureau.v1.record_pb2 import Party, TradelineSnapshot

CURRENT = codes_pb2.ACCOUNT_STATUS_CURRENT
LATE = codes_pb2.ACCOUNT_STATUS_PAST_DUE_60
PAID = codes_pb2.ACCOUNT_STATUS_PAID_OR_CLOSED
JOINT, GUARANTOR = codes_pb2.PARTY_ROLE_JOINT, codes_pb2.PARTY_ROLE_GUARANTOR
ANNA, BORIS = "a" * 32, "b" * 32
ALL = tuple(RULES)


def month(number: int = 202405, **changes: Any) -> TradelineSnapshot:
    """A month of a card that is two months late."""
    fields: dict[str, Any] = {
        "month": number,
        "parties": [Party(subject_id=ANNA, role=JOINT)],
        "status": LATE,
        "balance_minor": 100,
        "amount_past_due_minor": 20,
        "days_past_due": 61,
        "payments_missed": 2,
        "credit_limit_minor": 500,
        "first_delinquency_date": 20240310,
    }
    return TradelineSnapshot(**(fields | changes))


def owed_nothing(number: int = 202406, **changes: Any) -> TradelineSnapshot:
    zeros = dict.fromkeys(
        ("balance_minor", "amount_past_due_minor", "days_past_due", "payments_missed"), 0
    )
    return month(number, **({"status": PAID} | zeros | changes))


def needs_none(
    snapshot: TradelineSnapshot,
    *,
    kind: int = CORRECTION,
    newest: TradelineSnapshot | None = None,
    deleted: tuple[int, ...] = (),
    moves_delinquency: bool = False,
    disputed: tuple[int, ...] = (),
    consenting: tuple[str, ...] = (),
) -> bool:
    """Ask of a snapshot of an account whose newest month on file is its only one."""
    newest = newest or month()
    furnished = FurnishedSnapshot(
        kind,
        snapshot,
        newest,
        newest if newest.month == snapshot.month else None,
        {newest.month, *deleted},
        lambda: moves_delinquency,
        lambda: set(disputed),
        set(consenting),
    )
    return needs_no_consent(ALL, furnished)


def test_every_kind_of_the_policies_has_its_rule() -> None:
    assert set(RULES) == WITHOUT_CONSENT


@pytest.mark.parametrize(
    "changes",
    [
        {"status": codes_pb2.ACCOUNT_STATUS_PAST_DUE_90},
        {"status": codes_pb2.ACCOUNT_STATUS_COLLECTION},
        {"payment_rating": "4"},
        {"balance_minor": 101},
        {"amount_past_due_minor": 21},
        {"days_past_due": 62},
        {"payments_missed": 3},
        {"charge_off_amount_minor": 1},
        {"restructured": True},
        {"classification": codes_pb2.CLASSIFICATION_SPECIAL_MENTION},
        {"credit_limit_minor": 499},
        {"special_comment": "AP"},
        {"first_delinquency_date": 20240410},
        {"first_delinquency_date": 0},
        {"status": CURRENT, "first_delinquency_date": 20240310, "special_comment": "AU"},
        {"amount_due_minor": 1},
        {"original_amount_minor": 1},
        {"open_date": 20240101},
        {"account_type": "48"},
        {"portfolio_type": codes_pb2.PORTFOLIO_TYPE_OPEN},
        {"original_creditor": "Another"},
        {"close_reason": codes_pb2.CLOSE_REASON_CHARGED_OFF},
        {"status": codes_pb2.ACCOUNT_STATUS_CLAIM_FILED},
        {"status": codes_pb2.ACCOUNT_STATUS_PAID_CHARGE_OFF, "balance_minor": 0},
        {"status": codes_pb2.ACCOUNT_STATUS_PAID_SURRENDER, "balance_minor": 0},
    ],
    ids=str,
)
def test_a_correction_makes_nothing_worse(changes: dict[str, Any]) -> None:
    assert is_worse(month(**changes), month())
    assert not needs_none(month(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"status": CURRENT, "amount_past_due_minor": 0, "days_past_due": 0},
        {"balance_minor": -5},
        {"credit_limit_minor": 600},
        {"classification": codes_pb2.CLASSIFICATION_NORMAL},
        {"first_delinquency_date": 20240210},
        {"interest_rate_ppm": 1, "last_payment_date": 20240501},
        {"close_reason": codes_pb2.CLOSE_REASON_BY_CONSUMER},
        {"secured": True},
    ],
    ids=str,
)
def test_a_correction_may_change_the_rest(changes: dict[str, Any]) -> None:
    assert needs_none(month(**changes))
    assert not needs_none(month(**changes), kind=ORIGINAL)


@pytest.mark.parametrize("status", ["PAID_CHARGE_OFF", "PAID_COLLECTION", "PAID_REPOSSESSION"])
def test_a_loss_is_settled_as_what_it_was(status: str) -> None:
    lost = month(status=f"ACCOUNT_STATUS_{status.removeprefix('PAID_')}", days_past_due=0)
    settled = owed_nothing(status=f"ACCOUNT_STATUS_{status}")
    assert needs_none(settled, kind=ORIGINAL, newest=lost)
    for before in (month(), month(status=CURRENT), owed_nothing(202405)):
        assert not needs_none(settled, kind=ORIGINAL, newest=before)
        assert not needs_none(owed_nothing(202405, status=settled.status), newest=before)


def test_a_date_is_not_named_where_nothing_was_late() -> None:
    clean = month(status=CURRENT, first_delinquency_date=0)
    dated = month(status=CURRENT)
    assert not needs_none(dated, newest=clean)
    assert needs_none(month(), newest=month(first_delinquency_date=0))


def test_a_correction_takes_no_payment_away_and_moves_no_delinquency() -> None:
    assert not needs_none(month(), newest=month(amount_paid_minor=1))
    assert needs_none(month(amount_paid_minor=1))
    assert not needs_none(month(status=CURRENT), moves_delinquency=True)


def test_every_field_of_a_snapshot_has_its_rule() -> None:
    ruled = [*SAME, *MORE_IS_WORSE, *FREE, *OWN_RULE]
    assert sorted(ruled) == sorted(TradelineSnapshot.DESCRIPTOR.fields_by_name)


def test_a_deletion_opens_no_month() -> None:
    """What is added is compared with the newest month that was ever furnished."""
    fine = {"status": CURRENT, "amount_past_due_minor": 0, "days_past_due": 0}
    for deleted in (202406, 202407):
        assert not needs_none(owed_nothing(202408), deleted=(deleted,))
        assert not needs_none(month(202408, close_date=20240801), deleted=(deleted,))
        assert not needs_none(month(deleted, **fine), deleted=(deleted,), disputed=(deleted,))
        assert not needs_none(month(202404, **fine), deleted=(deleted,), disputed=(202404,))
    assert needs_none(owed_nothing(202408), deleted=(202403,))
    assert not needs_none(month(202403, **fine), deleted=(202403,), disputed=(202403,))


def test_a_correction_does_not_open_a_closed_account_again() -> None:
    closed = owed_nothing()
    assert not needs_none(owed_nothing(status=CURRENT), newest=closed)
    assert not needs_none(month(close_date=0), newest=month(close_date=20240501))
    # The lender owed five and paid them out.
    assert needs_none(owed_nothing(), newest=owed_nothing(balance_minor=-5))


@pytest.mark.parametrize(
    ("parties", "allowed"),
    [
        ([(ANNA, codes_pb2.PARTY_ROLE_AUTHORISED_USER)], True),
        ([(ANNA, codes_pb2.PARTY_ROLE_TERMINATED)], True),
        ([(ANNA, GUARANTOR)], False),
        ([(BORIS, JOINT)], False),
        ([(ANNA, JOINT), (BORIS, JOINT)], False),
    ],
)
def test_a_correction_adds_no_person_and_no_debt(
    parties: list[tuple[str, Any]], allowed: bool
) -> None:
    named = [Party(subject_id=person, role=role) for person, role in parties]
    assert needs_none(month(parties=named)) is allowed


@pytest.mark.parametrize("kind", [ORIGINAL, CORRECTION])
def test_a_newer_month_closes_or_pays_in_full_and_no_more(kind: int) -> None:
    assert needs_none(owed_nothing(), kind=kind)
    assert needs_none(month(202406, close_date=20240630), kind=kind)
    assert not needs_none(month(202406), kind=kind)
    # An older month only adds.
    assert not needs_none(owed_nothing(202404), kind=kind)
    worse = month(202406, close_date=20240630, balance_minor=101)
    assert not needs_none(worse, kind=kind)


def test_an_account_is_closed_once_and_paid_in_full_once() -> None:
    closed = month(202406, close_date=20240630)
    assert not needs_none(month(202407, close_date=20240630), newest=closed)
    assert needs_none(owed_nothing(202407, close_date=20240630), newest=closed)
    assert not needs_none(owed_nothing(202408), newest=owed_nothing(202407))


def test_a_dispute_opens_the_month_that_it_names() -> None:
    fine = {"status": CURRENT, "amount_past_due_minor": 0, "days_past_due": 0}
    assert needs_none(month(202404, **fine), disputed=(202404,))
    assert not needs_none(month(202404, **fine), disputed=(202404,), kind=ORIGINAL)
    assert not needs_none(month(202404, **fine), disputed=(0, 202403))
    # More may have been owed then; now it may not.
    more = fine | {"balance_minor": 900}
    assert needs_none(month(202404, **more), disputed=(202404,))
    assert needs_none(month(202404, **more), disputed=(202404,), newest=owed_nothing())
    assert needs_none(month(202406, **fine), disputed=(202406,))
    assert not needs_none(month(202406, **more), disputed=(202406,))
    # Nor does it open the month to what is late.
    assert not needs_none(month(202404), disputed=(202404,))


def test_one_holder_of_a_joint_account_keeps_it() -> None:
    both = [Party(subject_id=ANNA, role=JOINT), Party(subject_id=BORIS, role=JOINT)]
    shared, worse = month(parties=both), month(202406, parties=both, balance_minor=900)
    assert needs_none(worse, kind=ORIGINAL, newest=shared, consenting=(BORIS,))
    assert not needs_none(worse, kind=ORIGINAL, newest=shared)
    # Nobody who was not a holder before is brought onto it, or brings another's account along.
    assert not needs_none(worse, kind=ORIGINAL, consenting=(BORIS,))
    assert not needs_none(worse, kind=ORIGINAL, consenting=(ANNA,))
    guarded = month(
        parties=[Party(subject_id=ANNA, role=JOINT), Party(subject_id=BORIS, role=GUARANTOR)]
    )
    assert not needs_none(worse, kind=ORIGINAL, newest=guarded, consenting=(BORIS,))
    # Nobody's role changes, and no month before is written for those who were not in it.
    maker = [Party(subject_id=ANNA, role=codes_pb2.PARTY_ROLE_MAKER), both[1]]
    changed = month(202406, parties=maker)
    assert not needs_none(changed, kind=ORIGINAL, newest=shared, consenting=(BORIS,))
    older = month(202404, parties=both)
    assert not needs_none(older, kind=ORIGINAL, newest=shared, consenting=(BORIS,))
    assert not needs_none(worse, newest=shared, consenting=(BORIS,), deleted=(202406,))
    alone = month(202406, balance_minor=900)
    assert not needs_none(alone, kind=ORIGINAL, newest=shared, consenting=(BORIS,))
