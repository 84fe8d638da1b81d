"""The guard: what every call passes, in this order.

0. The node is fit to answer: clock, version, way to the database. 1. The certificate's
fingerprint is registered for a member, valid and not withdrawn, on every call. 2. The
member is not suspended, has a role that opens the method, and a seat is free for it. 3.
The request arrives in time, is small enough, parses and keeps the contract's field rules.
4. The journey. 5. Whatever it raises leaves as one kind of status.

Every method is served as if its request were a stream, of which one message is read:
gRPC would else wait for the message of a stranger before the guard is asked.
Requests arrive as bytes and are parsed here: a parser that fails inside gRPC would
answer INTERNAL, and one that runs before the size check can be made to allocate.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import grpc
import structlog
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from bureau import field_rules
from bureau.context import Bureau, Caller
from bureau.errors import Refusal
from bureau.ledger.commit_queue import deadline
from bureau.ledger.readiness import ReadinessProbe
from bureau.metrics import observe
from bureau.rpc.call_log import CallLog, EndedCall
from bureau.rpc.connections import Connections
from bureau.rpc.limits import MemberLimits
from bureau.rpc.methods import METHODS, Method
from bureau.rpc.status import REQUEST_ID, abort, drop_traceback
from bureau.rpc.trace_context import trace_id_of
from bureau.store import queries as q
from bureau.store.errors import StorageError
from bureau_keys.authority import fingerprint
from creditbureau.v1.members_pb2 import MEMBER_STATE_ACTIVE

logger = structlog.get_logger("bureau.rpc")

# What the network may take of a client's deadline, and the least that is left to
# work with.
NETWORK_ALLOWANCE_S = 0.02
# Seconds in which a request must have arrived.
READ_TIMEOUT_S = 10.0
MIN_DEADLINE_S = 0.1
# Of requests; smaller ones are not counted.
SMALL_BYTES = 64 * 1024

Handler = Callable[[Caller, Any], Message]
# Of a stream: messages, and None where there is nothing to tell at present.
Streamer = Callable[[Caller, Any], Iterator[Message | None]]
END: Any = object()
# Seconds after which a stream looks for what other nodes committed, and for whether
# its member is still admitted.
POLL_S = 0.5
REAUTH_INTERVAL_S = 2.0
HEALTH = "/grpc.health.v1.Health/Check"
# Certificates that health remembers.
MAX_PROBES = 64
AnyHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


@dataclass(slots=True)
class Call:
    """A call at work."""

    request_id: str
    member: str = ""


@dataclass(frozen=True, slots=True)
class Guard:
    """Builds gRPC handlers around journeys.

    Attributes:
        bureau: The bureau's parts.
        seats: How many calls of a member may be at work.
        streams: How many streams of a member may be open.
        room: How many bytes of large requests of a member may be at work.
        pulse: Whether the node is fit to answer.
        calls: Their log.
        connections: The count of connections that carried a call.
    """

    bureau: Bureau
    seats: MemberLimits
    streams: MemberLimits
    room: MemberLimits
    pulse: ReadinessProbe
    calls: CallLog
    connections: Connections

    def unary_handler(self, method: MethodDescriptor, journey: Handler) -> AnyHandler:
        """A gRPC handler of a unary method around a journey."""
        name = name_of(method)
        rule = METHODS[name]
        request_class = GetMessageClass(method.input_type)

        def handle(requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes | None:
            with self._answering(name, context) as call:
                deadline.set(time.monotonic() + seconds_left(context, rule))
                caller = self._admitted(call, context, rule)
                with self.seats.acquire(call.member):
                    data = self.read_request(requests, context, rule.max_seconds)
                    with self._reserve_bytes(call.member, len(data)):
                        request = parse(request_class, data, rule)
                        return journey(caller, request).SerializeToString()
            return None

        return grpc.stream_unary_rpc_method_handler(handle)

    def stream_handler(self, method: MethodDescriptor, journey: Streamer) -> AnyHandler:
        """A gRPC handler of a streaming method around a journey. The stream ends with
        its time, with the node, with the client, and with the member's admission.
        """
        name = name_of(method)
        rule = METHODS[name]
        request_class = GetMessageClass(method.input_type)

        def handle(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            with self._answering(name, context) as call:
                end = time.monotonic() + seconds_left(context, rule)
                caller = self._admitted(call, context, rule)
                with self.streams.acquire(call.member):
                    data = self.read_request(requests, context, rule.max_seconds)
                    answers = journey(caller, parse(request_class, data, rule))
                    looked, seen = time.monotonic(), self.bureau.commits.count
                    while context.is_active() and time.monotonic() < end:
                        answer = next(answers, END)
                        if answer is END:
                            return
                        if answer is not None:
                            yield answer.SerializeToString()
                        else:
                            self.bureau.commits.wait(seen, POLL_S)
                        seen = self.bureau.commits.count
                        if time.monotonic() > looked + REAUTH_INTERVAL_S:
                            looked = time.monotonic()
                            self._admitted(call, context, rule)

        return grpc.stream_stream_rpc_method_handler(handle)

    @contextmanager
    def _answering(self, name: str, context: grpc.ServicerContext) -> Iterator[Call]:
        """Turns whatever a call raises into its status, and notes how it ended."""
        started = time.perf_counter()
        call = Call(str(uuid.uuid4()))
        # On success too, so that the operator can find any call in the node's log.
        context.set_trailing_metadata(((REQUEST_ID, call.request_id),))
        reason = ""
        try:
            yield call
        except grpc.RpcError:
            reason = "CANCELLED"
            raise
        except Refusal as refusal:
            reason = refusal.reason
            drop_traceback(refusal)
            abort(context, refusal, call.request_id)
        except StorageError as error:
            unread = refusal_of(error)
            reason = unread.reason
            logger.error(
                "storage_failed", method=name, request_id=call.request_id, error=str(error)
            )
            drop_traceback(error)
            abort(context, unread, call.request_id)
        except Exception as error:
            reason = "INTERNAL"
            logger.exception("call_broken", method=name, request_id=call.request_id)
            drop_traceback(error)
            abort(context, Refusal(reason, type(error).__name__), call.request_id)
        finally:
            seconds = time.perf_counter() - started
            observe(name, reason or "OK", seconds)
            ended = EndedCall(
                time.time(),
                name,
                call.member,
                reason or "OK",
                seconds,
                call.request_id,
                context.peer(),
                trace_id_of(context.invocation_metadata()),
            )
            self.calls.add(ended)

    def _reserve_bytes(self, member_id: str, size: int) -> AbstractContextManager[None]:
        """Room for a request, where it is worth counting."""
        return self.room.acquire(member_id, size) if size > SMALL_BYTES else nullcontext()

    def _admitted(self, call: Call, context: grpc.ServicerContext, rule: Method) -> Caller:
        self.pulse.require_ready()
        caller = self.authenticate(context)
        call.member = caller.member_id
        authorize(caller, rule)
        return caller

    def read_request(
        self, requests: Iterator[Any], context: grpc.ServicerContext, seconds: float
    ) -> Any:
        """The one message of a request.

        Raises:
            grpc.RpcError: The caller went away, or did not send it in time.
            Refusal: MALFORMED_MESSAGE for a request without a message.
        """
        with self.seats.read_deadline(context, min(seconds, READ_TIMEOUT_S)):
            for request in requests:
                return request
        raise Refusal("MALFORMED_MESSAGE", "there is no message in the request")

    def unimplemented_handler(self, method: MethodDescriptor) -> AnyHandler:
        """A handler for a method of the contract that this bureau does not serve."""
        name = name_of(method)

        def handle(_requests: Iterator[bytes], context: grpc.ServicerContext) -> None:
            refusal = Refusal("NOT_SERVED", name)
            try:
                self.authenticate(context)
            except Refusal as stranger:
                refusal = stranger
            abort(context, refusal, str(uuid.uuid4()))

        if method.server_streaming:
            return grpc.stream_stream_rpc_method_handler(handle)
        return grpc.stream_unary_rpc_method_handler(handle)

    def authenticate(self, context: grpc.ServicerContext) -> Caller:
        """The member whose registered certificate opened the connection.

        Raises:
            Refusal: UNKNOWN_CERTIFICATE, MEMBER_SUSPENDED, DATABASE_UNAVAILABLE, NODE_UNFIT.
        """
        self.connections.note(context.peer())
        name = _fingerprint(context)
        if name is None:
            raise Refusal("UNKNOWN_CERTIFICATE", "no client certificate")
        try:
            with self.bureau.database.snapshot() as db:
                row = db.one(q.caller, fingerprint=name)
        except StorageError as error:
            logger.error("storage_failed", error=str(error))
            raise refusal_of(error) from error
        if row is None:
            raise Refusal("UNKNOWN_CERTIFICATE", "the certificate is not registered")
        member_id, state, roles, purposes, jurisdiction, not_after_us, withdrawn = row
        if withdrawn:
            raise Refusal("UNKNOWN_CERTIFICATE", "the certificate was withdrawn")
        if self.bureau.clock.now_us() >= not_after_us:
            raise Refusal("UNKNOWN_CERTIFICATE", "the certificate has expired")
        if state != MEMBER_STATE_ACTIVE:
            raise Refusal("MEMBER_SUSPENDED", "the member is suspended")
        return Caller(member_id, roles, purposes, jurisdiction)


def refusal_of(error: StorageError) -> Refusal:
    """Return the refusal of a call for which the database could not be read."""
    if error.unfit:
        return Refusal("NODE_UNFIT", str(error))
    return Refusal("DATABASE_UNAVAILABLE", "the database did not answer")


def name_of(method: MethodDescriptor) -> str:
    """`Service/Method`."""
    return f"{method.containing_service.name}/{method.name}"


def authorize(caller: Caller, rule: Method) -> None:
    """Raises ROLE_REQUIRED unless one of the caller's roles opens the method."""
    if not caller.roles & rule.roles:
        raise Refusal("ROLE_REQUIRED", "none of the member's roles opens this method")


