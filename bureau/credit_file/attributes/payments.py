"""Attributes of the use and payment of lines: spend, payments over balances, full and
missing payments.

A month's balance is what is left after its payment, so the payment of a month answers the
balance of the month before. A line is a revolving account or a line of credit, open or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bureau.credit_file.attributes.definition import (
    MONEY,
    V2026_12,
    Definition,
    months_text,
    of_currencies,
    window_of,
)
from bureau.credit_file.attributes.view import View

NO_BALANCE = "no line had a balance to pay in these months"


def _spend(months: int) -> Definition:
    def compute(view: View) -> float | None:
        spent = [
            line.balances[0] - line.balances[months] + sum(line.payments[:months])
            for line in view.lines
            if line.is_line and all(map(line.is_reported, range(months + 1)))
        ]
        return float(sum(spent)) if spent else None

    return Definition(
        f"spend_{months}m",
        f"Change of balances in {months_text(months)}, plus the payments of that time, of lines;"
        " credit balances as reported",
        MONEY,
        window_of(months),
        "no line was reported for each of these months and the month before",
        compute,
        V2026_12,
    )


def _payment_ratio(months: int) -> Definition:
    def compute(view: View) -> float | None:
        bills = list(_bills(view, months))
        due = sum(balance for balance, _ in bills)
        return sum(payment for _, payment in bills) / due if due else None

    return Definition(
        f"payment_ratio_{months}m",
        "Payments over the balances of the month before, of lines; of the currency in which"
        " it is lowest",
        "share of balances",
        window_of(months),
        NO_BALANCE,
        of_currencies(min, compute),
        V2026_12,
    )


def _count(name: str, text: str, months: int, counts: Callable[[int, int], bool]) -> Definition:
    def compute(view: View) -> float | None:
        bills = list(_bills(view, months))
        return float(sum(counts(*bill) for bill in bills)) if bills else None

    return Definition(
        f"{name}_{months}m",
        text,
        "account months",
        window_of(months),
        NO_BALANCE,
        compute,
        V2026_12,
    )


def _paid_in_full(months: int) -> Definition:
    return _count(
        "months_paid_in_full",
        "Account months of lines with a payment of at least the balance of the month before",
        months,
        lambda balance, payment: payment >= balance,
    )


def _without_payment(months: int) -> Definition:
    return _count(
        "months_without_payment",
        "Account months of lines without a payment, with a balance the month before",
        months,
        lambda _, payment: payment == 0,
    )


def _bills(view: View, months: int) -> Iterator[tuple[int, int]]:
    """Yield each balance above zero of a line with the payment of the month after, if both
    months were reported.
    """
    for line in (line for line in view.lines if line.is_line):
        for age in range(months):
            if line.is_reported(age) and line.is_reported(age + 1) and line.balances[age + 1] > 0:
                yield line.balances[age + 1], line.payments[age]


PAYMENTS = [
    *map(_spend, (1, 3, 5)),
    *map(_payment_ratio, (1, 3, 5)),
    *map(_paid_in_full, (5, 12)),
    *map(_without_payment, (5, 12)),
]
