"""Checks that a report is well formed, before its values are compared with anything."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.timestamp_pb2 import Timestamp

from bureau_keys.errors import WrongAnswer
from bureau_keys.payment_profile import AMOUNTS
from creditbureau.v1.report_pb2 import Report, Tradeline

# Months of the longest payment history.
MAX_MONTHS = 120


def check_shape(report: Report) -> None:
    """Check that each tradeline is there once, with a history of as many values as months.

    Raises:
        WrongAnswer: Two tradelines have one id, a history's lists differ in length, or a
            month or the time of issue does not exist.
    """
    seen = set[str]()
    _check_time(report.header.issue_time)
    for line in report.tradelines:
        if not line.tradeline_id or line.tradeline_id in seen:
            raise WrongAnswer(f"tradeline {line.tradeline_id or 'without an id'} is there twice")
        seen.add(line.tradeline_id)
        for problem in _problems(line):
            raise WrongAnswer(f"tradeline {line.tradeline_id}: {problem}")


def _problems(line: Tradeline) -> Iterator[str]:
    if not _is_month(line.month):
        yield f"{line.month} is not a month"
    history = line.history
    months = len(history.profile)
    if months > MAX_MONTHS:
        yield f"its history has {months} months, at most {MAX_MONTHS} fit"
    if months and not _is_month(history.newest_month):
        yield f"its history begins in {history.newest_month}, which is not a month"
    for name in AMOUNTS:
        if len(getattr(history, name)) != months:
            yield f"its history has {months} months and {len(getattr(history, name))} of {name}"


def _is_month(month: int) -> bool:
    return 1900 <= month // 100 <= 9999 and 1 <= month % 100 <= 12


def _check_time(time: Timestamp) -> None:
    try:
        time.ToMicroseconds()
    except ValueError as error:
        raise WrongAnswer("the report's time of issue is not in the years 1 to 9999") from error
