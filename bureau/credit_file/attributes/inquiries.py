"""Attributes of inquiries of other members."""

from __future__ import annotations

from bureau.calendar import DAY_US
from bureau.credit_file.attributes.definition import (
    NEVER_MISSING,
    V2026_12,
    Definition,
    definition,
)
from bureau.credit_file.attributes.view import View


def _inquiries(months: int, days: int) -> Definition:
    def compute(view: View) -> float:
        since_us = view.since_us(days)
        return float(sum(inquiry.create_us >= since_us for inquiry in view.counted))

    return Definition(
        f"inquiries_{months}m",
        "Inquiries of other members",
        "inquiries",
        f"{days} days",
        NEVER_MISSING,
        compute,
        V2026_12,
    )


@definition("Other members that inquired", "members", "183 days", NEVER_MISSING, V2026_12)
def inquiring_members_6m(view: View) -> float:
    since_us = view.since_us(183)
    recent = (inquiry for inquiry in view.counted if inquiry.create_us >= since_us)
    return float(len({inquiry.member_id for inquiry in recent}))


@definition(
    "Days since the last of these inquiries", "days", "two years", "there was none", V2026_12
)
def days_since_inquiry(view: View) -> float | None:
    if not view.counted:
        return None
    return float((view.now_us - view.counted[-1].create_us) // DAY_US)


INQUIRIES = [
    _inquiries(1, 30),
    _inquiries(3, 91),
    _inquiries(6, 183),
    _inquiries(12, 365),
    inquiring_members_6m,
    days_since_inquiry,
]
