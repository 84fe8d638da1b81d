"""Retries and failover, without a network and without waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from queue import Queue
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureau_client._operations import methods
from bureau_client._operations.operation import Call, DeadlineClass, call
from bureau_client._operations.streams import Stream, without_calls
from bureau_client._transport.engine import Attempt
from bureau_client._transport.grpc_aio import AsyncDriver
from bureau_client._transport.grpc_sync import Driver, GrpcTransport
from bureau_client._transport.load_balancing import FIRST_REST_SECONDS, AddressBook, AddressPool
from bureau_client._transport.retry import LONGEST_BUDGET_SECONDS, RetryPolicy, is_retryable
from bureau_client.errors import (
    BureauError,
    Conflict,
    DeadlineExceeded,
    InvalidRequest,
    NotAuthenticated,
    Overloaded,
    QuotaExceeded,
    Unavailable,
    VerificationFailed,
)
from bureau_client.models.progress import Progress
from creditbureau.v1 import log_pb2
from creditbureau.v1.furnishing_pb2 import WatchDisputesRequest, WatchDisputesResponse
from tests.unit.client.fakes import FakeBureau

REQUEST = log_pb2.GetCheckpointRequest()
REPLY = log_pb2.GetCheckpointResponse(checkpoint="x")


class Script:
    """A transport that fails as told, and a clock that its waiting moves."""

    def __init__(self, *outcomes: BureauError | None, takes: float = 0.0) -> None:
        self.outcomes = list(outcomes)
        self.takes = takes
        self.attempts: list[Attempt] = []
        self.pauses: list[float] = []
        self.time = 100.0

    def send(self, attempt: Any) -> Any:
        self.attempts.append(attempt)
        self.time += min(self.takes, attempt.timeout_seconds)
        error = self.outcomes.pop(0) if self.outcomes else None
        if error is not None:
            raise error
        return REPLY

    def stream(self, _attempt: Any) -> Any:
        raise AssertionError

    def close(self) -> None:
        pass

    def sleep(self, seconds: Any) -> None:
        self.pauses.append(seconds)
        self.time += seconds

    def run(
        self, addresses: Any = 1, policy: Any = None, method: Any = methods.GET_CHECKPOINT
    ) -> Any:
        routes = AddressBook([f"node-{number}" for number in range(addresses)])
        driver = Driver(
            self, routes, policy or RetryPolicy(), sleep=self.sleep, now=lambda: self.time
        )
        return driver.run(call(method, REQUEST, "the-id"))

    @property
    def addresses(self) -> Any:
        return [attempt.address for attempt in self.attempts]


def test_what_passes_is_tried_again_with_the_same_request() -> None:
    script = Script(Unavailable("a"), DeadlineExceeded("b"))
    assert script.run() is REPLY
    assert len(script.attempts) == 3
    assert all(attempt.call.request is REQUEST for attempt in script.attempts)


def test_pauses_double_and_end() -> None:
    policy = RetryPolicy(attempts=9, longest_pause_seconds=1.0, read_seconds=60)
    script = Script(*[Unavailable("down")] * 8)
    script.run(policy=policy)
    for pause, longest in zip(script.pauses, [0.1, 0.2, 0.4, 0.8, 1, 1, 1, 1], strict=True):
        assert longest / 2 <= pause <= longest


def test_a_pause_is_the_longest_one_after_any_number_of_attempts() -> None:
    policy = RetryPolicy(attempts=10_000, longest_pause_seconds=1.0)
    pauses = [
        policy.pause(attempt, Unavailable("down"), lambda: 1.0) for attempt in (5, 1025, 9999)
    ]
    assert pauses == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    "error", [InvalidRequest("a"), Conflict("b"), NotAuthenticated("c"), Overloaded("no hint")]
)
def test_what_does_not_pass_is_not_tried_again(error: Any) -> None:
    script = Script(error)
    with pytest.raises(type(error)):
        script.run()
    assert len(script.attempts) == 1


def test_the_bureaus_own_delay_is_kept() -> None:
    script = Script(Overloaded("busy", retry_after=timedelta(seconds=2)))
    script.run()
    assert script.pauses == [2.0]


def test_a_delay_beyond_the_budget_is_left_to_the_caller() -> None:
    script = Script(QuotaExceeded("tomorrow", retry_after=timedelta(hours=9)))
    with pytest.raises(QuotaExceeded) as caught:
        script.run()
    assert script.pauses == []
    assert "32400 s" in str(caught.value)


def test_attempts_end_and_the_last_error_is_told() -> None:
    script = Script(*[Unavailable(f"try {n}") for n in range(20)])
    with pytest.raises(Unavailable, match="Try 5"):
        script.run()
    assert len(script.attempts) == RetryPolicy().attempts


def test_a_silent_bureau_costs_at_most_twice_the_deadline() -> None:
    script = Script(*[DeadlineExceeded("late") for _ in range(20)], takes=1000)
    with pytest.raises(DeadlineExceeded):
        script.run()
    assert script.time - 100.0 <= 2 * RetryPolicy().read_seconds
    assert [round(attempt.timeout_seconds) for attempt in script.attempts] == [5, 5]


def test_no_request_is_repeated_after_it_has_expired() -> None:
    for patience in DeadlineClass:
        policy = RetryPolicy(read_seconds=900, write_seconds=900, bulk_seconds=900)
        assert policy.budget(patience) == LONGEST_BUDGET_SECONDS < 300


def test_an_error_tells_the_request_it_was_about() -> None:
    with pytest.raises(InvalidRequest) as caught:
        Script(InvalidRequest("no")).run()
    assert caught.value.request_id == "the-id"


def test_another_address_is_tried_at_once() -> None:
    script = Script(Unavailable("first is down"))
    script.run(addresses=3)
    assert script.addresses == [0, 1]
    assert script.pauses == []


def test_when_all_addresses_failed_there_is_a_pause() -> None:
    script = Script(*[Unavailable("down")] * 3)
    script.run(addresses=2)
    assert len(script.pauses) == 2
    assert set(script.addresses) == {0, 1}


def test_addresses_take_turns_and_one_that_failed_rests() -> None:
    rotation = AddressPool(range(3))
    assert [rotation.pick(0) for _ in range(4)] == [0, 1, 2, 0]
    rotation.failed(1, now=10)
    assert [rotation.pick(10.5) for _ in range(4)] == [2, 0, 2, 0]
    assert 1 in {rotation.pick(10 + FIRST_REST_SECONDS) for _ in range(3)}


def test_what_fails_again_rests_longer_and_calls_that_fail_together_count_once() -> None:
    rotation = AddressPool(range(2))
    rest = FIRST_REST_SECONDS
    for _ in range(5):
        rotation.failed(0, now=10)
    assert 0 in {rotation.pick(10 + rest) for _ in range(2)}
    rotation.failed(0, now=10 + rest)
    assert {rotation.pick(10 + 2 * rest) for _ in range(2)} == {1}
    assert 0 in {rotation.pick(10 + 3 * rest) for _ in range(2)}
    rotation.worked(0)
    rotation.failed(0, now=20)
    assert 0 in {rotation.pick(20 + rest) for _ in range(2)}


def test_a_node_that_stops_or_is_not_fit_says_nothing_of_the_others() -> None:
    second = timedelta(seconds=1)
    stopping = Unavailable("stopping", retry_after=second)
    script = Script(stopping, Overloaded("busy", retry_after=second))
    script.run(addresses=3)
    assert script.addresses == [0, 1, 2]
    assert script.pauses == [1.0]  # only the busy one's is kept


def test_the_directory_may_have_addresses_of_its_own() -> None:
    routes = AddressBook(["a", "b"], ["d", "b"])
    bureau, directory = (
        routes.for_method(method) for method in (methods.GET_CHECKPOINT, methods.EVALUATE)
    )
    assert [routes.addresses[bureau.pick(0)] for _ in range(3)] == ["a", "b", "a"]
    assert [routes.addresses[directory.pick(0)] for _ in range(3)] == ["d", "b", "d"]
    alone = AddressBook(["a"])
    assert alone.for_method(methods.EVALUATE) is alone.for_method(methods.GET_CHECKPOINT)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=30))
def test_there_is_always_an_address(history: Any) -> None:
    rotation = AddressPool(range(4))
    for now, (index, worked) in enumerate(history):
        rotation.worked(index) if worked else rotation.failed(index, now)
        assert 0 <= rotation.pick(now) < 4


def test_what_is_worth_retrying() -> None:
    second = timedelta(seconds=1)
    assert is_retryable(Unavailable("x"))
    assert is_retryable(Overloaded("x", retry_after=second))
    assert not is_retryable(QuotaExceeded("x"))
    assert is_retryable(NotAuthenticated("x", reason="TLS_REFUSED"))
    assert not is_retryable(NotAuthenticated("x", reason="UNKNOWN_CERTIFICATE"))


@pytest.mark.parametrize("heavy", [False, True])
def test_the_asynchronous_driver_does_the_same(heavy: Any) -> Any:
    steps: list[Progress] = []
    pauses = []
    outcomes = [Unavailable("once"), None, InvalidRequest("second call")]

    class Transport:
        async def send(self, _attempt: Any) -> Any:
            error = outcomes.pop(0)
            if error is not None:
                raise error
            return REPLY

        def stream(self, _attempt: Any) -> Any:
            raise AssertionError

        async def close(self) -> None:
            pass

    async def sleep(seconds: Any) -> None:
        pauses.append(seconds)

    def plan() -> Any:
        yield Progress(1, 2, timedelta(0))
        reply = yield from call(methods.GET_CHECKPOINT, REQUEST)
        try:
            yield from call(methods.GET_CHECKPOINT, REQUEST)
        except InvalidRequest as error:
            return reply, error.message
        raise AssertionError

    driver = AsyncDriver(Transport(), AddressBook(["node"]), RetryPolicy(), sleep=sleep)
    result = asyncio.run(driver.run(plan(), steps.append, heavy=heavy))
    assert result == (REPLY, "second call")
    assert len(pauses) == 1
    assert [progress.done for progress in steps] == [1]


def test_a_call_that_is_cancelled_in_a_step_ends_after_the_step() -> None:
    """However often it is cancelled; the operation is closed, so that it keeps what it has."""
    begun, go_on = threading.Event(), threading.Event()
    ends: list[str] = []

    def operation() -> Any:
        try:
            begun.set()
            assert go_on.wait(300)
            yield from call(methods.GET_CHECKPOINT, REQUEST)
        finally:
            ends.append("closed")

    async def cancel_twice() -> None:
        driver: Any = AsyncDriver(Script(), AddressBook(["node"]), RetryPolicy())  # type: ignore[arg-type]
        task = asyncio.create_task(driver.run(operation(), heavy=True))
        await asyncio.to_thread(begun.wait)
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0)
        assert not task.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel_twice())
    assert ends == ["closed"]


def test_going_on_to_another_address_is_no_attempt() -> None:
    script = Script(*[Unavailable("down")] * 20)
    with pytest.raises(Unavailable):
        script.run(addresses=3)
    assert len(script.attempts) == RetryPolicy().attempts + 2
    once = Script(Unavailable("down"))
    with pytest.raises(Unavailable):
        once.run(addresses=3, policy=RetryPolicy(attempts=1))
    assert len(once.attempts) == 1


class Streams:
    """Node 0 brings two things and stops; node 1 brings what comes behind."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def brought(self, attempt: Any) -> Iterator[Any]:
        self.asked.append((attempt.address, attempt.call.request.cursor))
        begin = attempt.call.request.cursor + 1
        for cursor in range(begin, begin + 2):
            yield WatchDisputesResponse(cursor=cursor)
        if attempt.address == 0:
            raise Unavailable("it stops", retry_after=timedelta(seconds=1))

    def stream(self, attempt: Any) -> Iterator[Any]:
        return self.brought(attempt)


