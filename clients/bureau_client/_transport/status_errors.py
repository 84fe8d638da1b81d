"""Translates gRPC's statuses into the SDK's exceptions."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

import grpc

from bureau_client import errors
from bureau_client._transport.connection_errors import explain
from bureau_client.errors import BureauError
from bureau_client.models.violations import Violation
from bureau_keys.status_details import read_explanation

# Reasons that are more specific than their status code.
BY_REASON: MappingProxyType[str, type[BureauError]] = MappingProxyType(
    {
        "CONSENT_REQUIRED": errors.ConsentRequired,
        "CONSENT_REVOKED": errors.ConsentRevoked,
        "CONSENT_REPLACED": errors.ConsentReplaced,
        "CONSENT_PAUSED": errors.ConsentPaused,
        "CONSENT_EXPIRED": errors.ConsentExpired,
        "CONSENT_EXHAUSTED": errors.ConsentExhausted,
        "CONSENT_SCOPE": errors.ConsentScope,
        "HOLD": errors.HoldInForce,
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
    explanation = read_explanation(trailers)
    if explanation is None:
        return _without_explanation(code, details, address)
    cls = BY_REASON.get(explanation.reason) or BY_STATUS.get(code, errors.Internal)
    return cls(
        explanation.message or details,
        reason=explanation.reason,
        fix=explanation.fix,
        request_id=explanation.request_id,
        violations=[Violation(*violation) for violation in explanation.violations],
        retry_after=explanation.retry_after,
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
