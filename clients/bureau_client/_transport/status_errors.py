"""Translates gRPC's statuses into the SDK's exceptions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from bureau_client import errors
from bureau_client._transport.connection_errors import explain
from bureau_client.errors import BureauError
from bureau_client.models.violations import Violation

DOMAIN = "creditbureau"
DETAILS_KEY = "grpc-status-details-bin"

# Reasons that are more specific than their status code.
BY_REASON: MappingProxyType[str, type[BureauError]] = MappingProxyType(
    {
        "CONSENT_REQUIRED": errors.ConsentRequired,
        "CONSENT_REVOKED": errors.ConsentRevoked,
        "CONSENT_PAUSED": errors.ConsentPaused,
        "CONSENT_EXPIRED": errors.ConsentExpired,
        "CONSENT_EXHAUSTED": errors.ConsentExhausted,
        "CONSENT_SCOPE": errors.ConsentScope,
        "NOT_WITNESSED": errors.NotWitnessed,
        "OVERLOADED": errors.Overloaded,
        "STORAGE_FULL": errors.Overloaded,
    }
)
BY_STATUS: MappingProxyType[grpc.StatusCode, type[BureauError]] = MappingProxyType(
    {
        grpc.StatusCode.INVALID_ARGUMENT: errors.InvalidRequest,
        grpc.StatusCode.FAILED_PRECONDITION: errors.WrongState,
        grpc.StatusCode.ALREADY_EXISTS: errors.Conflict,
        grpc.StatusCode.UNAUTHENTICATED: errors.NotAuthenticated,
        grpc.StatusCode.PERMISSION_DENIED: errors.PermissionDenied,
        grpc.StatusCode.NOT_FOUND: errors.NotFound,
        grpc.StatusCode.OUT_OF_RANGE: errors.NotFound,
        grpc.StatusCode.RESOURCE_EXHAUSTED: errors.QuotaExceeded,
        grpc.StatusCode.UNAVAILABLE: errors.Unavailable,
        grpc.StatusCode.ABORTED: errors.Unavailable,
        grpc.StatusCode.DEADLINE_EXCEEDED: errors.DeadlineExceeded,
        grpc.StatusCode.UNIMPLEMENTED: errors.NotFound,
    }
)


def translate(
    code: grpc.StatusCode,
    details: str,
    trailers: Iterable[tuple[str, str | bytes]],
    *,
    address: str,
) -> BureauError:
    """Return the exception for a failed call.

    Args:
        code: gRPC's status code.
        details: gRPC's own text; shown only without an explanation from the bureau.
        trailers: Trailing metadata, which holds the bureau's explanation.
        address: The address that was called, for texts about the connection.
    """
    status = _status(trailers)
    info = _first(status, error_details_pb2.ErrorInfo)
    if info is None or info.domain != DOMAIN:
        return _without_explanation(code, details, address)
    advice = _first(status, error_details_pb2.LocalizedMessage)
    retry = _first(status, error_details_pb2.RetryInfo)
    request = _first(status, error_details_pb2.RequestInfo)
    cls = BY_REASON.get(info.reason) or BY_STATUS.get(code, errors.Internal)
    return cls(
        status.message.removeprefix(f"{info.reason}: ") or details,
        reason=info.reason,
        fix=advice.message if advice else _help(status),
        request_id=request.request_id if request else "",
        violations=_violations(status, info.reason),
        retry_after=_span(retry),
    )


def _without_explanation(code: grpc.StatusCode, details: str, address: str) -> BureauError:
    # The call did not reach the bureau's own code.
    if code is grpc.StatusCode.UNAVAILABLE:
        return explain(details, address)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return errors.DeadlineExceeded(
            f"The bureau at {address} did not answer in time",
            reason="DEADLINE",
            fix="Repeat the call; a write that took effect gives its first answer again",
        )
    if code is grpc.StatusCode.CANCELLED:
        return errors.Unavailable(
            f"The call to {address} was cancelled", reason="CANCELLED", fix="Repeat the call"
        )
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return errors.NotFound(
            f"The server at {address} does not serve this method",
            reason="NOT_SERVED",
            fix="Check that the address is a bureau's, and of the same release",
        )
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return errors.QuotaExceeded(
            f"A message to or from {address} is larger than allowed",
            reason="TOO_LARGE",
            fix="Send smaller batches or ask for smaller pages",
        )
    cls = BY_STATUS.get(code, errors.Internal)
    return cls(f"The bureau at {address} answered {code.name}: {details}", reason=code.name)


def _status(trailers: Iterable[tuple[str, str | bytes]]) -> status_pb2.Status:
    for key, value in trailers:
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                return status_pb2.Status.FromString(value)
            except DecodeError:
                break
    return status_pb2.Status()


def _first(status: status_pb2.Status, cls: Any) -> Any | None:
    for detail in status.details:
        if detail.Is(cls.DESCRIPTOR):
            message = cls()
            detail.Unpack(message)
            return message
    return None


def _help(status: status_pb2.Status) -> str:
    texts = _first(status, error_details_pb2.Help)
    if texts is None:
        return ""
    return "; ".join(" ".join(filter(None, (link.description, link.url))) for link in texts.links)


def _violations(status: status_pb2.Status, reason: str) -> list[Violation]:
    fields = _first(status, error_details_pb2.BadRequest)
    if fields is None:
        return []
    return [
        Violation(field.field, field.reason or reason, field.description)
        for field in fields.field_violations
    ]


def _span(retry: Any | None) -> timedelta | None:
    if retry is None:
        return None
    delay = retry.retry_delay
    return timedelta(seconds=delay.seconds, microseconds=delay.nanos // 1000)
