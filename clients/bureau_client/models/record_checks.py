"""Checks of a record before it is sent.

These are the cheap rules: types, ranges, spellings, and contradictions between the fields of a
snapshot. The bureau checks them again, and more: consents, the order of dates, the account's past.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from operator import attrgetter, le

from bureau_client.models.codes import (
    AccountStatus,
    ActionReason,
    Classification,
    CloseReason,
    Code,
    ComplianceCondition,
    DeletionReason,
    FacilityActionKind,
    Initiator,
    PartyRole,
    PortfolioType,
)
from bureau_client.models.months import Month
from bureau_client.models.records import Deletion, FacilityAction, Party, Record, Snapshot
from bureau_client.models.violations import Violation
from bureau_keys import contradictions

MAX_AMOUNT_MINOR = 10**15

_SUBJECT_ID = re.compile(r"[0-9a-f]{32}")
_RAW_VALUE = re.compile(r"[!-~]{1,32}")
_REF = re.compile(r"[!-~]{1,64}")

# Name, smallest, largest.
_INTEGERS = (
    ("balance_minor", -MAX_AMOUNT_MINOR, MAX_AMOUNT_MINOR),
    ("amount_due_minor", 0, MAX_AMOUNT_MINOR),
    ("amount_paid_minor", 0, MAX_AMOUNT_MINOR),
    ("amount_past_due_minor", 0, MAX_AMOUNT_MINOR),
    ("charge_off_amount_minor", 0, MAX_AMOUNT_MINOR),
    ("term_months", 0, 1200),
    ("interest_rate_ppm", 0, 100_000_000),
    ("days_past_due", 0, 9999),
    ("payments_missed", 0, 999),
)
_OPTIONAL_AMOUNTS = ("credit_limit_minor", "original_amount_minor")
# Name, enum, and True if UNSPECIFIED is refused.
_CODES: tuple[tuple[str, type[Code], bool], ...] = (
    ("portfolio_type", PortfolioType, True),
    ("status", AccountStatus, True),
    ("close_reason", CloseReason, False),
    ("classification", Classification, False),
    ("compliance_condition", ComplianceCondition, False),
)
_DAYS = ("open_date", "close_date", "first_delinquency_date", "last_payment_date")
_FLAGS = ("secured", "restructured", "certified")
# Fields that these kinds of action require, and all others refuse. A TRANSFER to a buyer that is
# no member has neither of its two.
_NEEDED = {
    "credit_limit_minor": {FacilityActionKind.LIMIT_CHANGE},
    "new_account_ref": {FacilityActionKind.RENUMBER, FacilityActionKind.TRANSFER},
    "new_member_id": {FacilityActionKind.TRANSFER},
}
_TEXTS = (
    ("account_type", re.compile(r"[0-9A-Z]{2}"), "two digits or capitals (Metro 2): 18"),
    ("currency", re.compile(r"[A-Z]{3}"), "an ISO 4217 code: CNY, EUR, USD"),
    ("special_comment", re.compile(r"[A-Z]{0,2}"), "at most two capitals: M"),
    ("payment_rating", re.compile(r"[0-6GL]?"), "0 to 6, G or L"),
    ("original_creditor", re.compile(r".{0,64}"), "at most 64 characters"),
    ("application_ref", re.compile(r"[!-~]{0,64}"), "at most 64 visible ASCII characters"),
)

# Descriptions of the text fields' forms, for people.
TEXT_FORMS = {name: wanted for name, _, wanted in _TEXTS}

_integers = attrgetter(*(name for name, _, _ in _INTEGERS))
_texts = attrgetter(*(name for name, _, _ in _TEXTS))
_codes = attrgetter(*(name for name, _, _ in _CODES))
_days = attrgetter(*_DAYS)
_rare_days = attrgetter(*_DAYS[1:])
_NO_DAYS = (None, None, None)
_amounts = attrgetter(*_OPTIONAL_AMOUNTS)

# Types and bounds for `_plainly_right`, field by field.
_LOWEST = tuple(low for _, low, _ in _INTEGERS)
_HIGHEST = tuple(high for _, _, high in _INTEGERS)
_PATTERNS = tuple(pattern for _, pattern, _ in _TEXTS)
_typed = attrgetter(
    *(name for name, *_ in (*_INTEGERS, *_TEXTS, *_CODES)),
    *_FLAGS,
    "account_ref",
    "month",
    "open_date",
)
_TYPES = (
    *(int for _ in _INTEGERS),
    *(str for _ in _TEXTS),
    *(cls for _, cls, _ in _CODES),
    *(bool for _ in _FLAGS),
    str,
    Month,
    date,
)


def check_record(record: Record, index: int) -> list[Violation]:
    """Return every violation in a record.

    Args:
        record: The object that the caller passed.
        index: Index of the record, for the field paths.
    """
    if type(record) is Snapshot and _plainly_right(record) and not contradictions.errors_of(record):
        return []
    path = f"records[{index}]"
    violations: list[Violation] = []
    if type(record) is Snapshot:
        violations.extend(_snapshot(record, f"{path}.snapshot"))
        if not violations:
            # Only now: the rules compare values of the right types.
            violations.extend(_broken_rules(contradictions.errors_of(record), f"{path}.snapshot"))
    elif type(record) is FacilityAction:
        violations.extend(_action(record, f"{path}.action"))
    elif type(record) is Deletion:
        violations.extend(_deletion(record, f"{path}.deletion"))
    else:
        kind = type(record).__name__
        message = f"is a {kind}; pass Snapshot, FacilityAction or Deletion"
        return [Violation(path, "INVALID_FIELD", message)]
    if not _matches(record.account_ref, _REF):
        message = "must be a reference of 1 to 64 visible ASCII characters"
        violations.append(Violation(f"{path}.account_ref", "INVALID_FIELD", message))
    return violations


def find_warnings(record: Record, index: int) -> list[Violation]:
    """Return the rules that a record breaks although the bureau stores it.

    Args:
        record: A record without violations by `check_record`.
        index: Index of the record, for the field paths.
    """
    if not isinstance(record, Snapshot):
        return []
    rules = contradictions.warnings_of(record)
    return list(_broken_rules(rules, f"records[{index}].snapshot")) if rules else []


def check_order(record: Record, index: int, today: date) -> Iterator[Violation]:
    """Yield the violations in the order of a record's days.

    For files, which are checked whole before anything is sent. `submit` leaves this check
    to the bureau, because it costs more time than it saves.

    Args:
        record: A record without violations by `check_record`.
        index: Index of the record, for the field paths.
        today: Later days are in the future.
    """
    if not isinstance(record, Snapshot):
        return
    path = f"records[{index}].snapshot"
    month = record.month.number
    if month > _month_of(today):
        yield Violation(f"{path}.month", "DATE_ORDER", "lies in the future")
    if month < _month_of(record.open_date):
        yield Violation(f"{path}.month", "DATE_ORDER", "lies before open_date")
    for name, day in zip(_DAYS, _days(record), strict=True):
        if day is not None and day > today:
            yield Violation(f"{path}.{name}", "DATE_ORDER", "lies in the future")
    if record.close_date is not None and record.close_date < record.open_date:
        yield Violation(f"{path}.close_date", "DATE_ORDER", "lies before open_date")


def _month_of(day: date) -> int:
    """Return the month of a day as yyyymm."""
    return day.year * 100 + day.month


def newest_day() -> date:
    """Return the newest date of any time zone: the furthest is 14 hours ahead of UTC."""
    return (datetime.now(UTC) + timedelta(hours=14)).date()


def _broken_rules(rules: Iterable[contradictions.Rule], path: str) -> Iterator[Violation]:
    for rule in rules:
        yield Violation(f"{path}.{rule.field}", rule.id, rule.message)


def _plainly_right(snapshot: Snapshot) -> bool:
    """Return True only for a snapshot whose every field is right, and quickly.

    Called for each of millions of records, so it compares whole tuples.
    """
    integers = _integers(snapshot)
    return (
        tuple(map(type, _typed(snapshot))) == _TYPES
        and all(map(le, _LOWEST, integers))
        and all(map(le, integers, _HIGHEST))
        and snapshot.portfolio_type != 0
        and snapshot.status != 0
        and _REF.fullmatch(snapshot.account_ref) is not None
        and _texts_right(_texts(snapshot))
        and _is_day(snapshot.open_date)
        and (_rare_days(snapshot) == _NO_DAYS or all(map(_is_day_or_none, _rare_days(snapshot))))
        and all(map(_is_amount_or_none, _amounts(snapshot)))
        and 1 <= len(snapshot.parties) <= 16
        and all(map(_is_party, snapshot.parties))
        and not _twice(snapshot.parties)
        and not snapshot.raw_codes
    )


@lru_cache(maxsize=4096)
def _texts_right(texts: tuple[str, ...]) -> bool:
    # Cached: few combinations occur.
    return all(map(re.Pattern.fullmatch, _PATTERNS, texts))


def _snapshot(snapshot: Snapshot, path: str) -> Iterator[Violation]:
    # Not split into functions: called for each of millions of records.
    for (name, low, high), value in zip(_INTEGERS, _integers(snapshot), strict=True):
        if type(value) is not int or not low <= value <= high:
            yield _bad_integer(f"{path}.{name}", value, low, high)
    for name, value in zip(_OPTIONAL_AMOUNTS, _amounts(snapshot), strict=True):
        if value is not None and not _is_amount(value):
            yield _bad_integer(f"{path}.{name}", value, 0, MAX_AMOUNT_MINOR)
    for (name, pattern, wanted), value in zip(_TEXTS, _texts(snapshot), strict=True):
        if type(value) is not str or pattern.fullmatch(value) is None:
            rule = "UNKNOWN_CURRENCY" if name == "currency" else "INVALID_FIELD"
            yield Violation(f"{path}.{name}", rule, f"is {value!r}; write {wanted}")
    for (name, cls, required), value in zip(_CODES, _codes(snapshot), strict=True):
        if type(value) is not cls or (required and not value):
            yield _bad_code(f"{path}.{name}", value, cls)
    for name, value in zip(_DAYS, _days(snapshot), strict=True):
        if not _is_day(value) and (value is not None or name == "open_date"):
            yield _bad_day(f"{path}.{name}", value)
    if type(snapshot.month) is not Month:
        yield Violation(f"{path}.month", "INVALID_FIELD", "must be a Month: Month(2024, 5)")
    for name in _FLAGS:
        if type(getattr(snapshot, name)) is not bool:
            yield Violation(f"{path}.{name}", "INVALID_FIELD", "must be True or False")
    if not 1 <= len(snapshot.parties) <= 16:
        message = "must name 1 to 16 persons on the account"
        yield Violation(f"{path}.parties", "TOO_MANY_ITEMS", message)
    for index, party in enumerate(snapshot.parties):
        if not _is_party(party):
            yield from _party(f"{path}.parties[{index}]", party)
    if _twice(snapshot.parties):
        yield Violation(f"{path}.parties", "INVALID_FIELD", "has a person twice")
    if len(snapshot.raw_codes) > 16:
        yield Violation(f"{path}.raw_codes", "TOO_MANY_ITEMS", "may hold at most 16")
    for number, code in enumerate(snapshot.raw_codes):
        if not _matches(code.value, _RAW_VALUE):
            message = "must have 1 to 32 visible ASCII characters"
            yield Violation(f"{path}.raw_codes[{number}].value", "INVALID_FIELD", message)


def _twice(parties: tuple[Party, ...]) -> bool:
    if len(parties) < 2:
        return False
    ids = [party.subject_id for party in parties if type(party.subject_id) is str]
    return len(set(ids)) < len(ids)


def _is_party(party: Party) -> bool:
    return (
        type(party.role) is PartyRole
        and party.role != 0
        and _matches(party.subject_id, _SUBJECT_ID)
        and (party.start_date is None or _is_day(party.start_date))
    )


def _party(path: str, party: Party) -> Iterator[Violation]:
    if not _matches(party.subject_id, _SUBJECT_ID):
        message = "must be a subject id of 32 lower-case hex characters; get it from subject_id()"
        yield Violation(f"{path}.subject_id", "INVALID_FIELD", message)
    if type(party.role) is not PartyRole or not party.role:
        yield _bad_code(f"{path}.role", party.role, PartyRole)
    if party.start_date is not None and not _is_day(party.start_date):
        yield _bad_day(f"{path}.start_date", party.start_date)


def _action(action: FacilityAction, path: str) -> Iterator[Violation]:
    if type(action.kind) is not FacilityActionKind or not action.kind:
        yield _bad_code(f"{path}.kind", action.kind, FacilityActionKind)
    if type(action.initiator) is not Initiator or not action.initiator:
        yield _bad_code(f"{path}.initiator", action.initiator, Initiator)
    if not 1 <= len(action.reasons) <= 4:
        yield Violation(f"{path}.reasons", "TOO_MANY_ITEMS", "must give 1 to 4 reasons")
    for index, reason in enumerate(action.reasons):
        if type(reason) is not ActionReason or not reason:
            yield _bad_code(f"{path}.reasons[{index}]", reason, ActionReason)
    if not isinstance(action.effective_time, datetime) or action.effective_time.tzinfo is None:
        message = "must be a datetime with a time zone: datetime.now(UTC)"
        yield Violation(f"{path}.effective_time", "INVALID_FIELD", message)
    if action.review_by_date is not None and not _is_day(action.review_by_date):
        yield _bad_day(f"{path}.review_by_date", action.review_by_date)
    is_transfer = action.kind is FacilityActionKind.TRANSFER
    if is_transfer and bool(action.new_account_ref) != bool(action.new_member_id):
        name = "new_account_ref" if action.new_member_id else "new_member_id"
        message = "a TRANSFER names the buyer and its number, or neither"
        yield Violation(f"{path}.{name}", "INVALID_FIELD", message)
    for name, kinds in _NEEDED.items():
        if is_transfer and FacilityActionKind.TRANSFER in kinds:
            continue
        if (getattr(action, name) not in {None, ""}) != (action.kind in kinds):
            names = " and ".join(sorted(kind.name for kind in kinds))
            yield Violation(f"{path}.{name}", "INVALID_FIELD", f"belongs to {names}")
    if action.new_account_ref and not _matches(action.new_account_ref, _REF):
        message = "must be a reference of 1 to 64 visible ASCII characters"
        yield Violation(f"{path}.new_account_ref", "INVALID_FIELD", message)
    limit = action.credit_limit_minor
    if limit is not None and not _is_amount(limit):
        yield _bad_integer(f"{path}.credit_limit_minor", limit, 0, MAX_AMOUNT_MINOR)


def _deletion(deletion: Deletion, path: str) -> Iterator[Violation]:
    if type(deletion.reason) is not DeletionReason or not deletion.reason:
        yield _bad_code(f"{path}.reason", deletion.reason, DeletionReason)
    if deletion.month is not None and type(deletion.month) is not Month:
        yield Violation(f"{path}.month", "INVALID_FIELD", "must be a Month, or None for all")


def _bad_integer(path: str, value: object, low: int, high: int) -> Violation:
    if type(value) is int:
        return Violation(path, "AMOUNT_RANGE", f"is {value}; it must lie in {low} … {high}")
    unit = " in minor units (cents, fen)" if path.endswith("_minor") else ""
    message = f"is {value!r}, a {type(value).__name__}; write an int{unit}"
    return Violation(path, "INVALID_FIELD", message)


def _bad_code(path: str, value: object, cls: type[Code]) -> Violation:
    state = "is unspecified; choose" if type(value) is cls else f"is {value!r}; write"
    return Violation(path, "UNKNOWN_ENUM", f"{state} a {cls.__name__}")


def _bad_day(path: str, value: object) -> Violation:
    message = f"is {value!r}; write a datetime.date from 1900 on"
    return Violation(path, "INVALID_FIELD", message)


def _is_amount(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_AMOUNT_MINOR


def _is_amount_or_none(value: object) -> bool:
    return value is None or _is_amount(value)


def _is_day_or_none(value: object) -> bool:
    return value is None or _is_day(value)


def _is_day(value: object) -> bool:
    # Excludes datetime, a subclass of date.
    return type(value) is date and value.year >= 1900


def _matches(value: object, pattern: re.Pattern[str]) -> bool:
    return type(value) is str and pattern.fullmatch(value) is not None
