"""Operations and the calls that they consist of."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Generic, TypeAlias, TypeVar

from google.protobuf.message import Message

from bureau_client.models.progress import Progress

Request = TypeVar("Request", bound=Message)
Reply = TypeVar("Reply", bound=Message)
Result = TypeVar("Result")

Clock: TypeAlias = Callable[[], datetime]


class DeadlineClass(Enum):
    """Class of a method's deadline; `RetryPolicy` has the seconds."""

    READ = "read"
    WRITE = "write"
    BULK = "bulk"
    STREAM = "stream"


@dataclass(frozen=True, slots=True)
class Method(Generic[Request, Reply]):
    """One method of the contract.

    Every method can be repeated: reads change nothing, and writes carry a request id
    under which the bureau returns the first answer again.
    """

    path: str
    request: type[Request]
    reply: type[Reply]
    deadline_class: DeadlineClass


@dataclass(frozen=True, slots=True)
class Call:
    """A call of one method; `request_id` is the signed statement's, empty without one."""

    method: Method[Any, Any]
    request: Message
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Sleep:
    """A request to the driver: sleep for `seconds`."""

    seconds: float


Operation: TypeAlias = Generator[Call | Progress | Sleep, Any, Result]
# Adds calls before and after the calls of each operation of a client.
Around: TypeAlias = Callable[[Operation[Any]], Operation[Any]]


def unchanged(operation: Operation[Result]) -> Operation[Result]:
    """Return an operation as it is."""
    return operation


def call(
    method: Method[Request, Reply], request: Request, request_id: str = ""
) -> Operation[Reply]:
    """Call a method once and return its reply, typed by the method."""
    reply = yield Call(method, request, request_id)
    assert isinstance(reply, method.reply)
    return reply


def no_calls() -> Operation[None]:
    """Make no call: nothing is done but what is around each operation of a client."""
    yield from ()


def utc_now() -> datetime:
    """Return the time of this machine's clock, UTC."""
    return datetime.now(UTC)
