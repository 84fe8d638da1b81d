"""Reads and writes days, months and points in time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from bureau_client.models.months import Month

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# The longest duration of google.protobuf.Duration: 10,000 years, in seconds.
_LONGEST_SECONDS = 315_576_000_000


def number_of(day: date | None) -> int:
    """Return a day as yyyymmdd; 0 for None."""
    return 0 if day is None else day.year * 10_000 + day.month * 100 + day.day


def day_of(yyyymmdd: int) -> date | None:
    """Return the day of a number yyyymmdd; None for 0.

    Raises:
        ValueError: The day does not exist.
    """
    if not yyyymmdd:
        return None
    return date(yyyymmdd // 10_000, yyyymmdd // 100 % 100, yyyymmdd % 100)


def month_of(yyyymm: int) -> Month | None:
    """Return the month of a number yyyymm; None for 0.

    Raises:
        ValueError: The month does not exist.
    """
    return Month.from_number(yyyymm) if yyyymm else None


def timestamp_of(moment: datetime) -> Timestamp:
    """Return the timestamp of a point in time, to the microsecond.

    Raises:
        ValueError: The point in time has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a point in time needs a time zone, for example datetime.now(UTC)")
    seconds, micros = divmod(micros_of(moment), 1_000_000)
    return Timestamp(seconds=seconds, nanos=micros * 1000)


def micros_of(moment: datetime) -> int:
    """Return the microseconds from 1970, UTC, to a point in time."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(timestamp: Timestamp) -> datetime:
    """Return the point in time of a timestamp, UTC, to the microsecond.

    Raises:
        ValueError: The timestamp is not in the years 1 to 9999.
    """
    return moment_at(timestamp.ToMicroseconds())


def moment_at(micros: int) -> datetime:
    """Return the point in time at a number of microseconds from 1970, UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def moment_or_none(timestamp: Timestamp) -> datetime | None:
    """Return the point in time of a timestamp; None for an absent one.

    Raises:
        ValueError: The timestamp is not in the years 1 to 9999.
    """
    return moment_of(timestamp) if timestamp.seconds or timestamp.nanos else None


def duration_of(span: timedelta) -> Duration:
    """Return the duration of a span of time, to the microsecond."""
    seconds, micros = divmod(span // _MICROSECOND, 1_000_000)
    return Duration(seconds=seconds, nanos=micros * 1000)


def span_of(duration: Duration) -> timedelta:
    """Return the span of a duration, to the microsecond.

    Raises:
        ValueError: The duration is longer than 10,000 years.
    """
    if abs(duration.seconds) > _LONGEST_SECONDS:
        raise ValueError(f"a duration of {duration.seconds} s is longer than 10,000 years")
    return timedelta(seconds=duration.seconds, microseconds=duration.nanos // 1000)
