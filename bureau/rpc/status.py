"""Where a refusal becomes a gRPC status (google.rpc.Status, AIP-193)."""

from __future__ import annotations

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2 as details
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from bureau.errors import Refusal

DOMAIN = "creditbureau"


def drop_traceback(error: Exception) -> None:
    """Lets go of an error's frames. One of them holds the error: from Python 3.12 on the
    circle would keep the call open until the collector comes, and count against the
    streams of its connection.
    """
    error.__traceback__ = None


def abort(context: grpc.ServicerContext, refusal: Refusal, request_id: str) -> None:
    """Ends a call with a refusal's status and details."""
    context.abort_with_status(rpc_status.to_status(status_of(refusal, request_id)))


def status_of(refusal: Refusal, request_id: str) -> Status:
    """The status: ErrorInfo, the fields at fault, when to retry, what to do."""
    code: int = getattr(grpc.StatusCode, refusal.status).value[0]
    status = Status(code=code, message=f"{refusal.reason}: {refusal.message}")
    parts = [
        details.ErrorInfo(reason=refusal.reason, domain=DOMAIN),
        details.RequestInfo(request_id=request_id),
        details.LocalizedMessage(locale="en", message=refusal.fix),
    ]
    if refusal.violations:
        parts.append(
            details.BadRequest(
                field_violations=[
                    details.BadRequest.FieldViolation(
                        field=violation.field,
                        description=violation.message,
                        reason=violation.rule,
                    )
                    for violation in refusal.violations
                ]
            )
        )
    if refusal.retry_after_s:
        retry = details.RetryInfo()
        retry.retry_delay.FromMilliseconds(int(refusal.retry_after_s * 1000))
        parts.append(retry)
    for part in parts:
        packed = Any()
        packed.Pack(part)
        status.details.append(packed)
    return status
