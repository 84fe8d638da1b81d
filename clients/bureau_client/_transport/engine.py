"""Turns an operation into single attempts and pauses; does no I/O itself."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from google.protobuf.message import Message

from bureau_client._operations.operation import Around, Call, Operation, Sleep, unchanged
from bureau_client._operations.resend import statement_of
from bureau_client._operations.streams import Cursor, Item, Stream
from bureau_client._transport.connection_errors import CERTIFICATE_REASON
from bureau_client._transport.load_balancing import AddressBook, AddressPool
from bureau_client._transport.retry import CLOSED_REASON, RetryPolicy, is_retryable
from bureau_client._transport.tracing import AttemptSpan, Metadata, OperationSpan
from bureau_client.errors import BureauError, Unavailable, VerificationFailed
from bureau_client.models.progress import Progress
from bureau_client.models.statements import BeforeSend, ignore
from bureau_client.verify.checks import TELL

Result = TypeVar("Result")

# Seconds. A stream without an end that is ended earlier, without a message, counts as a failed
# attempt: otherwise a bureau that ends each stream at once would be asked without a pause.
LEAST_STREAM_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request to the driver: send this call to this address, return reply or error.

    Attributes:
        metadata: Metadata that go with the call.
    """

    call: Call
    address: int
    timeout_seconds: float
    metadata: Metadata = ()


@dataclass(frozen=True, slots=True)
class Done(Generic[Result]):
    """The result of an operation that has ended."""

    result: Result


Effect: TypeAlias = Attempt | Sleep | Progress
Effects: TypeAlias = Generator[Effect, Any, Result]


def run_operation(
    operation: Operation[Result],
    addresses: AddressBook,
    policy: RetryPolicy,
    now: Callable[[], float],
    before_send: BeforeSend = ignore,
    around: Around = unchanged,
) -> Effects[Result]:
    """Run an operation, one effect at a time.

    Args:
        operation: The operation.
        addresses: The bureau's addresses, shared by all operations of one client.
        policy: Deadlines and retries.
        now: Returns the seconds of a clock that never goes back.
        before_send: Called with each signed statement before its first attempt.
        around: Adds the calls before and after those of each operation.
    """
    span = OperationSpan(operation)
    operation = around(operation)
    # Closed with the effects where the call is cancelled: it keeps what it has seen.
    with span, closing(operation):
        effect = step(operation, None)
        while not isinstance(effect, Done):
            if isinstance(effect, Progress | Sleep):
                yield effect
                effect = step(operation, None)
                continue
            if before_send is not ignore and (statement := statement_of(effect)):
                before_send(statement)
            try:
                reply = yield from _persist(effect, addresses, policy, now, span)
            except BureauError as error:
                effect = step(operation, None, error)
            else:
                effect = step(operation, reply)
        result: Result = effect.result
        return result


def step(
    operation: Generator[Effect | Call, Any, Result],
    answer: object,
    error: BaseException | None = None,
) -> Any:
    """Move a generator one step; return the value that it yields, or `Done`."""
    try:
        return operation.send(answer) if error is None else operation.throw(error)
    except StopIteration as stop:
        return Done(stop.value)


def _persist(
    call: Call,
    addresses: AddressBook,
    policy: RetryPolicy,
    now: Callable[[], float],
    span: OperationSpan,
) -> Effects[Message]:
    deadline_class = call.method.deadline_class
    give_up = now() + policy.budget(deadline_class)
    pool, tried = addresses.for_method(call.method), set[int]()
    attempts = failures = 0
    may_pass = False
    while True:
        address = pool.pick(now())
        tried.add(address)
        attempts += 1
        timeout = min(policy.timeout(deadline_class), give_up - now())
        try:
            with span.attempt(call, addresses.addresses[address], attempts) as attempt:
                reply: Message = yield Attempt(call, address, timeout, attempt.metadata)
        except BureauError as error:
            # A request id from the bureau finds more of its log lines than the statement's.
            error.request_id = error.request_id or call.request_id
            error.attempts = attempts
            may_pass = may_pass or is_retryable(error)
            moves = should_fail_over(error, policy, pool, tried)
            if not is_retryable(error) and not (is_out_of_order(error) and (moves or may_pass)):
                raise
            pool.failed(address, now())
            pause = 0.0
            if not moves:
                failures += 1
                pause = policy.pause(failures, error)
            if failures == policy.attempts or now() + pause >= give_up:
                raise
            if pause:
                yield Sleep(pause)
        else:
            pool.worked(address)
            return reply