def seconds_left(context: grpc.ServicerContext, rule: Method) -> float:
    """Time to work: the client's deadline, cut to the method's longest, less what
    the network takes.

    Raises:
        Refusal: DEADLINE if it is not worth beginning.
    """
    left = context.time_remaining()
    left = rule.max_seconds if left is None else min(left, rule.max_seconds) - NETWORK_ALLOWANCE_S
    if left < MIN_DEADLINE_S:
        raise Refusal("DEADLINE", "the deadline leaves less than 100 ms")
    return left


def parse(request_class: type[Message], data: bytes, rule: Method) -> Message:
    """The request, checked against the contract.

    Raises:
        Refusal: TOO_LARGE, MALFORMED_MESSAGE, or a reason for a field.
    """
    if len(data) > rule.max_bytes:
        raise Refusal("TOO_LARGE", f"the request has {len(data)} of {rule.max_bytes} bytes allowed")
    try:
        request = request_class.FromString(data)
    except DecodeError as error:
        raise Refusal("MALFORMED_MESSAGE", "the bytes are no such message") from error
    field_rules.check(request)
    return request


def _fingerprint(context: grpc.ServicerContext) -> str | None:
    """Of the certificate that opened the connection."""
    pem = context.auth_context().get("x509_pem_cert")
    return fingerprint_of(pem[0]) if pem else None


