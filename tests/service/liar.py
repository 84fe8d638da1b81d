"""A bureau that lies: its true replies, changed on their way to one client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from google.protobuf.message import Message

from bureau_client import VerificationFailed, Wallet
from bureau_client._transport.engine import Attempt
from bureau_client.aio.client import AsyncClient
from bureau_client.sync.client import Client
from tests.service.client_calls import client_of
from tests.service.scenario import Scenario

# Changes a reply of a method, which is named by its path, in place.
Lie = Callable[[str, Any], object]
# Returns the messages of a stream, in place of the true ones.
StreamLie = Callable[[list[Any]], list[Any]]


class LyingTransport:
    """A transport that changes what the bureau answers."""

    def __init__(self, true: Any, lie: Lie) -> None:
        self._true = true
        self._lie = lie

    def send(self, attempt: Attempt) -> Message:
        """Return the changed reply of one attempt."""
        reply: Message = self._true.send(attempt)
        self._lie(attempt.call.method.path, reply)
        return reply

    def stream(self, attempt: Attempt) -> Iterator[Any]:
        """Yield the changed messages of one attempt at a stream."""
        for message in self._true.stream(attempt):
            self._lie(attempt.call.method.path, message)
            yield message

    def close(self) -> None:
        """Close the true connections."""
        self._true.close()


class AsyncLyingTransport:
    """The same, asynchronous."""

    def __init__(self, true: Any, lie: Lie) -> None:
        self._true = true
        self._lie = lie

    async def send(self, attempt: Attempt) -> Message:
        """Return the changed reply of one attempt."""
        reply: Message = await self._true.send(attempt)
        self._lie(attempt.call.method.path, reply)
        return reply

    async def stream(self, attempt: Attempt) -> AsyncIterator[Any]:
        """Yield the changed messages of one attempt at a stream."""
        async for message in self._true.stream(attempt):
            self._lie(attempt.call.method.path, message)
            yield message

    async def close(self) -> None:
        """Close the true connections."""
        await self._true.close()


def deceive(client: Client | AsyncClient, lie: Lie) -> None:
    """Let a client hear a lie in each reply from now on, in place of an earlier one."""
    driver: Any = client._driver
    kind = AsyncLyingTransport if isinstance(client, AsyncClient) else LyingTransport
    true = driver._transport
    driver._transport = kind(true._true if isinstance(true, kind) else true, lie)


class LyingStreams:
    """A transport whose streams have other messages than the bureau's."""

    def __init__(self, true: Any, lie: StreamLie) -> None:
        self._true = true
        self._lie = lie

    def send(self, attempt: Attempt) -> Message:
        """Return the true reply of one attempt."""
        reply: Message = self._true.send(attempt)
        return reply

    def stream(self, attempt: Attempt) -> Iterator[Any]:
        """Yield other messages than those of one attempt at a stream."""
        yield from self._lie(list(self._true.stream(attempt)))

    def close(self) -> None:
        """Close the true connections."""
        self._true.close()


class AsyncLyingStreams:
    """The same, asynchronous."""

    def __init__(self, true: Any, lie: StreamLie) -> None:
        self._true = true
        self._lie = lie

    async def send(self, attempt: Attempt) -> Message:
        """Return the true reply of one attempt."""
        reply: Message = await self._true.send(attempt)
        return reply

    async def stream(self, attempt: Attempt) -> AsyncIterator[Any]:
        """Yield other messages than those of one attempt at a stream."""
        for message in self._lie([message async for message in self._true.stream(attempt)]):
            yield message

    async def close(self) -> None:
        """Close the true connections."""
        await self._true.close()


def deceive_streams(client: Client | AsyncClient, lie: StreamLie) -> None:
    """Let a client see other streams from now on."""
    driver: Any = client._driver
    kind = AsyncLyingStreams if isinstance(client, AsyncClient) else LyingStreams
    driver._transport = kind(driver._transport, lie)


def forget_the_log(client: Client | AsyncClient) -> None:
    """Let a client hold no checkpoint to another one.

    The memory of the log alone finds a liar that signs a log of its own; with it no test would
    show that the other checks find the lie too.
    """
    view: Any = client._context.log_view
    view.is_proved = lambda _sighting: True


def answers(
    scenario: Scenario, kind: str, person: Wallet, call: Callable[[Any], Any], lie: Any
) -> list[Any]:
    """Return the results of one call, by the synchronous and by the asynchronous client; an
    error in place of a result.
    """
    results = []
    for is_async in (False, True):
        client = client_of(kind, scenario, person, 0, is_async=is_async)
        deceive(client, lie)
        try:
            results.append(asyncio.run(awaited(client, call)) if is_async else call(client))
        except VerificationFailed as error:
            results.append(error)
        finally:
            if not is_async:
                client.close()
    return results


async def awaited(client: Any, call: Callable[[Any], Any]) -> Any:
    async with client:
        return await call(client)


def lists_of(path: str, change: Callable[[Any], object]) -> Callable[[str, Any], None]:
    """Return the lie that changes the replies of one method."""

    def lie(method: str, reply: Any) -> None:
        if method == path:
            change(reply)

    return lie
