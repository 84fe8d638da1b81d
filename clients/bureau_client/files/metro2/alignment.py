"""Recognises segments that are read off their place: their values belong to other fields.

A lost or added character shifts all that follows, so that names and numbers stand in fields that
are not personal. Some fields show it: dates and codes in which little else is valid.
"""

from __future__ import annotations

from bureau_client.files.metro2.layout import BASE, codes
from bureau_client.files.metro2.segments import Segment

# Fields that a shift makes unreadable, of the account and of a person.
_ACCOUNT = (
    "portfolio_type",
    "date_opened",
    "account_status",
    "payment_history_profile",
    "date_of_account_information",
)
_PERSON = ("social_security_number", "date_of_birth", "telephone_number", "ecoa_code")
_PERSONS = (BASE, "J1", "J2")
# Numbers of wrong fields that a typing error does not explain.
_ACCOUNT_OFF, _PERSON_OFF = 3, 2


def is_off_place(segment: Segment) -> bool:
    """Return True if more telling fields are wrong than a typing error explains."""
    if segment.kind not in _PERSONS:
        return False
    if segment.kind == BASE and _wrong(segment, _ACCOUNT) >= _ACCOUNT_OFF:
        return True
    return _wrong(segment, _PERSON) >= _PERSON_OFF


def is_on_place(segment: Segment) -> bool:
    """Return True if every field can be read and all telling fields are right."""
    fields, unreadable = segment.read
    if unreadable:
        return False
    if segment.kind not in _PERSONS:
        return True
    indicator = fields["consumer_information_indicator"]
    if indicator and indicator not in codes("consumer_information_indicator"):
        return False
    return not _wrong(segment, (*_ACCOUNT, *_PERSON) if segment.kind == BASE else _PERSON)


def _wrong(segment: Segment, names: tuple[str, ...]) -> int:
    return sum(_is_wrong(segment, name) for name in names)


def _is_wrong(segment: Segment, name: str) -> bool:
    """Return True for a field that cannot be read, or has no code of its table; a blank is none."""
    if name not in segment.values:
        return True
    value = segment.values[name]
    if name == "payment_history_profile":
        return bool(set(str(value)) - codes("payment_history"))
    table = segment.layout[name].table
    return bool(table and value and value not in codes(table))
