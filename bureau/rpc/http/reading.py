"""Sends answers no faster than clients read them, and bounds the time in which one is read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

# Seconds in which a client reads a whole answer, or one message of a stream; then its connection is
# closed.
READ_S = 30.0
# Bytes that are handed to the connection at once. It takes further ones when the client has read:
# a whole answer would wait in the connection, which does not tell that the client reads none of it.
PIECE_BYTES = 64 * 1024


def read_in_time(send: Send, abort: Callable[[], None]) -> Send:
    """Return `send` for a client that must read.

    Args:
        send: Hands a message of ASGI to the connection, once it takes more.
        abort: Closes the connection.
    """

    async def send_in_time(message: Message) -> None:
        late = asyncio.get_running_loop().call_later(READ_S, abort)
        try:
            for piece in _pieces(message):
                await send(piece)
        finally:
            late.cancel()

    return send_in_time


def _pieces(message: Message) -> Iterator[Message]:
    body = message.get("body", b"")
    if len(body) <= PIECE_BYTES:
        yield message
        return
    for begin in range(0, len(body), PIECE_BYTES):
        end = begin + PIECE_BYTES
        more = end < len(body) or message.get("more_body", False)
        yield {**message, "body": body[begin:end], "more_body": more}
