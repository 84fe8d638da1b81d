"""The guard: the checks that every call passes, in this order.

0. The node is ready: clock, schema version, latency of the database. 1. The certificate's
fingerprint is registered for a member, valid and not withdrawn; checked on every call.
2. The member is not suspended, has a role that opens the method, and is below its limit
of calls. 3. The request arrives in time, is small enough, parses and keeps the contract's
field rules. 4. The journey runs. 5. Every error of the journey becomes a status.

Every method is registered as a request stream from which the guard reads one message:
otherwise gRPC would read the request before the guard knows the caller. Requests arrive
as bytes and are parsed here: a parse error inside gRPC would answer INTERNAL, and parsing
before the size check would let a caller make the node allocate memory.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, TypeAlias

import grpc
import structlog
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from bureau import field_rules, tracing
from bureau.codes import CodeSet
from bureau.context import Bureau, Caller
from bureau.errors import Refusal
from bureau.ledger.readiness import ReadinessProbe
from bureau.ledger.units import Load, deadline, load
from bureau.metrics import observe
from bureau.recent_calls import NO_STATEMENT, carried_statement
from bureau.rpc.call_log import CallLog, EndedCall
from bureau.rpc.connections import Connections
from bureau.rpc.limits import MemberLimits
from bureau.rpc.methods import Method, name_of, rules_of
from bureau.rpc.servicer import Servicer
from bureau.rpc.status import REQUEST_ID, abort, drop_traceback
from bureau.rpc.trace_context import parent_of
from bureau.rpc.unread_answers import UnreadAnswers
from bureau.store import queries as q
from bureau.store.errors import StorageError
from bureau.tracing import RemoteParent, Span, Tracing
from bureau_keys.authority import fingerprint
from creditbureau.v1.codes_pb2 import Role
from creditbureau.v1.members_pb2 import MEMBER_STATE_ACTIVE

logger = structlog.get_logger("bureau.rpc")

# Seconds subtracted from the client's deadline, so that the reply arrives in time.
NETWORK_ALLOWANCE_S = 0.02
# Seconds of work below which a call is refused with DEADLINE.
MIN_DEADLINE_S = 0.1
# Seconds after which a call is cancelled if its request has not arrived.
READ_TIMEOUT_S = 10.0
# Requests up to this size, in bytes, do not count against the byte limit.
SMALL_BYTES = 64 * 1024

HEALTH = "/grpc.health.v1.Health/Check"
# Certificates that may ask for health while the database is away. Further ones are
# refused then; the limit bounds memory.
MAX_PROBES = 64
AnyHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


@dataclass(slots=True)
class Call:
    """A running call, as its log line names it."""

    request_id: str
    member: str = ""


@dataclass(frozen=True, slots=True)
class Guard:
    """The builder of the gRPC handlers of the contract's methods.

    Attributes:
        bureau: The bureau's parts.
        member_limits: Limits of running calls.
        stream_limits: Limits of open streams.
        request_memory: Limits of the bytes of large requests in memory.
        unread: Limits of answers that callers do not read.
        readiness: The node's readiness.
        calls: The log of calls.
        connections: The count of connections that carried a call.
        tracing: The node's tracing; None if it sends no traces.
    """

    bureau: Bureau
    member_limits: MemberLimits
    stream_limits: MemberLimits
    request_memory: MemberLimits
    unread: UnreadAnswers
    readiness: ReadinessProbe
    calls: CallLog
    connections: Connections
    tracing: Tracing | None

    def unary_handler(self, method: MethodDescriptor, servicer: type[Servicer]) -> AnyHandler:
        """Return the gRPC handler of a unary method of a servicer."""
        rule = rules_of(method)
        request_class = GetMessageClass(method.input_type)
        serve: Callable[..., Message] = getattr(servicer, method.name)

        def handle(requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes | None:
            with self._answering(method, context) as call:
                end = time.monotonic() + seconds_left(context, rule)
                deadline.set(end)
                admit = partial(self._admitted, call, context, rule)
                served = servicer(self.bureau, admit(), context, end, admit)
                with self.member_limits.acquire(call.member):
                    load.set(Load(call.member))
                    data = self.read_request(requests, context, rule.max_seconds)
                    load.set(Load(call.member, len(data)))
                    with self._reserve_bytes(call.member, len(data)):
                        request = parse(request_class, data, rule)
                        answer = serve(served, request, context).SerializeToString()
                        self.unread.add(context, call.member, len(answer))
                        return answer
            return None

        return grpc.stream_unary_rpc_method_handler(handle)

    def stream_handler(self, method: MethodDescriptor, servicer: type[Servicer]) -> AnyHandler:
        """Return the gRPC handler of a streaming method of a servicer."""
        rule = rules_of(method)
        request_class = GetMessageClass(method.input_type)
        serve: Callable[..., Iterator[Message]] = getattr(servicer, method.name)

        def handle(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            with self._answering(method, context) as call:
                end = time.monotonic() + seconds_left(context, rule)
                admit = partial(self._admitted, call, context, rule)
                served = servicer(self.bureau, admit(), context, end, admit)
                with self.stream_limits.acquire(call.member):
                    load.set(Load(call.member))
                    data = self.read_request(requests, context, rule.max_seconds)
                    load.set(Load(call.member, len(data)))
                    for answer in serve(served, parse(request_class, data, rule), context):
                        with self.unread.reading(context):
                            yield answer.SerializeToString()

        return grpc.stream_stream_rpc_method_handler(handle)

    @contextmanager
    def _answering(self, method: MethodDescriptor, context: grpc.ServicerContext) -> Iterator[Call]:
        """Turn every error of a call into its status; log the call, and trace it."""
        name, started = name_of(method), time.perf_counter()
        call = Call(str(uuid.uuid4()))
        # On success too, so that the operator can find any call in the node's log.
        context.set_trailing_metadata(((REQUEST_ID, call.request_id),))
        parent = parent_of(context.invocation_metadata())
        system = getattr(context, "rpc_system", tracing.GRPC)
        span = self._start_span(method, parent, call.request_id, system)
        reason = ""
        carried_statement.set(NO_STATEMENT)
        try:
            with tracing.within(span):
                yield call
        except grpc.RpcError:
            reason = "CANCELLED"
            raise
        except Refusal as refusal:
            reason = refusal.reason
            drop_traceback(refusal)
            abort(context, refusal, call.request_id)
        except StorageError as error:
            refused = refusal_of(error)
            reason = refused.reason
            logger.error(
                "storage_failed", method=name, request_id=call.request_id, error=str(error)
            )
            drop_traceback(error)
            abort(context, refused, call.request_id)
        except Exception as error:
            reason = "INTERNAL"
            logger.exception("call_broken", method=name, request_id=call.request_id)
            drop_traceback(error)
            abort(context, Refusal("INTERNAL", type(error).__name__), call.request_id)
        finally:
            seconds = time.perf_counter() - started
            observe(name, reason or "OK", seconds)
            joined = span or parent
            if span is not None:
                span.end(reason or "OK", call.member)
            ended = EndedCall(
                time.time(),
                name,
                call.member,
                reason or "OK",
                seconds,
                call.request_id,
                context.peer(),
                joined.trace_id if joined else "",
            )
            self.calls.add(ended)
            self.bureau.recent_calls.add(
                # The bureau's time, by which the log goes, too.
                time_us=self.bureau.clock.now_us(),
                method=name,
                member_id=call.member,
                outcome=reason or "OK",
                seconds=seconds,
                call_id=call.request_id,
            )

    def _start_span(
        self, method: MethodDescriptor, parent: RemoteParent | None, request_id: str, system: str
    ) -> Span | None:
        if self.tracing is None:
            return None
        name = f"{method.containing_service.full_name}/{method.name}"
        return self.tracing.start_call(name, parent, request_id, system)

    def _reserve_bytes(self, member_id: str, size: int) -> AbstractContextManager[None]:
        """Reserve memory for a large request; no-op for a small one."""
        return self.request_memory.acquire(member_id, size) if size > SMALL_BYTES else nullcontext()

    def _admitted(self, call: Call, context: grpc.ServicerContext, rule: Method) -> Caller:
        with tracing.step("admit"):
            self.readiness.require_ready()
            caller = self.authenticate(context)
            call.member = caller.member_id
            authorize(caller, rule)
            self.unread.require_read(caller.member_id)
        return caller

    def read_request(
        self, requests: Iterator[Any], context: grpc.ServicerContext, seconds: float
    ) -> Any:
        """Read the one message of a request.

        Raises:
            grpc.RpcError: The caller cancelled, or the message did not arrive in time.
            Refusal: MALFORMED_MESSAGE for a request without a message.
        """
        with self.member_limits.read_deadline(context, min(seconds, READ_TIMEOUT_S)):
            for request in requests:
                return request
        raise Refusal("MALFORMED_MESSAGE", "the request has no message; send exactly one")

    def authenticate(self, context: grpc.ServicerContext) -> Caller:
        """Return the member whose registered certificate opened the connection.

        Raises:
            Refusal: UNKNOWN_CERTIFICATE, MEMBER_SUSPENDED, DATABASE_UNAVAILABLE, NODE_UNFIT.
        """
        self.connections.note(context.peer())
        name = _fingerprint(context)
        if name is None:
            raise Refusal("UNKNOWN_CERTIFICATE", "no client certificate")
        try:
            row = self.bureau.database.read_one(q.caller, fingerprint=name)
        except StorageError as error:
            logger.error("storage_failed", error=str(error))
            raise refusal_of(error) from error
        if row is None:
            raise Refusal("UNKNOWN_CERTIFICATE", "the certificate is not registered")
        if row.withdrawn:
            raise Refusal("UNKNOWN_CERTIFICATE", "the certificate was withdrawn")
        # Every call is judged by the later of this node's clock and the log's newest time.
        self.bureau.clock.follow(row.log_us)
        if self.bureau.clock.now_us() >= row.not_after_us:
            raise Refusal("UNKNOWN_CERTIFICATE", "the certificate has expired")
        if row.state != MEMBER_STATE_ACTIVE:
            raise Refusal("MEMBER_SUSPENDED", "the member is suspended")
        return Caller(row.member_id, CodeSet(row.roles), CodeSet(row.purposes), row.jurisdiction)


def refusal_of(error: StorageError) -> Refusal:
    """Return the refusal of a call for which the database could not be read."""
    if error.unfit:
        return Refusal("NODE_UNFIT", str(error))
    return Refusal("DATABASE_UNAVAILABLE", "the database did not answer")


def authorize(caller: Caller, rule: Method) -> None:
    """Raise ROLE_REQUIRED unless one of the caller's roles opens the method."""
    if not caller.roles & rule.roles:
        names = " or ".join(map(_role_name, CodeSet(rule.roles)))
        raise Refusal("ROLE_REQUIRED", f"the method needs the role {names}")


