"""HTTP connections whose answer ends at a deadline.

The timeout of a socket counts from its last byte. So a peer that sends a byte now and then
would hold its caller without end: here the status line, the headers and the body share one
deadline, which begins when the request was sent.
"""

from __future__ import annotations

import io
import socket
import time
from http.client import HTTPResponse
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection


def timed_pool(connect_s: float, answer_s: float) -> PoolManager:
    """Return a pool of one connection to each host; its requests are not repeated.

    Args:
        connect_s: Seconds for a connection to one address.
        answer_s: Seconds from the end of the request to the end of the answer.
    """
    pool = PoolManager(maxsize=1, retries=False, timeout=Timeout(connect_s, answer_s))
    pool.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
    return pool


class _TimedReader(io.RawIOBase):
    """The bytes of one answer; a read after the deadline fails."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, deadline: float) -> None:
        self._raw = raw
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer was not complete at its deadline")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(HTTPResponse):
    """A response that is read until a deadline, the timeout of its connection from now."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        timeout = sock.gettimeout()
        assert timeout is not None  # `timed_pool` gives every connection one
        reader = _TimedReader(self.fp.detach(), sock, time.monotonic() + timeout)
        self.fp = io.BufferedReader(reader)


class _HTTP(HTTPConnection):
    response_class = _TimedResponse


class _HTTPS(HTTPSConnection):
    response_class = _TimedResponse


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTP


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPS
