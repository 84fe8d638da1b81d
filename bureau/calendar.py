"""Calendar arithmetic: days, dates and months in UTC, and the units of time.

Times are microseconds since 1970 UTC, dates yyyymmdd, months yyyymm.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from bureau_keys.payment_profile import month_before, months_between

__all__ = [
    "DAY_US",
    "MICROSECONDS",
    "add_months",
    "date_of",
    "day_of",
    "month_before",
    "month_of",
    "months_between",
    "time_us_of",
    "timestamp_of",
    "utc",
]

MICROSECONDS = 1_000_000
DAY_US = 86_400 * MICROSECONDS


def utc(time_us: int) -> datetime:
    """Return a time as a datetime in UTC."""
    return datetime.fromtimestamp(time_us / MICROSECONDS, UTC)


def time_us_of(moment: datetime) -> int:
    """Return the microseconds from 1970 UTC to a datetime.

    Raises:
        ValueError: The datetime has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone: write datetime(2021, 1, 31, tzinfo=UTC)")
    return (moment - utc(0)) // timedelta(microseconds=1)


def day_of(time_us: int) -> date:
    """Return the day of a time."""
    return utc(time_us).date()


def date_of(time_us: int) -> int:
    """Return the date (yyyymmdd) of a time."""
    day = day_of(time_us)
    return day.year * 10000 + day.month * 100 + day.day


def month_of(time_us: int) -> int:
    """Return the month (yyyymm) of a time."""
    return date_of(time_us) // 100


def add_months(yyyymmdd: int, months: int) -> date:
    """Return the same day of a later month, or the last day of a month that is shorter."""
    later = month_before(yyyymmdd // 100, -months)
    for last in (yyyymmdd % 100, 30, 29, 28):
        try:
            return date(later // 100, later % 100, last)
        except ValueError:
            continue
    raise AssertionError("every month has a 28th day")


def timestamp_of(time_us: int) -> Timestamp:
    """Return a time as a protobuf timestamp."""
    seconds, rest = divmod(time_us, MICROSECONDS)
    return Timestamp(seconds=seconds, nanos=rest * 1000)