def _role_name(role: int) -> str:
    return Role.Name(Role.ValueType(role)).removeprefix("ROLE_").replace("_", "-").lower()


def seconds_left(context: grpc.ServicerContext, rule: Method) -> float:
    """Return the seconds that a call may work: the client's deadline, cut to the
    method's longest, minus NETWORK_ALLOWANCE_S.

    Raises:
        Refusal: DEADLINE if MIN_DEADLINE_S are not left.
    """
    left = context.time_remaining()
    left = rule.max_seconds if left is None else min(left, rule.max_seconds) - NETWORK_ALLOWANCE_S
    if left < MIN_DEADLINE_S:
        milliseconds = (MIN_DEADLINE_S + NETWORK_ALLOWANCE_S) * 1000
        raise Refusal("DEADLINE", f"the call's deadline is under {milliseconds:.0f} ms")
    return left


def parse(request_class: type[Message], data: bytes, rule: Method) -> Message:
    """Parse a request and check the contract's field rules.

    Raises:
        Refusal: TOO_LARGE, MALFORMED_MESSAGE, or a reason for a field.
    """
    if len(data) > rule.max_bytes:
        raise Refusal("TOO_LARGE", f"the request has {len(data)} of {rule.max_bytes} bytes allowed")
    try:
        request = request_class.FromString(data)
    except DecodeError as error:
        raise Refusal(
            "MALFORMED_MESSAGE", f"the bytes are no {request_class.DESCRIPTOR.name}"
        ) from error
    field_rules.check(request)
    return request


