"""Attributes of the tradelines that no figure of the person's present debts counts: others' debts
that the person guarantees or uses, and the person's own that are stale.
"""

from __future__ import annotations

from collections.abc import Callable

from bureau.credit_file.attributes.definition import (
    MONEY,
    NEVER_MISSING,
    V2026_12,
    Definition,
)
from bureau.credit_file.attributes.view import TradelineView, View
from bureau.credit_file.history import DELINQUENT
from creditbureau.v1.codes_pb2 import PARTY_ROLE_AUTHORISED_USER

COUNT = "tradelines"
OPEN, LAST = "open tradelines now", "newest month of each"


def _count(
    name: str, text: str, window: str, lines: Callable[[View], list[TradelineView]]
) -> Definition:
    def compute(view: View) -> float:
        return float(len(lines(view)))

    return Definition(name, text, COUNT, window, NEVER_MISSING, compute, V2026_12)


def _sum(
    name: str,
    text: str,
    window: str,
    lines: Callable[[View], list[TradelineView]],
    amount: Callable[[TradelineView], int],
) -> Definition:
    def compute(view: View) -> float:
        return float(sum(map(amount, lines(view))))

    return Definition(name, text, MONEY, window, NEVER_MISSING, compute, V2026_12)


def _guaranteed(view: View) -> list[TradelineView]:
    return [line for line in view.guaranteed if line.is_open]


def _used(view: View) -> list[TradelineView]:
    """Return the open tradelines that the person may draw on and does not owe."""
    users = (line for line in view.not_owed if line.role == PARTY_ROLE_AUTHORISED_USER)
    return [line for line in users if line.is_open]


def _late(view: View) -> list[TradelineView]:
    return [line for line in view.guaranteed if line.profile[:1] in DELINQUENT]


def _drawn(line: TradelineView) -> int:
    return line.drawn


def _past_due(line: TradelineView) -> int:
    return line.snapshot.amount_past_due_minor


OTHER_DEBTS = [
    _sum("guaranteed_balance", "Balances that the person guarantees", OPEN, _guaranteed, _drawn),
    _sum(
        "guaranteed_past_due_amount",
        "Amounts past due that the person guarantees",
        OPEN,
        _guaranteed,
        _past_due,
    ),
    _count(
        "guaranteed_now_30_plus",
        "Guaranteed tradelines 30 or more days past due, or worse, in their newest month",
        LAST,
        _late,
    ),
    _count(
        "not_owed_tradelines",
        "Tradelines that the person does not owe: an authorised user's, and those of a"
        " terminated or deceased holder",
        "now",
        lambda view: view.not_owed,
    ),
    _sum(
        "authorised_user_balance",
        "Balances that another one owes and the person may draw on",
        OPEN,
        _used,
        _drawn,
    ),
    _count(
        "stale_tradelines",
        "Tradelines that were open when they were last reported, and are no longer reported",
        "now",
        lambda view: view.stale,
    ),
    _sum("stale_balance", "Balances of stale tradelines", LAST, lambda view: view.stale, _drawn),
]
