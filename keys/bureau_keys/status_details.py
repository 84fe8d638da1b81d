"""Reads the explanation that the bureau attaches to a refused call.

The bureau sends a google.rpc.Status in the trailer `grpc-status-details-bin`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple, TypeVar

from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2 as rpc
from google.rpc import status_pb2

DOMAIN = "creditbureau"
DETAILS_KEY = "grpc-status-details-bin"
# A longer delay is read as this one, a negative delay as 0: no quota of the contract
# is longer than a day.
LONGEST_DELAY = timedelta(days=1)
M = TypeVar("M", bound=Message)


class FieldViolation(NamedTuple):
    """A field that breaks a rule, the reason, and its description."""

    field: str
    reason: str
    description: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The bureau's explanation of a refused call.

    Attributes:
        reason: A name of the contract's enum Reason.
        message: What happened, without the reason.
        fix: What to do about it; may be empty.
        request_id: The request's id in the bureau's logs; may be empty.
        violations: The fields that break a rule.
        retry_after: The time to wait before the next attempt, from 0 to `LONGEST_DELAY`; None
            if the bureau names none.
    """

    reason: str
    message: str
    fix: str
    request_id: str
    violations: tuple[FieldViolation, ...]
    retry_after: timedelta | None


def read_explanation(trailers: Iterable[tuple[str, str | bytes]]) -> Explanation | None:
    """Return the bureau's explanation in a call's trailing metadata.

    Returns:
        The explanation; None if the call did not reach a bureau.
    """
    status = _status(trailers)
    info = _first(status, rpc.ErrorInfo)
    if info is None or info.domain != DOMAIN:
        return None
    advice = _first(status, rpc.LocalizedMessage)
    request = _first(status, rpc.RequestInfo)
    retry = _first(status, rpc.RetryInfo)
    fields = _first(status, rpc.BadRequest)
    return Explanation(
        reason=info.reason,
        message=status.message.removeprefix(f"{info.reason}: "),
        fix=advice.message if advice else _help(status),
        request_id=request.request_id if request else "",
        violations=tuple(
            FieldViolation(violation.field, violation.reason or info.reason, violation.description)
            for violation in (fields.field_violations if fields else ())
        ),
        retry_after=_delay(retry) if retry else None,
    )


def _status(trailers: Iterable[tuple[str, str | bytes]]) -> status_pb2.Status:
    for key, value in trailers:
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                return status_pb2.Status.FromString(value)
            except DecodeError:
                break
    return status_pb2.Status()


def _first(status: status_pb2.Status, kind: type[M]) -> M | None:
    """Return the first detail of a kind; None if there is none, or it cannot be parsed."""
    for detail in status.details:
        if detail.Is(kind.DESCRIPTOR):
            try:
                return kind.FromString(detail.value)
            except DecodeError:
                return None
    return None


def _help(status: status_pb2.Status) -> str:
    advice = _first(status, rpc.Help)
    links = advice.links if advice else ()
    return "; ".join(" ".join(filter(None, (link.description, link.url))) for link in links)


def _delay(retry: rpc.RetryInfo) -> timedelta:
    delay = retry.retry_delay
    seconds = delay.seconds + delay.nanos / 1e9
    return timedelta(seconds=min(max(seconds, 0.0), LONGEST_DELAY.total_seconds()))
