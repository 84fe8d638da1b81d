"""A call over HTTP: its handler runs in a thread, from the admission to the answer, as under
gRPC, and gets the body from the event loop when the guard asks for it.

So a body is read behind the guard, and every check, limit and line of the log is the guard's.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor, Future, InvalidStateError
from contextlib import suppress
from functools import partial
from typing import TypeVar

from connectrpc.code import Code
from connectrpc.errors import ConnectError
from google.protobuf.message_factory import GetMessageClass

from bureau.errors import Refusal
from bureau.ledger.units import load
from bureau.rpc.http.context import CallAborted, CallCancelled, HttpContext
from bureau.rpc.http.messages import Body, from_wire, malformed, max_body_bytes, to_wire
from bureau.rpc.http.refusals import error_of_status, reason_of
from bureau.rpc.limits import MemberLimits
from bureau.rpc.services import ServedMethod
from bureau.rpc.status import REQUEST_ID

T = TypeVar("T")

# Reasons after which a connection ends: no call on it would be answered otherwise, and it counts
# against the connections of all.
NOT_A_MEMBER = frozenset({"UNKNOWN_CERTIFICATE", "MEMBER_SUSPENDED"})


class HttpCall:
    """One call of a method."""

    def __init__(
        self, served: ServedMethod, context: HttpContext, pool: Executor, memory: MemberLimits
    ) -> None:
        """Create a call in the event loop that answers it.

        Args:
            served: The method.
            context: The context of the call.
            pool: The threads in which handlers run.
            memory: Limits of the bytes of large requests in memory.
        """
        self._method, self._handler = served
        self._request_class = GetMessageClass(self._method.input_type)
        self._answer_class = GetMessageClass(self._method.output_type)
        self._context = context
        self._pool = pool
        self._memory = memory
        self._loop = asyncio.get_running_loop()
        # Handlers set context variables; those of a stream are set in its first step.
        self._variables = contextvars.copy_context()
        self._asked: asyncio.Future[None] = self._loop.create_future()
        self._body: Future[Body] = Future()
        self._form = ""
        self._answers: Iterator[bytes] = iter(())
        self._step: asyncio.Future[bytes | None] = self._loop.create_future()
        context.add_callback(
            partial(self._fail, CallCancelled("the request did not arrive in time"))
        )

    async def admit(self) -> None:
        """Start the handler, and wait until the guard asks for the body.

        Raises:
            ConnectError: The guard refused the call.
        """
        self._step = self._in_thread(self._stream if self._handler.stream_stream else self._unary)
        try:
            await asyncio.wait((self._asked, self._step), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._context.cancel()
            raise
        if not self._asked.done():
            await self._result()

    @property
    def request_id(self) -> str:
        """Id that the guard gave the call; empty before it runs."""
        metadata = dict(self._context.trailing_metadata())
        return str(metadata.get(REQUEST_ID, ""))

    async def while_reading(self, receiving: asyncio.Future[T]) -> T:
        """Return what is received, unless the call ends before it comes.

        Raises:
            ConnectError: The guard ended the call: its body came too slowly.
        """
        await asyncio.wait((receiving, self._step), return_when=asyncio.FIRST_COMPLETED)
        if receiving.done():
            return receiving.result()
        receiving.cancel()
        await self._result()
        raise ConnectError(Code.INTERNAL, "the handler ended without an error")

    async def answer(self, body: Body) -> bytes:
        """Give a unary handler the body; return its answer.

        Raises:
            ConnectError: The call was refused.
        """
        self._give(body)
        answer = await self._result()
        assert answer is not None, "a handler without an answer has ended its call"
        return answer

    async def answers(self, body: Body) -> AsyncIterator[bytes]:
        """Give a streaming handler the body; yield its answers.

        Raises:
            ConnectError: The call was refused, at once or after some answers.
        """
        self._give(body)
        try:
            while (answer := await self._result()) is not None:
                yield answer
                self._step = self._in_thread(self._next)
        finally:
            self._context.cancel()
            # The handler notices within a second; then it gives back what it has reserved.
            await asyncio.wait((self._step,))
            await self._in_thread(self._close)

    async def end(self, error: Exception | None) -> None:
        """End a call whose body could not be read.

        Raises:
            ConnectError: The guard's error, in place of the library's.
        """
        if error is not None and not self._body.done():
            self._fail(_cause_of(error, max_body_bytes(self._method)))
            await self._result()

    def close(self) -> None:
        """Let those that wait for the call's end know of it."""
        self._context.cancel()

    # In the event loop.

    def _give(self, body: Body) -> None:
        self._form = body.form
        with suppress(InvalidStateError):  # it was cancelled meanwhile
            self._body.set_result(body)

    async def _result(self) -> bytes | None:
        """Return what the present step of the handler returns."""
        try:
            return await asyncio.shield(self._step)
        except CallAborted:
            status = self._context.status
            if reason_of(status) in NOT_A_MEMBER:
                self._context.end_connection()
            raise error_of_status(status) from None
        except CallCancelled as error:
            raise ConnectError(Code.CANCELED, str(error)) from None

    def _in_thread(self, step: Callable[[], T]) -> asyncio.Future[T]:
        future = self._loop.run_in_executor(self._pool, self._variables.run, step)
        # The caller may be gone when it fails.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        return future

    # In a thread of the pool.

    def _unary(self) -> bytes | None:
        assert self._handler.stream_unary is not None, "the guard reads requests as streams"
        return self._encoded(self._handler.stream_unary(self._requests(), self._context))

    def _stream(self) -> bytes | None:
        assert self._handler.stream_stream is not None, "the guard reads requests as streams"
        self._answers = iter(self._handler.stream_stream(self._requests(), self._context))
        return self._next()

    def _next(self) -> bytes | None:
        return self._encoded(next(self._answers, None))

    def _close(self) -> None:
        close = getattr(self._answers, "close", None)
        if close is not None:
            close()

    def _requests(self) -> Iterator[bytes]:
        """Yield the one request, in the wire format, once the body is there."""
        with suppress(RuntimeError):  # the loop has ended with the node
            self._loop.call_soon_threadsafe(self._note_asked)
        body = self._body.result()
        # Parsed JSON takes memory, too; what it becomes is counted by the guard.
        with self._memory.acquire(load.get().carrier, len(body.data)):
            request = to_wire(self._request_class, body)
        yield request

    def _note_asked(self) -> None:
        if not self._asked.done():
            self._asked.set_result(None)

    def _encoded(self, answer: bytes | None) -> bytes | None:
        return None if answer is None else from_wire(self._answer_class, answer, self._form)

    def _fail(self, error: Exception) -> None:
        with suppress(InvalidStateError):
            self._body.set_exception(error)


def _cause_of(error: Exception, max_bytes: int) -> Exception:
    """Return what is wrong with a body, by the error with which the library ended reading it."""
    if not isinstance(error, ConnectError):
        return error
    match error.code:
        case Code.RESOURCE_EXHAUSTED:
            return Refusal("TOO_LARGE", f"the request has more than {max_bytes} bytes")
        case Code.CANCELED:
            return CallCancelled(error.message)
    return malformed(error.message)