@lru_cache(maxsize=4096)
def fingerprint_of(pem: bytes) -> str:
    """Fingerprint of a certificate as the TLS layer hands it out."""
    return fingerprint(pem)


class MembersOnlyInterceptor(grpc.ServerInterceptor):
    """Keeps what is served beside the contract, health and reflection, to registered
    certificates too, and to the seats of their members. The contract's own methods
    have their guard. `Health.Watch`, a call without an end, is not served.

    Who has been admitted to health once is told how the node is also while the database
    is away and nobody's certificate can be looked up.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._probes: dict[str, str] = {}

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], AnyHandler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> AnyHandler | None:
        """Wraps the handlers that have no guard of their own."""
        handler = continuation(handler_call_details)
        if handler is None or handler_call_details.method.startswith("/creditbureau."):
            return handler
        if handler.unary_unary:
            is_health = handler_call_details.method == HEALTH
            return grpc.stream_unary_rpc_method_handler(
                self._one(handler.unary_unary, self._probe if is_health else self._member),
                request_deserializer=handler.request_deserializer,
                response_serializer=handler.response_serializer,
            )
        if handler.stream_stream:
            return grpc.stream_stream_rpc_method_handler(
                self._several(handler.stream_stream),
                request_deserializer=handler.request_deserializer,
                response_serializer=handler.response_serializer,
            )
        return None

    def _member(self, context: grpc.ServicerContext) -> str:
        return self._guard.authenticate(context).member_id

    def _probe(self, context: grpc.ServicerContext) -> str:
        try:
            member_id = self._member(context)
        except Refusal as refusal:
            known = self._probes.get(_fingerprint(context) or "")
            if refusal.reason not in {"DATABASE_UNAVAILABLE", "NODE_UNFIT"} or known is None:
                raise
            return known
        if len(self._probes) < MAX_PROBES:
            self._probes[_fingerprint(context) or ""] = member_id
        return member_id

    def _one(
        self,
        behaviour: Callable[[Any, Any], Any],
        admitted: Callable[[grpc.ServicerContext], str],
    ) -> Callable[[Any, Any], Any]:
        def checked(requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
            try:
                with self._guard.seats.acquire(admitted(context)):
                    request = self._guard.read_request(requests, context, READ_TIMEOUT_S)
                    return behaviour(request, context)
            except Refusal as refusal:
                abort(context, refusal, str(uuid.uuid4()))

        return checked

    def _several(self, behaviour: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        def checked(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
            try:
                with (
                    self._guard.seats.acquire(self._guard.authenticate(context).member_id),
                    self._guard.seats.read_deadline(context, READ_TIMEOUT_S),
                ):
                    yield from behaviour(requests, context)
            except Refusal as refusal:
                abort(context, refusal, str(uuid.uuid4()))

        return checked
