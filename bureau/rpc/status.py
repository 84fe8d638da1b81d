"""Turns a refusal into a gRPC status (google.rpc.Status, AIP-193)."""

from __future__ import annotations

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2 as details
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from bureau.errors import Refusal

DOMAIN = "creditbureau"
# Name of the trailing metadata that carries the request id of every call.
REQUEST_ID = "request-id"


def drop_traceback(error: Exception) -> None:
    """Drop an error's traceback. One of its frames references the error: from Python 3.12 on
    the cycle would keep the call open until garbage collection, and count against the
    streams of its connection.
    """
    error.__traceback__ = None


def abort(context: grpc.ServicerContext, refusal: Refusal, request_id: str) -> None:
    """End a call with a refusal's status and details."""
    status = rpc_status.to_status(status_of(refusal, request_id))
    # `abort_with_status` would replace the metadata that the call has set before.
    context.set_trailing_metadata((*status.trailing_metadata, (REQUEST_ID, request_id)))
    context.abort(status.code, status.details)


def status_of(refusal: Refusal, request_id: str) -> Status:
    """Return the status: ErrorInfo, request id, fix, violated fields, and retry delay."""
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