FOLLOWED: Stream[int] = Stream(
    methods.WATCH_DISPUTES,
    lambda cursor: WatchDisputesRequest(cursor=cursor),
    without_calls(lambda message: int(message.cursor)),
    start=0,
    endless=False,
)


def test_a_stream_goes_on_at_once_at_another_address() -> None:
    streams, pauses = Streams(), list[float]()
    driver = Driver(streams, AddressBook(["a", "b"]), RetryPolicy(), sleep=pauses.append)  # type: ignore[arg-type]
    assert list(driver.follow(FOLLOWED)) == [1, 2, 3, 4]
    assert streams.asked == [(0, 0), (1, 2)]
    assert pauses == []


def test_an_asynchronous_stream_does_too() -> None:
    class Asynchronous(Streams):
        async def stream(self, attempt: Any) -> AsyncIterator[Any]:  # type: ignore[override]
            for message in self.brought(attempt):
                yield message

    async def followed() -> list[int]:
        driver = AsyncDriver(streams, AddressBook(["a", "b"]), RetryPolicy())  # type: ignore[arg-type]
        return [item async for item in driver.follow(FOLLOWED)]

    streams = Asynchronous()
    assert asyncio.run(followed()) == [1, 2, 3, 4]
    assert streams.asked == [(0, 0), (1, 2)]


