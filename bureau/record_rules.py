"""The rules of records: the contract's field rules, and those that hold between
fields and between records. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from functools import lru_cache

from bureau import rules
from bureau.clock import date_of
from bureau.codes import currencies
from bureau.errors import FieldViolation
from creditbureau.v1 import record_pb2
from creditbureau.v1.record_pb2 import (
    FacilityAction,
    ParsedRecordBatch,
    Record,
    TradelineSnapshot,
)

Breach = tuple[str, FieldViolation]

# What only some actions have, and surely have.
NEEDED = {
    "credit_limit_minor": {record_pb2.FACILITY_ACTION_KIND_LIMIT_CHANGE},
    "new_account_ref": {
        record_pb2.FACILITY_ACTION_KIND_RENUMBER,
        record_pb2.FACILITY_ACTION_KIND_TRANSFER,
    },
    "new_member_id": {record_pb2.FACILITY_ACTION_KIND_TRANSFER},
}
# Dates of a snapshot that lie in the past or are absent.
PAST_DATES = ("open_date", "close_date", "first_delinquency_date", "last_payment_date")


def check_records(batch: ParsedRecordBatch, now_us: int) -> None:
    """Checks every record of a batch; all violations come back at once.

    Raises:
        Refusal: INVALID_FIELD, TOO_LONG, UNKNOWN_ENUM, AMOUNT_RANGE,
            UNKNOWN_CURRENCY, DATE_ORDER, BAD_TEXT, DUPLICATE_RECORD.
    """
    # Members' clocks and zones differ: today ends where the first zone's does.
    today = date_of(now_us + 14 * 3600 * 1_000_000)
    found = rules.violations(batch)
    seen: set[tuple[str, int]] = set()
    for place, record in enumerate(batch.records):
        found += _breaches(record, today, f"records[{place}]")
        name = (record.account_ref, record.snapshot.month)
        if not record.snapshot.month:
            continue  # an account can have several actions
        if name in seen:
            found.append(
                rules.breach(
                    f"records[{place}].account_ref",
                    "DUPLICATE_RECORD",
                    "this account and month stand in the batch before",
                )
            )
        seen.add(name)
    if found:
        raise rules.refusal(found)


def currency_breaches(batch: Iterable[tuple[str, str]], known: dict[str, str]) -> list[Breach]:
    """Records in another currency than their account has.

    Args:
        batch: Account reference and currency of each record.
        known: Currencies of accounts; learns the new ones.
    """
    return [
        rules.breach(
            f"records[{place}].snapshot.currency",
            "CURRENCY_MISMATCH",
            f"the account is in {known[ref]}",
        )
        for place, (ref, currency) in enumerate(batch)
        if currency and known.setdefault(ref, currency) != currency
    ]


@lru_cache(maxsize=65536)
def is_date(yyyymmdd: int) -> bool:
    """Whether a number is a day of the calendar."""
    try:
        date(yyyymmdd // 10000, yyyymmdd // 100 % 100, yyyymmdd % 100)
    except ValueError:
        return False
    return True


def _breaches(record: Record, today: int, at: str) -> Iterator[Breach]:
    if record.HasField("action"):
        yield from _action_breaches(record.action, today, f"{at}.action")
        return
    if not record.HasField("snapshot"):
        month = record.deletion.month
        if month and not 1 <= month % 100 <= 12:
            message = "not a month of the calendar"
            yield rules.breach(f"{at}.deletion.month", "INVALID_FIELD", message)
        return
    snapshot = record.snapshot
    at = f"{at}.snapshot"
    yield from _date_breaches(snapshot, today, at)
    if snapshot.currency not in currencies():
        yield rules.breach(f"{at}.currency", "UNKNOWN_CURRENCY", "not an ISO 4217 currency")
    if snapshot.original_creditor and rules.bad_text(snapshot.original_creditor):
        yield rules.breach(
            f"{at}.original_creditor", "BAD_TEXT", "control or bidirectional characters"
        )
    if len(snapshot.parties) > 1:
        people = [party.subject_id for party in snapshot.parties]
        if len(set(people)) < len(people):
            yield rules.breach(f"{at}.parties", "INVALID_FIELD", "a person stands in it twice")


def _action_breaches(action: FacilityAction, today: int, at: str) -> Iterator[Breach]:
    if wrong := list(rules.bad_times(action, at)):
        yield from wrong
        return
    if date_of(action.effective_time.ToMicroseconds()) > today:
        yield rules.breach(f"{at}.effective_time", "DATE_ORDER", "lies in the future")
    if action.review_by_date and not is_date(action.review_by_date):
        yield rules.breach(f"{at}.review_by_date", "INVALID_FIELD", "not a day of the calendar")
    if action.appeal_route and rules.bad_text(action.appeal_route):
        message = "control or bidirectional characters"
        yield rules.breach(f"{at}.appeal_route", "BAD_TEXT", message)
    given = {
        "credit_limit_minor": action.HasField("credit_limit_minor"),
        "new_account_ref": bool(action.new_account_ref),
        "new_member_id": bool(action.new_member_id),
    }
    for name, kinds in NEEDED.items():
        if given[name] != (action.kind in kinds):
            message = f"belongs to {' and '.join(sorted(map(_kind_name, kinds)))}"
            yield rules.breach(f"{at}.{name}", "INVALID_FIELD", message)


def _kind_name(kind: int) -> str:
    name = record_pb2.FacilityActionKind.Name(kind)  # type: ignore[arg-type]
    return name.removeprefix("FACILITY_ACTION_KIND_")


def _date_breaches(snapshot: TradelineSnapshot, today: int, at: str) -> Iterator[Breach]:
    month, opened, closed = snapshot.month, snapshot.open_date, snapshot.close_date
    if not 1 <= month % 100 <= 12:
        yield rules.breach(f"{at}.month", "INVALID_FIELD", "not a month of the calendar")
    if month > today // 100:
        yield rules.breach(f"{at}.month", "DATE_ORDER", "lies in the future")
    if month < opened // 100:
        yield rules.breach(f"{at}.month", "DATE_ORDER", "lies before open_date")
    for name in PAST_DATES:
        value = getattr(snapshot, name)
        if value and not is_date(value):
            yield rules.breach(f"{at}.{name}", "INVALID_FIELD", "not a day of the calendar")
        elif value > today:
            yield rules.breach(f"{at}.{name}", "DATE_ORDER", "lies in the future")
    if closed and closed < opened:
        yield rules.breach(f"{at}.close_date", "DATE_ORDER", "lies before open_date")
