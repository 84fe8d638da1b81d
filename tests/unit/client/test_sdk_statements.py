"""What was signed is told once, before it is first sent, however often that takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from google.protobuf.message import Message

from bureau_client._operations import methods
from bureau_client._operations.operation import call
from bureau_client._operations.streams import Stream, without_calls
from bureau_client._transport.grpc_aio import AsyncDriver
from bureau_client._transport.grpc_sync import Driver
from bureau_client._transport.load_balancing import AddressBook
from bureau_client._transport.retry import RetryPolicy
from bureau_client.errors import Unavailable
from bureau_client.models.statements import Statement
from bureau_keys.envelope import seal
from bureau_keys.signing import SigningKey
from creditbureau.v1 import directory_pb2, log_pb2, reporting_pb2

SEALED = seal(reporting_pb2.PortfolioInquiry(), SigningKey.generate())
ANSWER = reporting_pb2.QueryPortfolioResponse(cursor="1")
PORTFOLIO: Stream[str] = Stream(
    methods.QUERY_PORTFOLIO,
    lambda cursor: reporting_pb2.QueryPortfolioRequest(inquiry=SEALED, cursor=cursor),
    without_calls(lambda message: str(message.cursor)),
    "",
    endless=False,
    request_id="the-id",
)
SIGNED = directory_pb2.EvaluateRequest(evaluation=SEALED)


class Broken:
    """A transport whose first two attempts bring nothing."""

    def __init__(self) -> None:
        self.failures = 2

    def send(self, attempt: Any) -> Message:
        self._fail()
        reply: Message = attempt.call.method.reply()
        return reply

    def stream(self, _attempt: Any) -> Iterator[Any]:
        self._fail()
        yield ANSWER

    def close(self) -> None:
        pass

    def _fail(self) -> None:
        self.failures -= 1
        if self.failures >= 0:
            raise Unavailable("down")


class AsyncBroken:
    """The same, asynchronous."""

    def __init__(self) -> None:
        self.broken = Broken()

    async def send(self, attempt: Any) -> Message:
        return self.broken.send(attempt)

    async def stream(self, attempt: Any) -> AsyncIterator[Any]:
        for message in self.broken.stream(attempt):
            yield message

    async def close(self) -> None:
        pass


async def at_once(_seconds: float) -> None:
    pass


def test_once_with_all_that_it_takes_to_send_it_again() -> None:
    statements: list[Statement] = []
    driver = Driver(
        Broken(), AddressBook(["node"]), RetryPolicy(), statements.append, sleep=lambda _: None
    )
    driver.run(call(methods.EVALUATE, SIGNED, "the-id"))
    (statement,) = statements
    assert statement.method == methods.EVALUATE.path
    assert statement.request_id == "the-id"
    assert statement.envelope == SEALED.SerializeToString(deterministic=True)
    assert methods.EVALUATE.request.FromString(statement.request) == SIGNED


def test_before_it_is_sent() -> None:
    def cut_off(_: Statement) -> None:
        raise InterruptedError

    broken = Broken()
    driver = Driver(broken, AddressBook(["node"]), RetryPolicy(), cut_off)
    with pytest.raises(InterruptedError):
        driver.run(call(methods.EVALUATE, SIGNED, "the-id"))
    assert broken.failures == 2


def test_what_only_reads_is_not_told() -> None:
    statements: list[Statement] = []
    driver = Driver(
        Broken(), AddressBook(["node"]), RetryPolicy(), statements.append, sleep=lambda _: None
    )
    driver.run(call(methods.GET_RECEIPT, log_pb2.GetReceiptRequest(request_id="x"), "the-id"))
    assert statements == []


def test_of_a_stream_that_is_opened_again() -> None:
    statements: list[Statement] = []
    driver = Driver(
        Broken(), AddressBook(["node"]), RetryPolicy(), statements.append, sleep=lambda _: None
    )
    assert list(driver.follow(PORTFOLIO)) == ["1"]
    assert [statement.request_id for statement in statements] == ["the-id"]


def test_the_asynchronous_driver_does_the_same() -> None:
    statements: list[Statement] = []
    driver = AsyncDriver(
        AsyncBroken(), AddressBook(["node"]), RetryPolicy(), statements.append, sleep=at_once
    )

    async def follow() -> list[str]:
        await driver.run(call(methods.EVALUATE, SIGNED, "another"))
        return [item async for item in driver.follow(PORTFOLIO)]

    assert asyncio.run(follow()) == ["1"]
    assert [statement.request_id for statement in statements] == ["another", "the-id"]