class Ending:
    """Streams that end as soon as they are opened, after so many that bring one message."""

    def __init__(self, messages: int = 0) -> None:
        self.messages = messages
        self.opened = 0

    def stream(self, attempt: Any) -> Iterator[Any]:
        self.opened += 1
        if self.opened <= self.messages:
            yield WatchDisputesResponse(cursor=attempt.call.request.cursor + 1)


ENDLESS = replace(FOLLOWED, endless=True)


def test_a_stream_that_ends_at_once_is_given_up_after_pauses() -> None:
    streams, pauses = Ending(messages=3), list[float]()
    driver = Driver(streams, AddressBook(["a"]), RetryPolicy(), sleep=pauses.append)  # type: ignore[arg-type]
    items = driver.follow(ENDLESS)
    assert [next(items) for _ in range(3)] == [1, 2, 3]
    with pytest.raises(Unavailable, match="ended the stream as soon as it was opened"):
        next(items)
    assert streams.opened == 3 + RetryPolicy().attempts
    assert len(pauses) == RetryPolicy().attempts - 1


def test_an_asynchronous_stream_pauses_by_the_injected_sleep_too() -> None:
    class Asynchronous(Ending):
        async def stream(self, attempt: Any) -> AsyncIterator[Any]:  # type: ignore[override]
            for message in super().stream(attempt):
                yield message

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def follow() -> None:
        driver = AsyncDriver(Asynchronous(), AddressBook(["a"]), RetryPolicy(), sleep=sleep)  # type: ignore[arg-type]
        with pytest.raises(Unavailable, match="ended the stream"):
            await anext(aiter(driver.follow(ENDLESS)))

    pauses: list[float] = []
    asyncio.run(follow())
    assert len(pauses) == RetryPolicy().attempts - 1


