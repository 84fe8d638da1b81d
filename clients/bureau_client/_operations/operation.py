"""What a plan is made of."""

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
    """How long an answer may take."""

    READ = "read"
    WRITE = "write"
    BULK = "bulk"
    STREAM = "stream"


@dataclass(frozen=True, slots=True)
class Method(Generic[Request, Reply]):
    """One method of the contract.

    All of them can be repeated: reads change nothing, and writes carry a request
    id under which the bureau gives the first answer again.
    """

    path: str
    request: type[Request]
    reply: type[Reply]
    deadline_class: DeadlineClass


@dataclass(frozen=True, slots=True)
class Call:
    """Asks for one method; `request_id` is that of the signed statement, if any."""

    method: Method[Any, Any]
    request: Message
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait so long."""

    seconds: float


Operation: TypeAlias = Generator[Call | Progress | Sleep, Any, Result]


def call(
    method: Method[Request, Reply], request: Request, request_id: str = ""
) -> Operation[Reply]:
    """Asks once; the reply's type follows from the method."""
    reply = yield Call(method, request, request_id)
    assert isinstance(reply, method.reply)
    return reply


def utc_now() -> datetime:
    """The clock of the machine."""
    return datetime.now(UTC)
