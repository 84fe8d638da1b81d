"""Turns an operation into single attempts and pauses; does no I/O itself."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from google.protobuf.message import Message

from bureau_client._operations.operation import Call, Operation, Sleep
from bureau_client._operations.resend import statement_of
from bureau_client._transport.load_balancing import AddressBook, AddressPool
from bureau_client._transport.retry import RetryPolicy, is_retryable
from bureau_client.errors import BureauError, Unavailable
from bureau_client.models.progress import Progress
from bureau_client.models.statements import BeforeSend, ignore

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Attempt:
    """Send this call to this address; answer with the reply or its error."""

    call: Call
    address: int
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class Done(Generic[Result]):
    """The operation's result."""

    result: Result


Effect: TypeAlias = Attempt | Sleep | Progress
Effects: TypeAlias = Generator[Effect, Any, Result]


def run_operation(
    operation: Operation[Result],
    addresses: AddressBook,
    policy: RetryPolicy,
    now: Callable[[], float],
    before_send: BeforeSend = ignore,
) -> Effects[Result]:
    """Carries an operation out, one effect at a time.

    Args:
        operation: What to do.
        addresses: The addresses; shared by all operations of one client.
        policy: Deadlines and retries.
        now: Seconds of a clock that never goes back.
        on_statement: Is given each signed statement before its first attempt.
    """
    effect = step(operation, None)
    while not isinstance(effect, Done):
        if isinstance(effect, Progress | Sleep):
            yield effect
            effect = step(operation, None)
            continue
        if statement := statement_of(effect):
            before_send(statement)
        try:
            reply = yield from _persist(effect, addresses, policy, now)
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
    """Moves a generator one step: what it yields next, or `Done`."""
    try:
        return operation.send(answer) if error is None else operation.throw(error)
    except StopIteration as stop:
        return Done(stop.value)


def _persist(
    call: Call, addresses: AddressBook, policy: RetryPolicy, now: Callable[[], float]
) -> Effects[Message]:
    deadline_class = call.method.deadline_class
    give_up = now() + policy.budget(deadline_class)
    pool, tried = addresses.for_method(call.method), set[int]()
    made = failures = 0
    while True:
        address = pool.pick(now())
        tried.add(address)
        made += 1
        timeout = min(policy.timeout(deadline_class), give_up - now())
        try:
            reply: Message = yield Attempt(call, address, timeout)
        except BureauError as error:
            # The bureau's own request id, if it gave one, finds more in its logs.
            error.request_id = error.request_id or call.request_id
            error.attempts = made
            if not is_retryable(error):
                raise
            pool.failed(address, now())
            pause = 0.0
            if not should_fail_over(error, policy, pool, tried):
                failures += 1
                pause = policy.pause(failures, error)
            if failures == policy.attempts or now() + pause >= give_up:
                raise
            if pause:
                yield Sleep(pause)
        else:
            pool.worked(address)
            return reply


def should_fail_over(
    error: BureauError, policy: RetryPolicy, pool: AddressPool, tried: set[int]
) -> bool:
    """Whether another address is asked at once: a node that cannot answer says nothing
    about the others. One that is busy does, and what it asks for is granted.
    """
    may = policy.attempts > 1 and isinstance(error, Unavailable)
    return may and pool.has_other(tried)