def test_a_stream_that_asks_for_a_day_is_given_up() -> None:
    class Busy:
        def stream(self, _: Any) -> Iterator[Any]:
            raise Overloaded("busy", retry_after=timedelta(days=1))
            yield

    pauses: list[float] = []
    driver = Driver(Busy(), AddressBook(["a"]), RetryPolicy(), sleep=pauses.append)  # type: ignore[arg-type]
    with pytest.raises(Overloaded):
        next(driver.follow(ENDLESS))
    assert pauses == []


class Closed:
    """Streams of two messages that break when the client is closed, or pause before."""

    def __init__(self, pause: timedelta | None) -> None:
        self.pause = pause
        self.closed = threading.Event()
        self.opened = 0

    def stream(self, _: Any) -> Iterator[Any]:
        self.opened += 1
        yield WatchDisputesResponse(cursor=1)
        yield WatchDisputesResponse(cursor=2)
        if self.pause is None:
            assert self.closed.wait(60)
        raise Unavailable("cancelled", reason="CANCELLED", retry_after=self.pause)

    def close(self) -> None:
        self.closed.set()


class AsyncClosed:
    """The same, asynchronous."""

    def __init__(self, pause: timedelta | None) -> None:
        self.pause = pause
        self.closed = asyncio.Event()
        self.opened = 0

    async def stream(self, _: Any) -> AsyncIterator[Any]:
        self.opened += 1
        yield WatchDisputesResponse(cursor=1)
        yield WatchDisputesResponse(cursor=2)
        if self.pause is None:
            await self.closed.wait()
        raise Unavailable("cancelled", reason="CANCELLED", retry_after=self.pause)

    async def close(self) -> None:
        self.closed.set()