class Following(Generic[Item]):
    """State of one stream: the cursor that it reached, and the attempts without an item."""

    def __init__(
        self,
        stream: Stream[Item],
        addresses: AddressBook,
        policy: RetryPolicy,
        now: Callable[[], float],
    ) -> None:
        self._stream = stream
        self._addresses = addresses.addresses
        self._pool = addresses.for_method(stream.method)
        self._policy = policy
        self._now = now
        self._cursor = stream.start
        self._failures = 0
        self._tried = set[int]()
        self._address = 0
        self._opened = 0.0
        self._received = False
        self._attempts = 0

    def call(self) -> Call:
        """Return the call for the messages after the cursor."""
        stream = self._stream
        return Call(stream.method, stream.request(self._cursor), stream.request_id)

    @contextmanager
    def attempt(self) -> Iterator[Attempt]:
        """Yield the attempt that opens the stream after the cursor; its span ends with it."""
        self._address, self._opened = self._pool.pick(self._now()), self._now()
        self._received = False
        self._attempts += 1
        timeout = self._policy.timeout(self._stream.method.deadline_class)
        call = self.call()
        with AttemptSpan(call, self._addresses[self._address], self._attempts) as span:
            yield Attempt(call, self._address, timeout, span.metadata)

    def advance(self, cursor: Cursor, *, has_item: bool) -> None:
        """Move to the cursor of a message that was read.

        A message without an item and without a cursor leaves the stream where it is.

        Raises:
            VerificationFailed: The cursor does not move on, so that the stream would repeat.
        """
        if not (cursor or has_item):
            return
        ordered = isinstance(cursor, int)
        if cursor == self._cursor or not cursor or (ordered and cursor < self._cursor):
            raise VerificationFailed(
                f"The stream's cursor is {cursor!r} after {self._cursor!r}: it does not move on",
                reason="WRONG_ANSWER",
                fix=TELL,
            )
        self._cursor, self._received, self._failures = cursor, True, 0
        self._tried.clear()

    def is_complete(self) -> bool:
        """Return True if the stream that the bureau ended has no more messages to come.

        Raises:
            Unavailable: The bureau ends a stream that has no end as soon as it is opened.
            VerificationFailed: The stream has an end, and did not come to it.
        """
        lasted = self._now() - self._opened
        if self._stream.endless and not self._received and lasted < LEAST_STREAM_SECONDS:
            raise Unavailable(
                "The bureau ended the stream as soon as it was opened",
                reason="UNREACHABLE",
                fix="Follow it again later; tell the operator if it ends each time",
            )
        self._stream.check_end()
        self._pool.worked(self._address)
        return not self._stream.endless

    def pause_after(self, error: BureauError) -> float:
        """Return the pause before the stream is opened again, in seconds.

        Raises:
            BureauError: The error itself, when the stream is given up.
        """
        self._tried.add(self._address)
        moving = should_fail_over(error, self._policy, self._pool, self._tried)
        self._failures += not moving
        pause = 0.0 if moving else self._policy.pause(self._failures, error)
        budget = self._policy.budget(self._stream.method.deadline_class)
        passes = is_retryable(error) or (is_out_of_order(error) and moving)
        if self._failures == self._policy.attempts or not passes or pause >= budget:
            raise error.with_traceback(None)
        self._pool.failed(self._address, self._now())
        return pause

    def check_closed(self, error: BureauError) -> None:
        """End the stream because the client was closed.

        Args:
            error: The error of the attempt that the closing ended.

        Raises:
            BureauError: The error itself, if it has another cause; CLOSED if the stream has an
                end, and did not come to it.
        """
        if not (is_retryable(error) or error.reason == CLOSED_REASON):
            raise error.with_traceback(None)
        if not self._stream.endless:
            raise closed("the stream came to its end") from None


def closed(end: str = "the call was answered") -> Unavailable:
    """Return the error of a call or a stream whose client was closed before its end."""
    return Unavailable(
        f"The client was closed before {end}",
        reason=CLOSED_REASON,
        fix="Close the client after its calls and streams. If the call is a write, "
        "`receipt(error.request_id)` of an open client says whether it took effect",
    )


def end_of_closed(error: BureauError) -> BureauError:
    """Return the error of an attempt whose client was closed meanwhile.

    A refusal by the bureau, and an answer that does not verify, stay what they are.
    """
    return closed() if is_retryable(error) else error


def should_fail_over(
    error: BureauError, policy: RetryPolicy, pool: AddressPool, tried: set[int]
) -> bool:
    """Return True if the call goes to another address at once, without a pause.

    A node that is unreachable or out of order says nothing about the others. A busy node does:
    then the pause that it asks for is kept.
    """
    away = isinstance(error, Unavailable) or is_out_of_order(error)
    return policy.attempts > 1 and away and pool.has_other(tried)


def is_out_of_order(error: BureauError) -> bool:
    """Return True for an address that shows a certificate that does not count.

    The call was not sent. The address rests like an unreachable one; it is an error of the call
    if no other address answers.
    """
    return error.reason == CERTIFICATE_REASON