def _fingerprint(context: grpc.ServicerContext) -> str | None:
    """Return the fingerprint of the certificate that opened the connection."""
    pem = context.auth_context().get("x509_pem_cert")
    return fingerprint_of(pem[0]) if pem else None


@lru_cache(maxsize=4096)
def fingerprint_of(pem: bytes) -> str:
    """Return the fingerprint of a PEM certificate."""
    return fingerprint(pem)


class MembersOnlyInterceptor(grpc.ServerInterceptor):
    """The interceptor that restricts health and reflection to registered certificates and to
    their members' limits of calls. The contract's own methods have the guard.
    `Health.Watch`, a call without an end, is not served.

    A certificate that health has answered once gets an answer also while the database
    is away and certificates cannot be looked up.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._probes: dict[str, str] = {}

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], AnyHandler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> AnyHandler | None:
        """Wrap a handler that has no guard."""
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
                with self._guard.member_limits.acquire(admitted(context)):
                    request = self._guard.read_request(requests, context, READ_TIMEOUT_S)
                    return behaviour(request, context)
            except Refusal as refusal:
                abort(context, refusal, str(uuid.uuid4()))

        return checked

    def _several(self, behaviour: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        def checked(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
            try:
                with (
                    self._guard.member_limits.acquire(self._guard.authenticate(context).member_id),
                    self._guard.member_limits.read_deadline(context, READ_TIMEOUT_S),
                ):
                    yield from behaviour(requests, context)
            except Refusal as refusal:
                abort(context, refusal, str(uuid.uuid4()))

        return checked
