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
    """A request to the driver: send this call to this address, return reply or error."""

    call: Call
    address: int
    timeout_seconds: float


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
) -> Effects[Result]:
    """Run an operation, one effect at a time.

    Args:
        operation: The operation.
        addresses: The bureau's addresses, shared by all operations of one client.
        policy: Deadlines and retries.
        now: Returns the seconds of a clock that never goes back.
        before_send: Called with each signed statement before its first attempt.
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
    """Move a generator one step; return the value that it yields, or `Done`."""
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
    attempts = failures = 0
    while True:
        address = pool.pick(now())
        tried.add(address)
        attempts += 1
        timeout = min(policy.timeout(deadline_class), give_up - now())
        try:
            reply: Message = yield Attempt(call, address, timeout)
        except BureauError as error:
            # A request id from the bureau finds more of its log lines than the statement's.
            error.request_id = error.request_id or call.request_id
            error.attempts = attempts
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
    """Return True if the call goes to another address at once, without a pause.

    An unreachable node says nothing about the others. A busy node does: then the pause
    that it asks for is kept.
    """
    may = policy.attempts > 1 and isinstance(error, Unavailable)
    return may and pool.has_other(tried)