# In the middle of an attempt, and in the pause before the next one.
CLOSED = pytest.mark.parametrize("pause", [None, timedelta(minutes=3)])


@CLOSED
@pytest.mark.parametrize("endless", [True, False])
def test_close_ends_a_stream_that_another_thread_follows(
    pause: timedelta | None, endless: bool
) -> None:
    transport, items = Closed(pause), Queue[int]()
    driver = Driver(transport, AddressBook(["a"]), RetryPolicy())  # type: ignore[arg-type]

    def follow() -> None:
        for item in driver.follow(replace(FOLLOWED, endless=endless)):
            items.put(item)

    with ThreadPoolExecutor(1) as pool:
        followed = pool.submit(follow)
        assert [items.get(timeout=60) for _ in range(2)] == [1, 2]
        driver.close()
        error = followed.exception(60)
    assert transport.opened == 1
    assert getattr(error, "reason", None) == (None if endless else "CLOSED")


@CLOSED
@pytest.mark.parametrize("endless", [True, False])
def test_the_asynchronous_driver_ends_its_streams_too(
    pause: timedelta | None, endless: bool
) -> None:
    transport, items = AsyncClosed(pause), asyncio.Queue[int]()
    driver = AsyncDriver(transport, AddressBook(["a"]), RetryPolicy())  # type: ignore[arg-type]

    async def follow() -> None:
        async for item in driver.follow(replace(FOLLOWED, endless=endless)):
            items.put_nowait(item)

    async def close() -> BaseException | None:
        followed = asyncio.create_task(follow())
        assert [await items.get() for _ in range(2)] == [1, 2]
        await driver.close()
        return (await asyncio.gather(followed, return_exceptions=True))[0]

    error = asyncio.run(close())
    assert transport.opened == 1
    assert getattr(error, "reason", None) == (None if endless else "CLOSED")


def test_a_stream_that_is_closed_hides_no_other_error() -> None:
    class Forged(Closed):
        def stream(self, _: Any) -> Iterator[Any]:
            yield WatchDisputesResponse(cursor=1)
            raise VerificationFailed("forged")

    driver = Driver(Forged(None), AddressBook(["a"]), RetryPolicy())  # type: ignore[arg-type]
    items = driver.follow(ENDLESS)
    assert next(items) == 1
    driver.close()
    with pytest.raises(VerificationFailed, match="Forged"):
        next(items)


class ClosedCalls:
    """Calls that are cancelled when the client is closed, or ask for a pause before."""

    def __init__(self, pause: timedelta | None) -> None:
        self.pause = pause
        self.begun, self.closed = threading.Event(), threading.Event()
        self.sent = 0

    def send(self, _: Any) -> Any:
        self.sent += 1
        self.begun.set()
        if self.pause is None:
            assert self.closed.wait(60)
        raise Unavailable("cancelled", reason="CANCELLED", retry_after=self.pause)

    def close(self) -> None:
        self.closed.set()


@pytest.mark.parametrize("pause", [None, timedelta(seconds=5)])
def test_close_ends_the_calls_in_progress(pause: timedelta | None) -> None:
    transport, policy = ClosedCalls(pause), RetryPolicy(read_seconds=60)
    driver = Driver(transport, AddressBook(["a", "b"]), policy)  # type: ignore[arg-type]
    if pause is not None:
        driver._addresses = AddressBook(["a"])
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(driver.run, call(methods.GET_CHECKPOINT, REQUEST, "the-id"))
        assert transport.begun.wait(60)
        driver.close()
        error = running.exception(60)
    assert isinstance(error, Unavailable)
    assert (error.reason, error.request_id, transport.sent) == ("CLOSED", "the-id", 1)


