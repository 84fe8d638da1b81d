"""Operations that wait for a browser's signatures: turns, ends, limits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from bureau_client import SigningKey
from bureau_keys.errors import BadSignature
from bureau_portal.exchange import (
    BrowserKey,
    Exchange,
    Exchanges,
    SignatureMissing,
    TooManyExchanges,
)

KEY = SigningKey.generate()


def begun(
    work: Callable[[BrowserKey], Any], running: Exchanges | None = None, timeout_s: float = 60
) -> Exchange:
    """An exchange under way whose operation gets the browser's key."""
    key = BrowserKey(KEY.verify_key.raw)
    exchange = Exchange(key, lambda: work(key), lambda _: "/end", timeout_s)
    (running or Exchanges()).start(exchange)
    return exchange


def turn(exchange: Exchange) -> bytes | None:
    return asyncio.run(exchange.turn())


def test_an_operation_signs_turn_after_turn() -> None:
    messages = [f"message {number}".encode() for number in range(200)]
    exchange = begun(lambda key: [key.sign(message) for message in messages])
    for message in messages:
        assert turn(exchange) == message
        exchange.answer(KEY.sign(message))
    assert turn(exchange) is None
    assert exchange.result == [KEY.sign(message) for message in messages]
    assert exchange.location() == "/end"


def test_a_wrong_signature_ends_the_operation() -> None:
    exchange = begun(lambda key: key.sign(b"message"))
    turn(exchange)
    exchange.answer(KEY.sign(b"another message"))
    assert turn(exchange) is None
    assert isinstance(exchange.error, BadSignature)


def test_one_turn_takes_one_signature() -> None:
    wait = threading.Event()
    exchange = begun(lambda key: (key.sign(b"message"), wait.wait()))
    turn(exchange)
    exchange.answer(KEY.sign(b"message"))
    with pytest.raises(SignatureMissing):
        exchange.answer(KEY.sign(b"message"))
    wait.set()
    assert turn(exchange) is None
    assert exchange.error is None


def test_an_operation_without_a_signature_ends() -> None:
    cancelled = begun(lambda key: key.sign(b"message"))
    turn(cancelled)
    cancelled.cancel()
    late = begun(lambda key: key.sign(b"message"), timeout_s=0.01)
    for exchange in (cancelled, late):
        while turn(exchange) is not None:
            pass
        assert isinstance(exchange.error, SignatureMissing)
        with pytest.raises(SignatureMissing):
            exchange.answer(KEY.sign(b"message"))


def test_no_more_wait_than_the_portal_allows() -> None:
    running = Exchanges(most=1)
    first = begun(lambda key: key.sign(b"message"), running)
    turn(first)
    with pytest.raises(TooManyExchanges):
        begun(lambda key: key.sign(b"message"), running)
    first.answer(KEY.sign(b"message"))
    assert turn(first) is None
