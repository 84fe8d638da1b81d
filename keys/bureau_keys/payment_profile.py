"""The payment history profile: the character that a month shows.

The bureau makes histories with it; a verifier of one reads the furnisher's signed
records by the same table (Metro 2, payment history profile).
"""

from __future__ import annotations

from creditbureau.v1 import codes_pb2
from creditbureau.v1.record_pb2 import TradelineSnapshot

# Nothing is known of the month.
NO_DATA = "D"
# Amounts that a history has for each month.
AMOUNTS = ("balance_minor", "amount_due_minor", "amount_paid_minor", "amount_past_due_minor")
CURRENT = codes_pb2.ACCOUNT_STATUS_CURRENT
PROFILE: dict[int, str] = {
    codes_pb2.ACCOUNT_STATUS_CURRENT: "0",
    codes_pb2.ACCOUNT_STATUS_PAST_DUE_30: "1",
    codes_pb2.ACCOUNT_STATUS_PAST_DUE_60: "2",
    codes_pb2.ACCOUNT_STATUS_PAST_DUE_90: "3",
    codes_pb2.ACCOUNT_STATUS_PAST_DUE_120: "4",
    codes_pb2.ACCOUNT_STATUS_PAST_DUE_150: "5",
    codes_pb2.ACCOUNT_STATUS_PAST_DUE_180: "6",
    codes_pb2.ACCOUNT_STATUS_PAID_OR_CLOSED: "E",
    codes_pb2.ACCOUNT_STATUS_TRANSFERRED: "D",
    codes_pb2.ACCOUNT_STATUS_PAID_SURRENDER: "E",
    codes_pb2.ACCOUNT_STATUS_PAID_COLLECTION: "E",
    codes_pb2.ACCOUNT_STATUS_PAID_REPOSSESSION: "E",
    codes_pb2.ACCOUNT_STATUS_PAID_CHARGE_OFF: "E",
    codes_pb2.ACCOUNT_STATUS_PAID_FORECLOSURE_STARTED: "E",
    codes_pb2.ACCOUNT_STATUS_CLAIM_FILED: "6",
    codes_pb2.ACCOUNT_STATUS_DEED_IN_LIEU: "H",
    codes_pb2.ACCOUNT_STATUS_COLLECTION: "G",
    codes_pb2.ACCOUNT_STATUS_FORECLOSURE: "H",
    codes_pb2.ACCOUNT_STATUS_SURRENDER: "J",
    codes_pb2.ACCOUNT_STATUS_REPOSSESSION: "K",
    codes_pb2.ACCOUNT_STATUS_CHARGE_OFF: "L",
}


def character_of(snapshot: TradelineSnapshot) -> str:
    """Return the payment history character of a month."""
    if not snapshot.balance_minor and snapshot.status == CURRENT:
        return "E"
    return PROFILE.get(snapshot.status, NO_DATA)


def month_before(month: int, age: int) -> int:
    """Return the month a number of months before another (yyyymm)."""
    months = month // 100 * 12 + month % 100 - 1 - age
    return months // 12 * 100 + months % 12 + 1


def months_between(month: int, newest: int) -> int:
    """Return the number of months between two months (yyyymm)."""
    return (newest // 100 - month // 100) * 12 + newest % 100 - month % 100
