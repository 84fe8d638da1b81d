"""Refusals as they travel, and whether the same request may succeed a little later."""

from __future__ import annotations

from typing import Any

import grpc

from bureau.errors import REASONS, FieldViolation, Refusal
from bureau.rpc.status import status_of
from tests.vectors.cast import request_id

# The reasons that a client's second try can change, without a new statement.
RETRIED = frozenset(
    {
        "OVERLOADED",
        "STORAGE_FULL",
        "DATABASE_UNAVAILABLE",
        "SHUTTING_DOWN",
        "CONFLICT",
        "DEADLINE",
        "NODE_UNFIT",
    }
)


def vectors() -> list[dict[str, Any]]:
    vectors = [_refused(f"{reason}", Refusal(reason, "for a test")) for reason in REASONS]
    fields = [
        FieldViolation("records[7].snapshot.month", "date_order", "lies after this month"),
        FieldViolation("records[9].account_ref", "string.pattern", "does not match"),
    ]
    vectors += [
        _refused("two fields at fault", Refusal("DATE_ORDER", "2 violations", fields)),
        _refused(
            "a quota that renews",
            Refusal("QUOTA_EXCEEDED", "the day's quota is used up", retry_after_s=3600),
            retry=True,
        ),
        _refused(
            "a delay in milliseconds", Refusal("OVERLOADED", "busy", retry_after_s=0.25), retry=True
        ),
    ]
    for name, code, retry in (
        ("no answer from the bureau: the connection", grpc.StatusCode.UNAVAILABLE, True),
        ("no answer from the bureau: the time", grpc.StatusCode.DEADLINE_EXCEEDED, True),
        ("no answer from the bureau: the size", grpc.StatusCode.RESOURCE_EXHAUSTED, False),
    ):
        vectors.append(
            {
                "name": name,
                "code": code.value[0],
                "status": "",
                "reason": "",
                "retry": retry,
            }
        )
    return vectors


def _refused(name: str, refusal: Refusal, *, retry: bool | None = None) -> dict[str, Any]:
    status = status_of(refusal, request_id(name))
    return {
        "name": name,
        "code": status.code,
        "status": status.SerializeToString(deterministic=True).hex(),
        "reason": refusal.reason,
        "message": refusal.message,
        "fix": refusal.fix,
        "request_id": request_id(name),
        "violations": [
            {"field": violation.field, "rule": violation.rule, "message": violation.message}
            for violation in refusal.violations
        ],
        "retry_after_ms": int(refusal.retry_after_s * 1000),
        "retry": refusal.reason in RETRIED if retry is None else retry,
    }
