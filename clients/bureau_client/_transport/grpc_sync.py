"""Driver that runs operations over `grpc`, in the calling thread."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from contextvars import copy_context
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


class Transport(Protocol):
    """Sends single attempts; tests replace it."""

    def send(self, attempt: Attempt) -> Message:
        """Send one attempt and return the reply.

        Raises:
            BureauError: The attempt failed.
        """
        ...

    def stream(self, attempt: Attempt) -> Iterator[Any]:
        """Open a stream, and return the iterator of its messages.

        Raises:
            BureauError: The stream broke.
        """
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


class Driver:
    """Runs operations; safe to share between threads."""

    def __init__(
        self,
        transport: Transport,
        addresses: AddressBook,
        policy: RetryPolicy,
        before_send: BeforeSend = ignore,
        *,
        around: Around = unchanged,
        sleep: Callable[[float], None] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._addresses = addresses
        self._policy = policy
        self._before_send = before_send
        self._around = around
        self._sleep = sleep
        self._now = now
        self._lock = threading.Lock()
        # One for each call and stream in progress; `close` sets them.
        self._stops = WeakSet[threading.Event]()

    def run(self, operation: Operation[Result], on_progress: OnProgress | None = None) -> Result:
        """Run an operation and return its result.

        Raises:
            BureauError: The bureau refused or could not be reached, or its answer did not
                verify.
        """
        try:
            return self._carry_out(operation, self._started(), on_progress)
        except BureauError as error:
            # The SDK's frames are of no use to the caller.
            raise error.with_traceback(None)  # noqa: B904 - a cause, if any, stays

    def run_many(
        self,
        items: Iterable[Asked],
        start: Callable[[Asked], Operation[Result]],
        concurrency: int,
    ) -> Generator[tuple[Asked, Result | BureauError], None, None]:
        """Run an operation for each item, several at once, each in a thread.

        Yields each item with its result or its error, in the order in which the operations end.
        An item is read when its operation begins. If the caller stops, the running operations
        end first.

        Args:
            items: The items.
            start: Returns the operation of an item.
            concurrency: Largest number of operations at once.
        """
        # All of them: those that have not begun when the client is closed open no connection.
        stop = self._started()

        def outcome(item: Asked) -> Result | BureauError:
            try:
                return self._carry_out(start(item), stop)
            except BureauError as error:
                # The SDK's frames are of no use to the caller.
                return error.with_traceback(None)

        waiting = iter(items)
        running: dict[Future[Result | BureauError], Asked] = {}
        with ThreadPoolExecutor(concurrency, "bureau-client") as pool:
            while True:
                for item in islice(waiting, concurrency - len(running)):
                    # In the context of the caller: its span is the parent of the operations' spans.
                    running[pool.submit(copy_context().run, outcome, item)] = item
                if not running:
                    return
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    yield running.pop(future), future.result()

    def follow(self, stream: Stream[Item]) -> Iterator[Item]:
        """Yield the items of a stream, which is opened again where it stopped.

        An endless stream ends when the client is closed.

        Raises:
            BureauError: As `run`; also when several attempts in a row deliver no item, and when
                the client is closed before another stream came to its end.
        """
        stop = self._started()
        following = Following(stream, self._addresses, self._policy, self._now)
        # A stream, too, sends nothing before what is around each operation has passed.
        self._carry_out(no_calls(), stop)
        if statement := statement_of(following.call()):
            self._before_send(statement)
        while True:
            try:
                with following.attempt() as attempt:
                    for message in self._open(attempt, stop):
                        item = self._carry_out(stream.read(message), stop)
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
                    self._pause(pause, stop)

    def _open(self, attempt: Attempt, stop: threading.Event) -> Iterator[Any]:
        # Under the lock of `close`: after it the stream would open a connection of its own.
        with self._lock:
            if stop.is_set():
                raise closed()
            return self._transport.stream(attempt)

    def close(self) -> None:
        """End the calls and streams in progress and close the connections."""
        with self._lock:
            for stop in self._stops:
                stop.set()
        self._transport.close()

    def _started(self) -> threading.Event:
        """Return the event that `close` sets for what begins now."""
        stop = threading.Event()
        with self._lock:
            self._stops.add(stop)
        return stop

    def _pause(self, seconds: float, stop: threading.Event) -> None:
        if self._sleep is None:
            stop.wait(seconds)
        else:
            self._sleep(seconds)

    def _send(self, attempt: Attempt, stop: threading.Event) -> Message:
        # After `close` the call would open a connection of its own.
        if stop.is_set():
            raise closed()
        try:
            return self._transport.send(attempt)
        except BureauError as error:
            if stop.is_set():
                raise end_of_closed(error) from None
            raise

    def _carry_out(
        self,
        operation: Operation[Result],
        stop: threading.Event,
        on_progress: OnProgress | None = None,
    ) -> Result:
        effects = run_operation(
            operation, self._addresses, self._policy, self._now, self._before_send, self._around
        )
        # Closed at once where the call is cancelled: the operation keeps what it has seen.
        with closing(effects):
            effect = step(effects, None)
            while not isinstance(effect, Done):
                reply: Message | None = None
                failure: BureauError | None = None
                match effect:
                    case Attempt():
                        try:
                            reply = self._send(effect, stop)
                        except BureauError as error:
                            failure = error
                    case Sleep():
                        self._pause(effect.seconds, stop)
                    case Progress() if on_progress is not None:
                        on_progress(effect)
                effect = step(effects, reply, failure)
            result: Result = effect.result
            return result


class GrpcTransport:
    """One channel for each address, made when first used.

    A forked child makes its own: gRPC's channels do not survive a fork.
    """

    def __init__(self, profile: Profile) -> None:
        self.last_request_id = LastRequestId()
        self._profile = profile
        self._addresses = AddressBook.of(profile).addresses
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._channels: dict[int, grpc.Channel] = {}
        self._calls: dict[tuple[int, str], Callable[..., tuple[bytes, Any]]] = {}

    def send(self, attempt: Attempt) -> Message:
        """Send one attempt and return the reply.

        Raises:
            BureauError: The call failed.
        """
        send = self._callable(attempt)
        try:
            data, ended = send(
                attempt.call.request, timeout=attempt.timeout_seconds, metadata=attempt.metadata
            )
        except grpc.RpcError as error:
            explained = self._explained(error, attempt)
        except ValueError:
            # gRPC's own error for a channel that `close` closed since it was taken.
            explained = self._cancelled(attempt)
        else:
            self._note(attempt, "OK", ended.trailing_metadata())
            return read_reply(attempt.call, data)
        raise explain_expired_certificate(explained, self._profile, utc_now())

    def stream(self, attempt: Attempt) -> Iterator[Any]:
        """Open a stream, and return the iterator of its messages.

        Raises:
            BureauError: The stream broke.
        """
        method = attempt.call.method
        with self._lock:
            self._forget_if_forked()
            open_stream: Any = self._channel(attempt.address).unary_stream(
                f"/{method.path}",
                request_serializer=method.request.SerializeToString,
            )
            call = open_stream(
                attempt.call.request, timeout=attempt.timeout_seconds, metadata=attempt.metadata
            )
        return self._messages(attempt, call)

    def _messages(self, attempt: Attempt, call: Any) -> Iterator[Any]:
        try:
            for data in call:
                yield read_reply(attempt.call, data)
        except grpc.RpcError as error:
            explained = self._explained(error, attempt)
        else:
            self._note(attempt, "OK", call.trailing_metadata())
            return
        finally:
            call.cancel()
        raise explain_expired_certificate(explained, self._profile, utc_now())

    def _note(self, attempt: Attempt, outcome: str, trailers: Any) -> None:
        self.last_request_id.read(attempt.call.method.path, outcome, trailers)

    def _explained(self, error: grpc.RpcError, attempt: Attempt) -> BureauError:
        # What gRPC raises is a Call too; its base class does not say so.
        failed: Any = error
        address = self._addresses[attempt.address]
        trailers = failed.trailing_metadata() or ()
        self._note(attempt, failed.code().name, trailers)
        return translate(failed.code(), failed.details() or "", trailers, address=address)

    def _cancelled(self, attempt: Attempt) -> BureauError:
        """Return the error of a call whose channel `close` closed before it was sent."""
        self._note(attempt, "CANCELLED", ())
        address = self._addresses[attempt.address]
        return translate(grpc.StatusCode.CANCELLED, "", (), address=address)

    def close(self) -> None:
        """Close the channels; a later call opens new ones."""
        with self._lock:
            channels, self._channels, self._calls = self._channels, {}, {}
        for channel in channels.values():
            channel.close()

    def _callable(self, attempt: Attempt) -> Callable[..., tuple[bytes, Any]]:
        method = attempt.call.method
        with self._lock:
            self._forget_if_forked()
            key = attempt.address, method.path
            if key not in self._calls:
                self._calls[key] = (
                    self._channel(attempt.address)
                    .unary_unary(
                        f"/{method.path}",
                        request_serializer=method.request.SerializeToString,
                    )
                    .with_call
                )
            return self._calls[key]

    def _forget_if_forked(self) -> None:
        if os.getpid() != self._process:
            self._process, self._channels, self._calls = os.getpid(), {}, {}

    def _channel(self, address: int) -> grpc.Channel:
        if address not in self._channels:
            self._channels[address] = grpc.secure_channel(
                self._addresses[address],
                credentials(self._profile),
                options(self._addresses[address]),
            )
        return self._channels[address]
