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
from creditbureau.v1.record_pb2 import ParsedRecordBatch, Record, TradelineSnapshot

Breach = tuple[str, FieldViolation]

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
        if known.setdefault(ref, currency) != currency
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
    if not record.HasField("snapshot"):
        if record.WhichOneof("body"):
            yield rules.breach(
                at, "INVALID_FIELD", "this bureau takes snapshots; actions and deletions later"
            )
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
