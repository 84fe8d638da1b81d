"""Translates the codes of Metro 2 into the codes of records, and back."""

from __future__ import annotations

from functools import cache
from typing import TypeVar

from bureau_client.files.metro2.layout import table_of
from bureau_client.models.codes import AccountStatus, Code
from bureau_client.models.records import Snapshot
from bureau_keys.payment_profile import NO_DATA, PROFILE

AnyCode = TypeVar("AnyCode", bound=Code)

# Days: the lower bound of each status's bucket.
DAYS_PAST_DUE = {
    AccountStatus.PAST_DUE_30: 30,
    AccountStatus.PAST_DUE_60: 60,
    AccountStatus.PAST_DUE_90: 90,
    AccountStatus.PAST_DUE_120: 120,
    AccountStatus.PAST_DUE_150: 150,
    AccountStatus.PAST_DUE_180: 180,
}
# Metro 2 field of each amount of a record.
AMOUNTS = {
    "credit_limit": "credit_limit_minor",
    "highest_credit": "original_amount_minor",
    "scheduled_monthly_payment": "amount_due_minor",
    "actual_payment": "amount_paid_minor",
    "current_balance": "balance_minor",
    "amount_past_due": "amount_past_due_minor",
    "original_charge_off_amount": "charge_off_amount_minor",
}
# Metro 2 field of each field of a record with another name.
FIELD_OF = {name: field for field, name in AMOUNTS.items()} | {
    "account_ref": "consumer_account_number",
    "month": "date_of_account_information",
    "open_date": "date_opened",
    "close_date": "date_closed",
    "first_delinquency_date": "date_of_first_delinquency",
    "last_payment_date": "date_of_last_payment",
    "days_past_due": "account_status",
    "secured": "account_type",
    # Of the TRANSFER that a K2 segment becomes.
    "action.kind": "purchased_sold_indicator",
    "action.new_member_id": "new_member_id of the file of sales",
}
# Account statuses that take a payment rating.
RATED = frozenset({"05", "13", "65", "88", "89", "94", "95"})
# Account statuses that withdraw the account.
DELETES, DELETES_FRAUD = "DA", "DF"


def from_metro2(cls: type[AnyCode], value: object) -> AnyCode:
    """Return the record's code for a Metro 2 code; UNSPECIFIED for an unknown one."""
    return cls[_names(cls).get(str(value), "UNSPECIFIED")]


def to_metro2(code: Code) -> str:
    """Return the Metro 2 code for a record's code; empty for a code without one."""
    return {name: spelling for spelling, name in _names(type(code)).items()}.get(code.name, "")


@cache
def _names(cls: type[Code]) -> dict[str, str]:
    return dict(table_of("codes")[cls.__name__])


def character_of(snapshot: Snapshot) -> str:
    """Return the payment history's character for a month."""
    if snapshot.status == AccountStatus.CURRENT and not snapshot.balance_minor:
        return "E"
    return PROFILE.get(int(snapshot.status), NO_DATA)
