"""Faults of queries, on request: the only thing in a sandbox that is not real.

The magic subjects with a fault ask for it, and tests by `Faults.once`. The interceptor works
before the guard, on the request as it arrives and on the reply as it leaves.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from bureau.errors import Refusal
from bureau.rpc.guard import AnyHandler
from bureau.sandbox.calls import purpose_of_call
from bureau.sandbox.magic import Fault
from creditbureau.v1.codes_pb2 import Purpose
from creditbureau.v1.reporting_pb2 import (
    Inquiry,
    PortfolioInquiry,
    QueryPortfolioRequest,
    QueryReportRequest,
    QueryReportResponse,
)

PREFIX = "/creditbureau.v1."
QUERY = f"{PREFIX}Reporting/QueryReport"
PORTFOLIO = f"{PREFIX}Reporting/QueryPortfolio"
SLOW_S = 3.0
# Request ids whose reply was dropped; older ones are forgotten.
REMEMBERED = 10_000


@dataclass(slots=True)
class Faults:
    """The faults that are asked for.

    Attributes:
        receipt_file: File with the receipt of an early inquiry.
        slow_s: Seconds of the fault SLOW.
        of_subject: Fault of every query about a subject, by subject id.
    """

    receipt_file: Path
    slow_s: float = SLOW_S
    of_subject: Mapping[str, Fault] = field(default_factory=dict)
    _once: deque[Fault] = field(default_factory=deque)
    _dropped: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    _choosing: threading.Lock = field(default_factory=threading.Lock)

    def once(self, fault: Fault | str) -> None:
        """Ask for a fault of the next query of a report, about any person."""
        self._once.append(Fault(fault))

    def forget(self) -> None:
        """Drop the faults that were asked for and that no query has met."""
        with self._choosing:
            self._once.clear()

    def choose(self, inquiry: Inquiry) -> Fault | None:
        """Return the fault of a query; DROPPED only the first time that an inquiry comes."""
        with self._choosing:
            fault = self._once.popleft() if self._once else None
            fault = fault or self.of_subject.get(inquiry.subject_id)
            if fault is not Fault.DROPPED:
                return fault
            if inquiry.header.request_id in self._dropped:
                return None
            self._dropped.append(inquiry.header.request_id)
            return fault

    def receive(self, fault: Fault | None) -> None:
        """Apply a fault to a request that has arrived.

        Raises:
            Refusal: DATABASE_UNAVAILABLE.
        """
        if fault is Fault.SLOW:
            time.sleep(self.slow_s)
        elif fault is Fault.UNAVAILABLE:
            raise Refusal("DATABASE_UNAVAILABLE", "the database did not answer")

    def reply(self, fault: Fault | None, data: bytes, context: grpc.ServicerContext) -> bytes:
        """Apply a fault to a reply that is to be sent."""
        if fault is Fault.DROPPED:
            context.abort(grpc.StatusCode.UNAVAILABLE, "connection reset")
        if fault not in {Fault.STALE_RECEIPT, Fault.WRONG_SIGNATURE}:
            self._keep_receipt(data)
            return data
        reply = QueryReportResponse.FromString(data)
        if fault is Fault.WRONG_SIGNATURE:
            (signature,) = reply.report.signatures
            signature.sig = bytes([signature.sig[0] ^ 1]) + signature.sig[1:]
        else:
            reply.receipt.ParseFromString(self.receipt_file.read_bytes())
        return reply.SerializeToString()

    def _keep_receipt(self, data: bytes) -> None:
        if not self.receipt_file.exists():
            reply = QueryReportResponse.FromString(data)
            self.receipt_file.write_bytes(reply.receipt.SerializeToString())


class SandboxInterceptor(grpc.ServerInterceptor):
    """The interceptor of every call: notes the purpose for the log, and injects faults."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], AnyHandler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> AnyHandler | None:
        """Wrap a handler of the contract."""
        handler = continuation(handler_call_details)
        name = handler_call_details.method
        if handler is None or not name.startswith("/creditbureau."):
            return handler
        if handler.stream_unary:
            unary = handler.stream_unary
            wrapped = self._query(unary) if name == QUERY else _noting(unary, name)
            return grpc.stream_unary_rpc_method_handler(wrapped)
        assert handler.stream_stream is not None, "the guard reads every request as a stream"
        return grpc.stream_stream_rpc_method_handler(_noting(handler.stream_stream, name))

    def _query(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap the query of a report."""

        def behaviour(requests: Iterator[bytes], context: grpc.ServicerContext) -> Any:
            chosen: list[Fault | None] = []

            def arriving() -> Iterator[bytes]:
                for data in requests:
                    inquiry = _inquiry_in(data)
                    purpose_of_call.set(_purpose(inquiry.purpose))
                    chosen.append(self._faults.choose(inquiry))
                    self._faults.receive(chosen[0])
                    yield data

            purpose_of_call.set("")
            reply = inner(arriving(), context)
            # A refused call has no reply: its status is set.
            return self._faults.reply(chosen[0], reply, context) if reply is not None else None

        return behaviour


def _noting(inner: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Wrap a handler so that the log of calls has the purpose of a portfolio's inquiry."""

    def arriving(requests: Iterator[bytes]) -> Iterator[bytes]:
        for data in requests:
            purpose_of_call.set(_purpose(_portfolio_in(data)) if name == PORTFOLIO else "")
            yield data

    def behaviour(requests: Iterator[bytes], context: grpc.ServicerContext) -> Any:
        purpose_of_call.set("")
        return inner(arriving(requests), context)

    return behaviour


def _inquiry_in(data: bytes) -> Inquiry:
    """Return the inquiry of a request; an empty one if it does not parse, as the guard finds."""
    try:
        return Inquiry.FromString(QueryReportRequest.FromString(data).inquiry.payload)
    except DecodeError:
        return Inquiry()


def _portfolio_in(data: bytes) -> int:
    """Return the purpose of a portfolio's inquiry; 0 if it does not parse."""
    try:
        payload = QueryPortfolioRequest.FromString(data).inquiry.payload
        return PortfolioInquiry.FromString(payload).purpose
    except DecodeError:
        return 0


def _purpose(code: int) -> str:
    """Return the name of a purpose; empty for none and for an unknown code."""
    if not code or code not in Purpose.values():
        return ""
    return Purpose.Name(Purpose.ValueType(code)).removeprefix("PURPOSE_").replace("_", "-").lower()
