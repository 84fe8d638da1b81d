"""Request ids that the bureau returns with its answers, kept for the caller."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import Any

# Each call at INFO: method, gRPC code, the request id under which the operator finds it.
logger = logging.getLogger("bureau_client")

# Trailing metadata of every answer, of a refusal too.
REQUEST_ID = "request-id"


class LastRequestId:
    """Request id of the newest call, separate for each thread and each asyncio task."""

    def __init__(self) -> None:
        # One variable for each client: calls of another client do not replace the id.
        self._variable: ContextVar[str] = ContextVar(REQUEST_ID, default="")

    @property
    def value(self) -> str:
        """The request id of the newest call; empty before the first, and if no answer came."""
        return self._variable.get()

    def read(self, path: str, outcome: str, trailers: Any) -> None:
        """Read the id from a call's trailing metadata, and log the call.

        Args:
            path: The method.
            outcome: Name of the gRPC code that the call ended with.
        """
        request_id = next((value for key, value in trailers or () if key == REQUEST_ID), "")
        self._variable.set(request_id)
        logger.info("%s %s request_id=%s", path, outcome, request_id or "-")
