"""Attributes of delinquency: worst status, frequency, recency."""

from __future__ import annotations

from bureau.credit_file.attributes.definition import (
    NEVER_MISSING,
    V2026_12,
    Definition,
    definition,
    window_of,
)
from bureau.credit_file.attributes.view import View
from bureau.credit_file.history import DELINQUENT, SEVERITY, SILENT

# Payment history characters of at least 30, 60 or 90 days past due, or worse.
LATE = {30: DELINQUENT, 60: DELINQUENT - {"1"}, 90: DELINQUENT - {"1", "2"}}
LOST = frozenset("GL")


def _worst(months: int) -> Definition:
    def compute(view: View) -> float | None:
        characters = set("".join(line.profile[:months] for line in view.lines)) - SILENT
        return max((float(SEVERITY.find(character)) for character in characters), default=None)

    return Definition(
        f"worst_status_{months}m",
        f"Worst payment history character, as its place in {SEVERITY}",
        "severity",
        window_of(months),
        "no month was reported",
        compute,
        V2026_12,
    )


def _count(days: int, months: int) -> Definition:
    def compute(view: View) -> float:
        return float(
            sum(
                character in LATE[days]
                for line in view.lines
                for character in line.profile[:months]
            )
        )

    return Definition(
        f"months_{days}_plus_{months}m",
        f"Account months {days} or more days past due, or worse",
        "account months",
        window_of(months),
        NEVER_MISSING,
        compute,
        V2026_12,
    )


def _now(days: int) -> Definition:
    def compute(view: View) -> float:
        present = (line.profile[:1] for line in view.lines if not line.is_sold)
        return float(sum(character in LATE[days] for character in present))

    return Definition(
        f"tradelines_now_{days}_plus",
        f"Tradelines {days} or more days past due, or worse, in their newest month",
        "tradelines",
        "newest month of each",
        NEVER_MISSING,
        compute,
    )


def _since(days: int) -> Definition:
    def compute(view: View) -> float | None:
        ages = [
            float(max(line.lag + _newest_age(line.profile, LATE[days]), 0))
            for line in view.lines
            if not LATE[days].isdisjoint(line.profile)
        ]
        return min(ages, default=None)

    return Definition(
        f"months_since_{days}_plus",
        f"Months since a tradeline was {days} or more days past due, or worse",
        "months",
        "whole file",
        "it never was",
        compute,
    )


def _newest_age(profile: str, late: frozenset[str]) -> int:
    return next(age for age, character in enumerate(profile) if character in late)


@definition("Tradelines ever 30 or more days past due, or worse", "tradelines", "whole file")
def tradelines_ever_30_plus(view: View) -> float:
    return float(sum(not DELINQUENT.isdisjoint(line.profile) for line in view.lines))


@definition("Tradelines ever in collection or charged off", "tradelines", "whole file")
def tradelines_ever_lost(view: View) -> float:
    return float(sum(not LOST.isdisjoint(line.profile) for line in view.lines))


@definition(
    "Open tradelines that are not past due",
    "share of open tradelines",
    "newest month of each",
    "there is no open tradeline",
)
def share_current(view: View) -> float | None:
    lines = view.open
    current = sum(line.profile[:1] not in DELINQUENT for line in lines)
    return current / len(lines) if lines else None


DELINQUENCY = [
    *map(_worst, (3, 6, 12, 24, 84)),
    *(_count(30, months) for months in (6, 12, 24, 84)),
    _count(60, 24),
    _count(90, 24),
    _now(30),
    _now(90),
    tradelines_ever_30_plus,
    tradelines_ever_lost,
    *map(_since, (30, 60, 90)),
    share_current,
]