def test_many_operations_end_with_their_client() -> None:
    transport = ClosedCalls(None)
    driver = Driver(transport, AddressBook(["a"]), RetryPolicy())  # type: ignore[arg-type]
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(
            lambda: [*driver.run_many(range(9), lambda _: call(methods.GET_CHECKPOINT, REQUEST), 2)]
        )
        assert transport.begun.wait(60)
        driver.close()
        ended = running.result(60)
    assert [getattr(error, "reason", None) for _, error in ended] == ["CLOSED"] * 9
    assert transport.sent <= 2


def test_the_asynchronous_driver_ends_its_calls_too() -> None:
    class Transport:
        sent = 0

        def __init__(self) -> None:
            self.begun, self.closed = asyncio.Event(), asyncio.Event()

        async def send(self, _: Any) -> Any:
            self.sent += 1
            self.begun.set()
            await self.closed.wait()
            raise Unavailable("cancelled", reason="CANCELLED")

        async def close(self) -> None:
            self.closed.set()

    async def close() -> tuple[Any, int]:
        transport = Transport()
        driver = AsyncDriver(transport, AddressBook(["a", "b"]), RetryPolicy())  # type: ignore[arg-type]
        running = asyncio.create_task(driver.run(call(methods.GET_CHECKPOINT, REQUEST)))
        await transport.begun.wait()
        await driver.close()
        return (await asyncio.gather(running, return_exceptions=True))[0], transport.sent

    error, sent = asyncio.run(close())
    assert (getattr(error, "reason", None), sent) == ("CLOSED", 1)


def test_a_client_that_was_closed_may_be_used_again() -> None:
    script = Script()
    driver = Driver(script, AddressBook(["a"]), RetryPolicy())
    driver.close()
    assert driver.run(call(methods.GET_CHECKPOINT, REQUEST)) is REPLY


def test_a_channel_that_is_closed_since_it_was_taken_is_an_error_of_the_sdk() -> None:
    transport = GrpcTransport(FakeBureau().profile("127.0.0.1:9"))
    attempt = Attempt(Call(methods.GET_CHECKPOINT, REQUEST), 0, 1.0)
    transport._channel(0).close()  # as `close` does in another thread
    with pytest.raises(Unavailable) as caught:
        transport.send(attempt)
    assert caught.value.reason == "CANCELLED"


FOREIGN = NotAuthenticated("another authority's", reason="BUREAU_CERTIFICATE")


def test_an_address_with_a_certificate_that_does_not_count_rests() -> None:
    script = Script(FOREIGN)
    assert script.run(addresses=2) is REPLY
    assert (script.addresses, script.pauses) == ([0, 1], [])


def test_a_certificate_that_does_not_count_is_the_error_where_no_other_address_answers() -> None:
    for addresses, outcomes in ((1, [FOREIGN]), (2, [FOREIGN, FOREIGN])):
        script = Script(*outcomes)
        with pytest.raises(NotAuthenticated):
            script.run(addresses=addresses)
        assert len(script.attempts) == addresses


def test_a_node_that_restarts_is_waited_for_beside_one_that_is_out_of_order() -> None:
    script = Script(Unavailable("restarts"), FOREIGN)
    assert script.run(addresses=2) is REPLY
    assert len(script.pauses) == 1


def test_a_stream_passes_by_an_address_that_is_out_of_order() -> None:
    class OutOfOrder(Streams):
        def stream(self, attempt: Any) -> Iterator[Any]:
            if attempt.address == 0:
                raise FOREIGN
            return self.brought(attempt)

    driver = Driver(OutOfOrder(), AddressBook(["a", "b"]), RetryPolicy())  # type: ignore[arg-type]
    assert list(driver.follow(FOLLOWED)) == [1, 2]
