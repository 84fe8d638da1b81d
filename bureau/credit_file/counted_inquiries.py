"""The inquiries that count in a reader's figures. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bureau.calendar import DAY_US
from bureau.credit_file.filed import FiledInquiry

# Microseconds. A lender looks at an applicant again under the same consent while it decides:
# a job that is retried, an offer that changes. Credit decisions end within a month
# (Regulation B, 12 CFR 1002.9, allows 30 days); a later inquiry is about something new.
REPEATED_US = 30 * DAY_US


def counted_inquiries(inquiries: Iterable[FiledInquiry], reader: str) -> list[FiledInquiry]:
    """Return the inquiries of other members that count, oldest first.

    Of those under one consent within 30 days only the first counts. The reader's own are left
    out, so that to look again changes none of the reader's figures.

    Args:
        reader: Member id of the reader; empty for the subject.
    """
    counted: list[FiledInquiry] = []
    newest_us: dict[str, int] = {}
    for inquiry in sorted(inquiries, key=lambda inquiry: (inquiry.create_us, inquiry.leaf_index)):
        if inquiry.member_id == reader:
            continue
        last_us = newest_us.get(inquiry.consent_id)
        if last_us is None or inquiry.create_us - last_us > REPEATED_US:
            newest_us[inquiry.consent_id] = inquiry.create_us
            counted.append(inquiry)
    return counted
