"""Driver that runs operations over `grpc.aio`, in the running event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import closing, suppress
from itertools import islice
from typing import Any, Protocol, TypeVar
from weakref import WeakSet

import grpc
from google.protobuf.message import Message

from bureau_client._operations.operation import (
    Around,
    Operation,
    Sleep,
    no_calls,
    unchanged,
    utc_now,
)
from bureau_client._operations.resend import statement_of
from bureau_client._operations.streams import Item, Stream
from bureau_client._transport.channels import (
    credentials,
    explain_expired_certificate,
    options,
    read_reply,
)
from bureau_client._transport.engine import (
    Attempt,
    Done,
    Following,
    closed,
    end_of_closed,
    run_operation,
    step,
)
from bureau_client._transport.load_balancing import AddressBook
from bureau_client._transport.request_ids import LastRequestId
from bureau_client._transport.retry import RetryPolicy
from bureau_client._transport.status_errors import translate
from bureau_client.errors import BureauError
from bureau_client.models.progress import OnProgress, Progress
from bureau_client.models.statements import BeforeSend, ignore
from bureau_keys.profile import Profile

Asked = TypeVar("Asked")
Result = TypeVar("Result")


class AsyncTransport(Protocol):
    """Sends single attempts; tests replace it."""

    async def send(self, attempt: Attempt) -> Message:
        """Send one attempt and return the reply.

        Raises:
            BureauError: The attempt failed.
        """
        ...

    def stream(self, attempt: Attempt) -> AsyncIterator[Any]:
        """Yield the messages of one attempt at a stream.

        Raises:
            BureauError: The stream broke.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class AsyncDriver:
    """Runs operations for the tasks of one event loop at a time."""

    def __init__(
        self,
        transport: AsyncTransport,
        addresses: AddressBook,
        policy: RetryPolicy,
        before_send: BeforeSend = ignore,
        *,
        around: Around = unchanged,
        sleep: Callable[[float], Awaitable[None]] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._addresses = addresses
        self._policy = policy
        self._before_send = before_send
        self._around = around
        self._sleep = sleep
        self._now = now
        # One for each call and stream in progress; `close` sets them.
        self._stops = WeakSet[asyncio.Event]()

    async def run(
        self,
        operation: Operation[Result],
        on_progress: OnProgress | None = None,
        *,
        heavy: bool = False,
    ) -> Result:
        """Run an operation and return its result.

        Args:
            operation: The operation.
            on_progress: Called in the event loop.
            heavy: Run the steps in a worker thread, because the operation computes for
                long between its calls; the event loop stays free.

        Raises:
            BureauError: The bureau refused or could not be reached, or its answer did not
                verify.
        """
        try:
            return await self._carry_out(operation, self._started(), on_progress, heavy=heavy)
        except BureauError as error:
            # The SDK's frames are of no use to the caller.
            raise error.with_traceback(None)  # noqa: B904 - a cause, if any, stays

    async def run_many(
        self,
        items: Iterable[Asked],
        start: Callable[[Asked], Operation[Result]],
        concurrency: int,
    ) -> AsyncGenerator[tuple[Asked, Result | BureauError], None]:
        """Run an operation for each item, several at once, their steps in worker threads.

        Yields each item with its result or its error, in the order in which the operations end.
        An item is read when its operation begins. If the caller stops, the running operations
        are cancelled.

        Args:
            items: The items.
            start: Returns the operation of an item.
            concurrency: Largest number of operations at once.
        """
        # All of them: those that have not begun when the client is closed open no connection.
        stop = self._started()

        async def outcome(item: Asked) -> Result | BureauError:
            try:
                return await self._carry_out(start(item), stop, heavy=True)
            except BureauError as error:
                # The SDK's frames are of no use to the caller.
                return error.with_traceback(None)

        waiting = iter(items)
        running: dict[asyncio.Task[Result | BureauError], Asked] = {}
        try:
            while True:
                for item in islice(waiting, concurrency - len(running)):
                    running[asyncio.create_task(outcome(item))] = item
                if not running:
                    return
                ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    yield running.pop(task), task.result()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def follow(self, stream: Stream[Item]) -> AsyncIterator[Item]:
        """Yield the items of a stream, which is opened again where it stopped.

        An endless stream ends when the client is closed.

        Raises:
            BureauError: As `run`; also when several attempts in a row deliver no item, and when
                the client is closed before another stream came to its end.
        """
        stop = self._started()
        following = Following(stream, self._addresses, self._policy, self._now)
        # A stream, too, sends nothing before what is around each operation has passed.
        await self._carry_out(no_calls(), stop)
        if statement := statement_of(following.call()):
            self._before_send(statement)
        while True:
            try:
                with following.attempt() as attempt:
                    async for message in self._open(attempt, stop):
                        item = await self._carry_out(stream.read(message), stop)
                        following.advance(message.cursor, has_item=item is not None)
                        if item is not None:
                            yield item
                if following.is_complete():
                    return
            except BureauError as error:
                if stop.is_set():
                    following.check_closed(error)
                    return
                if pause := following.pause_after(error):
                    await self._pause(pause, stop)

    def _open(self, attempt: Attempt, stop: asyncio.Event) -> AsyncIterator[Any]:
        # After `close` the stream would open a connection of its own.
        if stop.is_set():
            raise closed()
        return self._transport.stream(attempt)

    async def close(self) -> None:
        """End the calls and streams in progress and close the connections."""
        for stop in self._stops:
            stop.set()
        await self._transport.close()

    def _started(self) -> asyncio.Event:
        """Return the event that `close` sets for what begins now."""
        stop = asyncio.Event()
        self._stops.add(stop)
        return stop

    async def _pause(self, seconds: float, stop: asyncio.Event) -> None:
        if self._sleep is not None:
            await self._sleep(seconds)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await stop.wait()

    async def _send(self, attempt: Attempt, stop: asyncio.Event) -> Message:
        # After `close` the call would open a connection of its own.
        if stop.is_set():
            raise closed()
        try:
            return await self._transport.send(attempt)
        except BureauError as error:
            if stop.is_set():
                raise end_of_closed(error) from None
            raise

    async def _carry_out(
        self,
        operation: Operation[Result],
        stop: asyncio.Event,
        on_progress: OnProgress | None = None,
        *,
        heavy: bool = False,
    ) -> Result:
        effects = run_operation(
            operation, self._addresses, self._policy, self._now, self._before_send, self._around
        )
        move: Callable[..., Awaitable[Any]] = _in_thread if heavy else _here
        # Closed at once where the call is cancelled: the operation keeps what it has seen.
        with closing(effects):
            effect = await move(effects, None)
            while not isinstance(effect, Done):
                reply: Message | None = None
                failure: BureauError | None = None
                match effect:
                    case Attempt():
                        try:
                            reply = await self._send(effect, stop)
                        except BureauError as error:
                            failure = error
                    case Sleep():
                        await self._pause(effect.seconds, stop)
                    case Progress() if on_progress is not None:
                        on_progress(effect)
                effect = await move(effects, reply, failure)
            result: Result = effect.result
            return result


async def _here(*arguments: Any) -> Any:
    return step(*arguments)


async def _in_thread(*arguments: Any) -> Any:
    """Run a step in a worker thread; a call that is cancelled meanwhile ends after the step."""
    moving = asyncio.ensure_future(asyncio.to_thread(step, *arguments))
    cancelled: asyncio.CancelledError | None = None
    while not moving.done():
        try:
            await asyncio.wait([moving])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        moving.exception()  # the call is cancelled, however the step ended
        raise cancelled
    return moving.result()


def _task_is_cancelled() -> bool:
    """Return True if the running task is cancelled, not only the call that it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class GrpcAioTransport:
    """One channel for each address, made when first used, in the event loop that uses it."""

    def __init__(self, profile: Profile) -> None:
        self.last_request_id = LastRequestId()
        self._profile = profile
        self._addresses = AddressBook.of(profile).addresses
        self._loop: asyncio.AbstractEventLoop | None = None
        self._channels: dict[int, grpc.aio.Channel] = {}

    async def send(self, attempt: Attempt) -> Message:
        """Send one attempt and return the reply.

        Raises:
            BureauError: The call failed.
        """
        method = attempt.call.method
        send: Any = self._channel(attempt.address).unary_unary(
            f"/{method.path}",
            request_serializer=method.request.SerializeToString,
        )
        call = send(
            attempt.call.request, timeout=attempt.timeout_seconds, metadata=attempt.metadata
        )
        try:
            data: bytes = await call
            self._note(attempt, "OK", await call.trailing_metadata())
        except asyncio.CancelledError:
            if _task_is_cancelled():
                raise
            explained = self._cancelled(attempt)
        except grpc.aio.AioRpcError as error:
            explained = self._explained(error, attempt)
        else:
            return read_reply(attempt.call, data)
        raise explain_expired_certificate(explained, self._profile, utc_now())

    async def stream(self, attempt: Attempt) -> AsyncIterator[Any]:
        """Yield the messages of one attempt at a stream.

        Raises:
            BureauError: The stream broke.
        """
        method = attempt.call.method
        open_stream: Any = self._channel(attempt.address).unary_stream(
            f"/{method.path}",
            request_serializer=method.request.SerializeToString,
        )
        call = open_stream(
            attempt.call.request, timeout=attempt.timeout_seconds, metadata=attempt.metadata
        )
        try:
            async for data in call:
                yield read_reply(attempt.call, data)
            self._note(attempt, "OK", await call.trailing_metadata())
        except asyncio.CancelledError:
            if _task_is_cancelled():
                raise
            explained = self._cancelled(attempt)
        except grpc.aio.AioRpcError as error:
            explained = self._explained(error, attempt)
        else:
            return
        finally:
            call.cancel()
        raise explain_expired_certificate(explained, self._profile, utc_now())

    def _note(self, attempt: Attempt, outcome: str, trailers: Any) -> None:
        self.last_request_id.read(attempt.call.method.path, outcome, trailers)

    def _explained(self, error: grpc.aio.AioRpcError, attempt: Attempt) -> BureauError:
        address = self._addresses[attempt.address]
        trailers = error.trailing_metadata() or ()
        self._note(attempt, error.code().name, trailers)
        return translate(error.code(), error.details() or "", trailers, address=address)

    def _cancelled(self, attempt: Attempt) -> BureauError:
        """Return the error of a call that `close` cancelled while a task waits for it."""
        self._note(attempt, "CANCELLED", ())
        address = self._addresses[attempt.address]
        return translate(grpc.StatusCode.CANCELLED, "", (), address=address)

    async def close(self) -> None:
        """Close the channels; a later call opens new ones."""
        channels, self._channels = self._channels, {}
        for channel in channels.values():
            await channel.close()

    def _channel(self, address: int) -> grpc.aio.Channel:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._channels = loop, {}
        if address not in self._channels:
            self._channels[address] = grpc.aio.secure_channel(
                self._addresses[address],
                credentials(self._profile),
                options(self._addresses[address]),
            )
        return self._channels[address]
