"""Attributes of delinquency and inquiries: worst status, frequency, recency."""

from __future__ import annotations

from bureau.calendar import DAY_US
from bureau.credit_file.attributes.definition import Definition, definition
from bureau.credit_file.attributes.view import View
from bureau.credit_file.history import DELINQUENT, SEVERITY, SILENT

# Payment history characters of at least 30, 60 or 90 days past due, or worse.
LATE = {30: DELINQUENT, 60: DELINQUENT - {"1"}, 90: DELINQUENT - {"1", "2"}}
LOST = frozenset("GL")


def _worst(months: int) -> Definition:
    def compute(view: View) -> float | None:
        characters = set("".join(line.last(months) for line in view.lines)) - SILENT
        return max((float(SEVERITY.find(character)) for character in characters), default=None)

    return Definition(
        f"worst_status_{months}m",
        f"Worst payment history character, as its place in {SEVERITY}",
        "severity",
        f"{months} calendar months, this one included",
        "no month was reported",
        compute,
    )


def _count(days: int, months: int) -> Definition:
    def compute(view: View) -> float:
        return float(
            sum(character in LATE[days] for line in view.lines for character in line.last(months))
        )

    return Definition(
        f"months_{days}_plus_{months}m",
        f"Account months {days} or more days past due, or worse",
        "account months",
        f"{months} calendar months, this one included",
        "never missing",
        compute,
    )


def _now(days: int) -> Definition:
    def compute(view: View) -> float:
        return float(sum(line.profile[:1] in LATE[days] for line in view.lines))

    return Definition(
        f"tradelines_now_{days}_plus",
        f"Tradelines {days} or more days past due, or worse, in their newest month",
        "tradelines",
        "newest month of each",
        "never missing",
        compute,
    )


def _since(days: int) -> Definition:
    def compute(view: View) -> float | None:
        ages = [
            float(line.lag + next(age for age, c in enumerate(line.profile) if c in LATE[days]))
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


def _inquiries(months: int, days: int) -> Definition:
    def compute(view: View) -> float:
        return float(len(view.inquiries_within(days)))

    return Definition(
        f"inquiries_{months}m",
        "Inquiries that other members see",
        "inquiries",
        f"{days} days",
        "never missing",
        compute,
    )


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


@definition("Members that asked, as other members see", "members", "183 days")
def inquiring_members_6m(view: View) -> float:
    return float(len({inquiry.member_id for inquiry in view.inquiries_within(183)}))


@definition("Days since the last inquiry", "days", "two years", "there was none")
def days_since_inquiry(view: View) -> float | None:
    newest = max((inquiry.create_us for inquiry in view.inquiries), default=None)
    return None if newest is None else float((view.now_us - newest) // DAY_US)


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
INQUIRIES = [
    _inquiries(1, 30),
    _inquiries(3, 91),
    _inquiries(6, 183),
    _inquiries(12, 365),
    inquiring_members_6m,
    days_since_inquiry,
]
