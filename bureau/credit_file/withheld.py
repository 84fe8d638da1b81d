"""The inquiries that reports leave out because of complaints. Pure."""

from __future__ import annotations

from bureau.credit_file.filed import CreditFile
from bureau.credit_file.subject_state import SubjectState


def withhold_inquiries(file: CreditFile, state: SubjectState, reader: str) -> CreditFile:
    """Return a credit file without the inquiries under complaint, but for the reader's own.

    Args:
        reader: Member id of the reader; empty for the subject, whose figures are those that
            lenders see.
    """
    withheld = state.withheld_inquiries
    if not withheld:
        return file
    kept = [
        inquiry
        for inquiry in file.inquiries
        if inquiry.member_id == reader or (inquiry.member_id, inquiry.inquiry_id) not in withheld
    ]
    return file._replace(inquiries=kept)


def keep_inquiries(file: CreditFile, _state: SubjectState, _reader: str) -> CreditFile:
    """Return a credit file as it is: version 2026-11 withholds no inquiry."""
    return file
