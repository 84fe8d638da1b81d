"""The records that need no new consent to furnish: what is worse, and what adds to a file."""

from __future__ import annotations

from typing import Any

import pytest

from bureau.credit_file.corrections import RULES, FurnishedSnapshot, is_worse, needs_no_consent
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
        {"open_date": 20230101, "account_type": "07"},
    ],
    ids=str,
)
def test_a_correction_may_change_the_rest(changes: dict[str, Any]) -> None:
    assert needs_none(month(**changes))
    assert not needs_none(month(**changes), kind=ORIGINAL)


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
    alone = month(202406, balance_minor=900)
    assert not needs_none(alone, kind=ORIGINAL, newest=shared, consenting=(BORIS,))
