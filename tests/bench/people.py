"""The people of the benchmark and their accounts: made up, and the same in each month.

Shapes follow creforge's: three or four accounts with 23 months each. `HEAVY` is a
long file: six accounts with 36 months.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bureau_keys.payment_profile import month_before
from bureau_keys.signing import SigningKey
from creditbureau.v1.codes_pb2 import (
    CLASSIFICATION_NORMAL,
    PARTY_ROLE_INDIVIDUAL,
    PORTFOLIO_TYPE_INSTALMENT,
    PORTFOLIO_TYPE_REVOLVING,
)
from creditbureau.v1.record_pb2 import Party, Record, TradelineSnapshot

# Last month: accounts that are not reported any more take another way through a report.
NEWEST_MONTH = month_before(int(f"{datetime.now(UTC):%Y%m}"), 1)


@dataclass(frozen=True, slots=True)
class Account:
    """An account of one person with one lender."""

    lender: str
    ref: str
    subject_id: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with accounts."""

    subject_id: str
    key: SigningKey
    accounts: tuple[Account, ...]
    months: int


def people(kind: str, lenders: Sequence[str], count: int, *, heavy: bool = False) -> list[Person]:
    """So many people, the same for the same arguments."""
    dice = random.Random(kind)
    people = []
    for number in range(count):
        accounts = 6 if heavy else dice.choice((3, 4))
        subject_id = dice.randbytes(16).hex()
        people.append(
            Person(
                subject_id,
                SigningKey.from_seed(dice.randbytes(32)),
                tuple(
                    Account(
                        lenders[(number + i) % len(lenders)], f"{kind}-{number}-{i}", subject_id
                    )
                    for i in range(accounts)
                ),
                36 if heavy else 23,
            )
        )
    return people


def months_back(count: int, newest: int = NEWEST_MONTH) -> Iterator[int]:
    """So many months (yyyymm), oldest first."""
    last = newest // 100 * 12 + newest % 100 - 1
    for number in range(last - count + 1, last + 1):
        yield number // 12 * 100 + number % 12 + 1


def is_card(account: Account) -> bool:
    """Return True for a credit card, False for a loan."""
    return random.Random(account.ref).random() < 0.6


def record(account: Account, month: int) -> bytes:
    """The account's record of a month."""
    dice = random.Random(f"{account.ref} {month}")
    fixed = random.Random(account.ref)
    card = fixed.random() < 0.6
    amount = fixed.randrange(100_000, 5_000_000)
    late = dice.choices((0, 1, 2), (93, 5, 2))[0]
    due = amount // 40
    snapshot = TradelineSnapshot(
        month=month,
        parties=[Party(subject_id=account.subject_id, role=PARTY_ROLE_INDIVIDUAL)],
        portfolio_type=PORTFOLIO_TYPE_REVOLVING if card else PORTFOLIO_TYPE_INSTALMENT,
        account_type="18" if card else "01",
        currency="USD",
        open_date=20190315,
        term_months=0 if card else 60,
        interest_rate_ppm=189_900 if card else 74_500,
        status=1 + late,  # type: ignore[arg-type]
        balance_minor=dice.randrange(due * late, amount),
        amount_due_minor=due,
        amount_paid_minor=0 if late else due,
        amount_past_due_minor=due * late,
        days_past_due=late * 30,
        payments_missed=late,
        last_payment_date=0 if late else month * 100 + 5,
        classification=CLASSIFICATION_NORMAL,
    )
    if card:
        snapshot.credit_limit_minor = amount
    else:
        snapshot.original_amount_minor = amount
    record = Record(salt=secrets.token_bytes(32), account_ref=account.ref, snapshot=snapshot)
    return record.SerializeToString(deterministic=True)
