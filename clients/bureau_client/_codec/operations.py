"""Reads calls, deadlines and counts."""

from __future__ import annotations

from datetime import timedelta

from bureau_client._codec.scalars import day_of, moment_of, moment_or_none
from bureau_client.models.codes import DeadlineKind, Purpose
from bureau_client.models.operations import AlertCount, DaySize, Deadline, EndedCall
from creditbureau.v1 import operations_pb2


def read_call(message: operations_pb2.Call) -> EndedCall:
    """Read a call.

    Raises:
        ValueError: Its time is out of range.
    """
    return EndedCall(
        cursor=message.cursor,
        end_time=moment_of(message.end_time),
        method=message.method,
        member_id=message.member_id,
        purpose=Purpose(message.purpose) if message.purpose else None,
        outcome=message.outcome,
        duration=timedelta(microseconds=message.duration_us),
        call_id=message.call_id,
        statement_id=message.statement_id,
    )


def read_deadline(message: operations_pb2.Deadline) -> Deadline:
    """Read a deadline.

    Raises:
        ValueError: A time is out of range.
    """
    return Deadline(
        DeadlineKind(message.kind),
        message.id,
        message.member_id,
        moment_of(message.create_time),
        moment_or_none(message.due_time),
        message.overdue,
    )


def read_alert_count(message: operations_pb2.AlertCount) -> AlertCount:
    """Read the count of a member's alerts.

    Raises:
        ValueError: Its time is out of range.
    """
    return AlertCount(
        message.member_id,
        message.count,
        message.unacknowledged_count,
        moment_of(message.newest_time),
    )


def read_day_size(message: operations_pb2.DaySize) -> DaySize:
    """Read the size of the log at the end of a day.

    Raises:
        ValueError: The day does not exist.
    """
    day = day_of(message.day)
    if day is None:
        raise ValueError("a size of the log has no day")
    return DaySize(day, message.tree_size)
